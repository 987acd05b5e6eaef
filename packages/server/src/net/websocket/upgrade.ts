// Judges a WebSocket handshake (RFC 6455, section 4.2), and makes the answer. No I/O.
//
// The checks, their order and the words for the log are the reference's (websocket.go wsUpgrade). A client is told the status
// only.

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { parseIp } from "../ip-address.ts";
import { COMPRESSION_ANSWER, offersCompression } from "./message-codec.ts";
import type { OriginRules } from "./origins.ts";

const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3
const KEY = /^[A-Za-z0-9+/]{22}==$/;
const LEAFNODE_PATH = "/leafnode";
const MQTT_PATH = "/mqtt";

/** What a handshake is judged by. */
export interface UpgradeRules {
  readonly origins: OriginRules;
  /** Whether to compress where the client can. */
  readonly compression: boolean;
  /** Headers that are added to the answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the connection is TLS. */
  readonly isSecure: boolean;
}

/** The handshake is refused. */
export interface UpgradeRefusal {
  readonly status: number;
  /** For the log. */
  readonly problem: string;
}

/** The handshake is good. */
export interface Upgrade {
  /** The whole answer. */
  readonly answer: Uint8Array;
  readonly compression: boolean;
  /** Whether the path is that of leafnodes, and not of clients. */
  readonly isLeafnode: boolean;
  /** The `X-Forwarded-For` of a proxy, when it is an address; null without one. */
  readonly forwardedFor: string | null;
  /** Empty where there is none. */
  readonly userAgent: string;
  /** By name. */
  readonly cookies: ReadonlyMap<string, string>;
}

/** Judges a request. */
export function judgeUpgrade(request: IncomingMessage, rules: UpgradeRules): Upgrade | UpgradeRefusal {
  const { headers, headersDistinct, method } = request;
  const path = (request.url ?? "/").replace(/[?#].*$/, "");
  const header = (name: string): string => headersDistinct[name]?.[0] ?? "";
  const holds = (name: string, value: string): boolean => hasToken(headersDistinct[name], value);

  if (path.endsWith(MQTT_PATH)) return { status: 404, problem: "mqtt websocket endpoint not enabled" };
  if (method !== "GET") return { status: 405, problem: "request method must be GET" };
  if (!headers.host) return { status: 400, problem: "'Host' missing in request" };
  if (!holds("upgrade", "websocket")) return { status: 400, problem: "invalid value for header 'Upgrade'" };
  if (!holds("connection", "upgrade")) return { status: 400, problem: "invalid value for header 'Connection'" };
  const key = header("sec-websocket-key");
  if (key === "") return { status: 400, problem: "key missing" };
  if (!KEY.test(key)) return { status: 400, problem: "invalid websocket key" };
  if (!holds("sec-websocket-version", "13")) return { status: 400, problem: "invalid version" };
  const origin = header("origin") || header("sec-websocket-origin");
  const refusal = rules.origins.refusalOf({ origin, host: headers.host, isSecure: rules.isSecure });
  if (refusal !== null) return { status: 403, problem: `origin not allowed: ${refusal}` };

  const compression = rules.compression && offersCompression(headers["sec-websocket-extensions"]);
  const forwardedFor = header("x-forwarded-for");
  return {
    answer: answerTo(key, compression, rules.headers),
    compression,
    isLeafnode: path.endsWith(LEAFNODE_PATH),
    forwardedFor: parseIp(forwardedFor) === null ? null : forwardedFor,
    userAgent: header("user-agent"),
    cookies: parseCookies(headers.cookie ?? ""),
  };
}

function answerTo(key: string, compression: boolean, headers: Readonly<Record<string, string>>): Uint8Array {
  const accept = createHash("sha1").update(key).update(ACCEPT_SUFFIX).digest("base64");
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    ...(compression ? [`Sec-WebSocket-Extensions: ${COMPRESSION_ANSWER}`] : []),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Whether a header's lists have a value, in any case. */
function hasToken(values: readonly string[] | undefined, wanted: string): boolean {
  const tokens = (values ?? []).flatMap((list) => list.split(","));
  return tokens.some((token) => token.trim().toLowerCase() === wanted);
}

/** The cookies of a request; of two of one name the last counts. Quotes round a value are taken off. */
function parseCookies(header: string): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const part of header.split(";")) {
    const at = part.indexOf("=");
    const name = part.slice(0, Math.max(0, at)).trim();
    if (name === "") continue;
    const value = part.slice(at + 1).trim();
    cookies.set(name, value.replace(/^"(.*)"$/, "$1"));
  }
  return cookies;
}
