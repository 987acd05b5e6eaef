// Every option of a connection, and their defaults: the Go client's where the two official clients differ.

import type { Duplex } from "@myelin/platform";
import type { Authenticator } from "./auth/authenticator.ts";
import type { ReconnectDelayHandler } from "./backoff.ts";
import type { OfflinePolicy } from "./connection/outbound.ts";
import { InvalidArgumentError } from "./errors.ts";
import { checkInboxPrefix, DEFAULT_INBOX_PREFIX } from "./inbox.ts";
import { guardedLogger, type Logger } from "./logger.ts";
import type { ServerInfo } from "./server-info.ts";
import type { PendingOptions } from "./subscription/options.ts";
import type { Link, WebSocketLike } from "./transport/dialer.ts";

/** TLS, in the official client's names; in Node everything that `tls.connect` takes may stand beside them. */
export interface TlsOptions {
  /** Start TLS before the server's INFO; the server must be configured for it. */
  handshakeFirst?: boolean;
  /** Files are read again at each connect. */
  certFile?: string;
  cert?: string | Uint8Array;
  keyFile?: string;
  key?: string | Uint8Array;
  caFile?: string;
  ca?: string | Uint8Array;
  /** False: a certificate that cannot be verified is taken. For tests. */
  rejectUnauthorized?: boolean;
  [nodeOption: string]: unknown;
}

/** What may be done with messages that are published while there is no connection. */
export interface OfflineOptions {
  /** `buffer` unless told otherwise. */
  policy?: OfflinePolicy;
  /** Bytes that `buffer` keeps; 8 MiB unless told otherwise. Publishing more throws. */
  bytes?: number;
}

/** A server of the pool, as `reconnectToServer` sees it. */
export interface PoolServer {
  /** `host:port`. */
  readonly listen: string;
  readonly hostname: string;
  readonly port: number;
  readonly gossiped: boolean;
  /** Attempts since it was last connected to. */
  readonly attempts: number;
  readonly lastError: Error | null;
}

/** Chooses the server for the next attempt, and how long to wait before it. Null: the usual choice. */
export type ReconnectToServer = (
  pool: readonly PoolServer[],
  info: ServerInfo | undefined,
) => PoolServer | { server: PoolServer; delay: number } | null;

/** Anything with this method is a server that can be connected to without a socket. */
export interface InProcessServer {
  connectInProcess(): Duplex;
}

/** Opens the connection itself: through a proxy, a tunnel, a Unix socket. In Node it may give a stream. */
export type CustomDialer = (host: string, port: number, signal: AbortSignal) => Promise<Duplex | NodeStream | Link>;

/** A Node `stream.Duplex`, said without Node's types. */
export interface NodeStream {
  on(event: string, listener: (...args: never[]) => void): unknown;
  write(chunk: Uint8Array, callback?: (error?: Error | null) => void): boolean;
  pause(): unknown;
  resume(): unknown;
  end(callback?: () => void): unknown;
  destroy(error?: Error): unknown;
}

