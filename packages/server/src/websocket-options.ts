// The options of WebSocket: what `websocket { }` of a configuration file and `webSocket` of an embedded server set.

import { parseAllowedOrigin } from "./net/websocket/origins.ts";
import type { TlsSettings } from "./tls/settings.ts";

/** How clients come by WebSocket. */
export interface WebSocketOptions {
  /** Port to listen on; -1 picks a free one. 0: no listener, WebSockets come only by the embedding program's HTTP server. */
  readonly port: number;
  /** Address to listen on; `0.0.0.0` means every address of the machine, IPv6 included. */
  readonly host: string;
  /** True: the listener may do without TLS. */
  readonly noTls: boolean;
  /** TLS of the listener; null for none. */
  readonly tls: TlsSettings | null;

  /** True: pages have to come from the host and port that they connect to. */
  readonly sameOrigin: boolean;
  /** Origins that pages may come from, `https://host[:port]`; with none, from everywhere. */
  readonly allowedOrigins: readonly string[];
  /** Time for the HTTP upgrade. */
  readonly handshakeTimeoutMs: number;
  /** Whether messages are compressed for clients that offer it. */
  readonly compression: boolean;
  /** Headers of the answer to a handshake. */
  readonly headers: Readonly<Record<string, string>>;

  /** The one user here, with {@link pass}. With it, {@link token} or {@link noAuthUser} the server's own do not count here. */
  readonly user: string | null;
  readonly pass: string | null;
  readonly token: string | null;
  /** Time a connection has for its CONNECT; null for the server's. */
  readonly authTimeoutMs: number | null;
  /** Name or nkey of the server's user that clients without credentials are here. */
  readonly noAuthUser: string | null;
  /** Names of the cookies that stand in for what CONNECT leaves out. */
  readonly userCookie: string | null;
  readonly passCookie: string | null;
  readonly tokenCookie: string | null;

  /** Time between PINGs; null for the server's. */
  readonly pingIntervalMs: number | null;
}

/** What a caller may set; everything has a default. */
export type PartialWebSocketOptions = { readonly [Key in keyof WebSocketOptions]?: WebSocketOptions[Key] | undefined };

/** No listener, every origin. */
export const DEFAULT_WEBSOCKET_OPTIONS: WebSocketOptions = Object.freeze({
  port: 0,
  host: "0.0.0.0",
  noTls: false,
  tls: null,
  sameOrigin: false,
  allowedOrigins: Object.freeze([]),
  handshakeTimeoutMs: 2_000,
  compression: false,
  headers: Object.freeze({}),
  user: null,
  pass: null,
  token: null,
  authTimeoutMs: null,
  noAuthUser: null,
  userCookie: null,
  passCookie: null,
  tokenCookie: null,
  pingIntervalMs: null,
});

/** Headers that the handshake itself has (websocket.go validateWebsocketOptions). */
const HANDSHAKE_HEADERS = ["host", "content-length", "connection", "upgrade", "nats-no-masking"];
const HANDSHAKE_PREFIX = "sec-websocket-";
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What would end a header, or the whole answer. */
const HEADER_BREAK = /[\r\n\0]/;

/** What is wrong with WebSocket options, and with which. */
export interface WebSocketProblem {
  readonly option: keyof WebSocketOptions;
  /** In the reference's words where it has some. */
  readonly text: string;
}

/**
 * Looks for what no server can run with.
 *
 * @param users - Names and nkeys of the server's users.
 * @returns The first problem; null without one.
 */
export function problemOfWebSocket(options: WebSocketOptions, users: readonly string[]): WebSocketProblem | null {
  const { allowedOrigins, noTls, port, tls } = options;
  if (port !== 0 && !noTls && tls === null) return { option: "noTls", text: "websocket requires TLS configuration" };
  for (const origin of allowedOrigins) {
    try {
      parseAllowedOrigin(origin);
    } catch (error) {
      return { option: "allowedOrigins", text: (error as Error).message };
    }
  }
  return problemOfUsers(options, users) ?? problemOfHeaders(options);
}

function problemOfUsers(
  { noAuthUser, token, user }: WebSocketOptions,
  users: readonly string[],
): WebSocketProblem | null {
  if (noAuthUser !== null && !users.includes(noAuthUser)) {
    const shown = JSON.stringify(noAuthUser);
    const text =
      users.length === 0
        ? `no_auth_user: ${shown} present, but users/nkeys are not defined`
        : `no_auth_user: ${shown} not present as user or nkey in authorization block or account configuration`;
    return { option: "noAuthUser", text };
  }
  if (users.length === 0) return null;
  if (user !== null) {
    return { option: "user", text: "websocket authentication username not compatible with presence of users/nkeys" };
  }
  return token === null
    ? null
    : { option: "token", text: "websocket authentication token not compatible with presence of users/nkeys" };
}

function problemOfHeaders({ headers }: WebSocketOptions): WebSocketProblem | null {
  for (const [name, value] of Object.entries(headers)) {
    const shown = JSON.stringify(name);
    const lower = name.toLowerCase();
    if (HANDSHAKE_HEADERS.includes(lower)) {
      return { option: "headers", text: `websocket: invalid header ${shown} not allowed` };
    }
    if (lower.startsWith(HANDSHAKE_PREFIX)) {
      return { option: "headers", text: `websocket: invalid header ${shown}, "Sec-WebSocket-" prefix not allowed` };
    }
    if (!HEADER_NAME.test(name)) return { option: "headers", text: `websocket: ${shown} is no name of a header` };
    if (HEADER_BREAK.test(value))
      return { option: "headers", text: `websocket: the value of header ${shown} has a line end` };
  }
  return null;
}