/** Options of `connect`. Times are in milliseconds. */
export interface ConnectionOptions {
  /** URLs or `host:port`; also comma lists. `nats://127.0.0.1:4222` when nothing is given. */
  servers?: string | string[];
  /** A port of 127.0.0.1; cannot be given with `servers`. */
  port?: number;
  /** Shown in the server's monitoring. */
  name?: string;
  user?: string;
  pass?: string;
  token?: string;
  authenticator?: Authenticator | Authenticator[];
  /** An object: TLS is required. Null: a server that requires TLS is refused. */
  tls?: TlsOptions | null;
  /** For the handshake with each server; divided among the addresses that its name has. 2,000. */
  timeout?: number;
  /** Default for `request`. 1,000. */
  requestTimeout?: number;
  /** For `drain` of the connection and of subscriptions. 30,000. */
  drainTimeout?: number;
  /** For `flush` and `rtt`. 10,000. */
  flushTimeout?: number;
  /** Between pings; 0 switches them off. 120,000. */
  pingInterval?: number;
  /** Pings that may stay unanswered before the connection is stale. 2. */
  maxPingOut?: number;
  /** False: the connection closes when it is lost. */
  reconnect?: boolean;
  /** Attempts per server before it leaves the pool; -1: never. 60. */
  maxReconnectAttempts?: number;
  /** Wait after all servers have been tried. 2,000. */
  reconnectTimeWait?: number;
  /** At most this much is added to the wait. 100. */
  reconnectJitter?: number;
  /** The same when TLS is used. 1,000. */
  reconnectJitterTLS?: number;
  /** Gives the wait instead; see {@link ReconnectDelayHandler}. */
  reconnectDelayHandler?: ReconnectDelayHandler;
  reconnectToServer?: ReconnectToServer;
  /** Goes on trying when no server can be reached at first; `connect` stays pending. */
  waitOnFirstConnect?: boolean;
  /** The same, but `connect` gives a connection at once, which is reconnecting. */
  retryOnFailedConnect?: boolean;
  /** Goes on reconnecting when the same server refuses the credentials twice. */
  ignoreAuthErrorAbort?: boolean;
  noRandomize?: boolean;
  /** Servers that the cluster tells of are not used. */
  ignoreClusterUpdates?: boolean;
  /** False: names are not resolved by the client, the platform connects to the first address it likes. */
  resolve?: boolean;
  /** What is published does not come back to this connection's own subscriptions. */
  noEcho?: boolean;
  pedantic?: boolean;
  verbose?: boolean;
  /** Protocol operations go to the logger's `debug`. */
  debug?: boolean;
  /** `console`, warnings and errors only, unless told otherwise. */
  logger?: Logger;
  inboxPrefix?: string;
  /** Requests use an inbox of their own each. */
  noMux?: boolean;
  /** False: time-outs of requests carry the stack of the call; costs an Error per request. */
  noAsyncTraces?: boolean;
  /** Subjects are not checked when publishing, line ends excepted. */
  skipSubjectValidation?: boolean;
  offline?: OfflineOptions;
  /** What may wait in each subscription; see {@link PendingOptions}. */
  pending?: PendingOptions;
  /** Bytes that may wait for a server that takes no more; publishing beyond throws. 256 MiB. */
  outboundBytesMax?: number;
  /** Longest message that is accepted from the server, in bytes. 64 MiB. */
  messageBytesMax?: number;
  /** Callbacks are not called any more for messages that arrive while the connection closes. */
  noCallbacksAfterClose?: boolean;
  /** Aborting it while connecting rejects `connect`; later it closes the connection. */
  signal?: AbortSignal;
  /** Connects without a socket. */
  inProcessServer?: InProcessServer;
  dialer?: CustomDialer;
  localAddress?: string;
  /** WebSocket only: headers of its handshake, where the platform can send them; or a function, asked at each connect. */
  webSocketHeaders?: Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>);
  /** WebSocket only: offer compression, where the platform can choose. */
  compression?: boolean;
  /** WebSocket only: makes the socket. */
  wsFactory?: (
    url: string,
    options: ConnectionOptions,
  ) => WebSocketLike | Promise<WebSocketLike | { socket: WebSocketLike; encrypted: boolean }>;
}

/** Options with everything filled in that has a default. */
export interface CompleteOptions extends ConnectionOptions {
  timeout: number;
  requestTimeout: number;
  drainTimeout: number;
  flushTimeout: number;
  pingInterval: number;
  maxPingOut: number;
  reconnect: boolean;
  maxReconnectAttempts: number;
  reconnectTimeWait: number;
  reconnectJitter: number;
  reconnectJitterTLS: number;
  inboxPrefix: string;
  offline: Required<OfflineOptions>;
  pending: Required<PendingOptions>;
  outboundBytesMax: number;
  messageBytesMax: number;
  logger: Logger;
}

const MIB = 1024 * 1024;

const DEFAULTS = {
  timeout: 2_000,
  requestTimeout: 1_000,
  drainTimeout: 30_000,
  flushTimeout: 10_000,
  pingInterval: 120_000,
  maxPingOut: 2,
  reconnect: true,
  maxReconnectAttempts: 60,
  reconnectTimeWait: 2_000,
  reconnectJitter: 100,
  reconnectJitterTLS: 1_000,
  inboxPrefix: DEFAULT_INBOX_PREFIX,
  outboundBytesMax: 256 * MIB,
  messageBytesMax: 64 * MIB,
} as const;

const OFFLINE_DEFAULTS: Required<OfflineOptions> = { policy: "buffer", bytes: 8 * MIB };
const PENDING_DEFAULTS: Required<PendingOptions> = { msgs: 512 * 1024, bytes: 64 * MIB, policy: "drop" };

const CONSOLE_LOGGER: Logger = {
  debug: (text) => console.debug(text),
  info: () => {},
  warn: (text) => console.warn(text),
  error: (text) => console.error(text),
};

/** Numbers and the least that each may be. */
const NUMBER_MINIMA: ReadonlyArray<readonly [keyof CompleteOptions, number]> = [
  ["timeout", 1],
  ["requestTimeout", 1],
  ["drainTimeout", 1],
  ["flushTimeout", 1],
  ["pingInterval", 0],
  ["maxPingOut", 0],
  ["maxReconnectAttempts", -1],
  ["reconnectTimeWait", 0],
  ["reconnectJitter", 0],
  ["reconnectJitterTLS", 0],
  ["outboundBytesMax", 1],
  ["messageBytesMax", 1],
];

/**
 * Fills in the defaults and checks what was given.
 *
 * @throws InvalidArgumentError for what no connection can work with.
 */
export function completeOptions(given: ConnectionOptions): CompleteOptions {
  const options: CompleteOptions = {
    ...DEFAULTS,
    logger: CONSOLE_LOGGER,
    ...definedOf(given),
    offline: { ...OFFLINE_DEFAULTS, ...definedOf(given.offline ?? {}) },
    pending: { ...PENDING_DEFAULTS, ...definedOf(given.pending ?? {}) },
  };
  for (const [name, min] of NUMBER_MINIMA) {
    const value = options[name] as number;
    if (typeof value === "number" && value >= min) continue;
    throw new InvalidArgumentError(`'${name}' must be a number of at least ${min}, and is ${String(value)}`);
  }
  if (given.servers !== undefined && given.port !== undefined) {
    throw InvalidArgumentError.format(["servers", "port"], "cannot both be given");
  }
  options.logger = guardedLogger(options.logger);
  checkInboxPrefix(options.inboxPrefix);
  checkOffline(options.offline);
  checkAuth(given);
  return options;
}

function definedOf<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}

function checkOffline({ policy, bytes }: Required<OfflineOptions>): void {
  if (policy !== "buffer" && policy !== "error" && policy !== "drop") {
    throw new InvalidArgumentError(`'offline.policy' must be 'buffer', 'error' or 'drop', and is '${String(policy)}'`);
  }
  if (!(bytes >= 0)) throw new InvalidArgumentError(`'offline.bytes' must be at least 0, and is ${String(bytes)}`);
}

function checkAuth(given: ConnectionOptions): void {
  const conflict = (names: string[]): InvalidArgumentError =>
    new InvalidArgumentError(
      `${names.map((name) => `'${name}'`).join(" and ")} cannot both be given`,
      undefined,
      "ERR_NATS_AUTH_CONFLICT",
    );
  if (given.user !== undefined && given.token !== undefined) throw conflict(["user", "token"]);
  if (given.pass !== undefined && given.user === undefined) {
    throw new InvalidArgumentError("'pass' needs 'user'", undefined, "ERR_NATS_AUTH_CONFLICT");
  }
}
