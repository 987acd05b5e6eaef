// What a server says of itself in INFO, and the check of what it said.

import { ProtocolError } from "./errors.ts";

/** The server that the client is connected to, in the wire's own names. Servers may send more than is listed. */
export interface ServerInfo {
  server_id: string;
  server_name: string;
  /** The nats-server release whose behaviour the server has. */
  version: string;
  go: string;
  git_commit?: string;
  host: string;
  port: number;
  proto: number;
  /** Whether headers may be sent. */
  headers?: boolean;
  /** Largest message, headers and payload, in bytes. */
  max_payload: number;
  auth_required?: boolean;
  tls_required?: boolean;
  tls_verify?: boolean;
  tls_available?: boolean;
  /** The number of this connection at the server. */
  client_id: number;
  /** This client's address as the server sees it. */
  client_ip?: string;
  nonce?: string;
  cluster?: string;
  domain?: string;
  /** Other servers of the cluster, as `host:port`. */
  connect_urls?: string[];
  ws_connect_urls?: string[];
  /** The server is about to stop and asks its clients to move. */
  ldm?: boolean;
  jetstream?: boolean;
  /** JetStream API level. */
  api_lvl?: number;
  xkey?: string;
  acc_is_sys?: boolean;
}

const STRINGS = [
  "server_id",
  "server_name",
  "version",
  "go",
  "git_commit",
  "host",
  "client_ip",
  "nonce",
  "cluster",
  "domain",
  "xkey",
];
const BOOLEANS = [
  "headers",
  "auth_required",
  "tls_required",
  "tls_verify",
  "tls_available",
  "ldm",
  "jetstream",
  "acc_is_sys",
];
const NUMBERS = ["port", "proto", "max_payload", "client_id", "api_lvl"];
const LISTS = ["connect_urls", "ws_connect_urls"];
/** No cluster has more servers; a hostile one must not fill the pool. */
const URLS_MAX = 4096;

/**
 * Reads INFO's JSON. What is missing gets the value that an old server would mean by that.
 *
 * @throws ProtocolError when it is no JSON object, or a field has the wrong type.
 */
export function parseServerInfo(json: string): ServerInfo {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw new ProtocolError("The server's INFO is not JSON", { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new ProtocolError("The server's INFO is not a JSON object");
  }
  const fields = parsed as Record<string, unknown>;
  checkTypes(fields, STRINGS, "string");
  checkTypes(fields, BOOLEANS, "boolean");
  checkTypes(fields, NUMBERS, "number");
  for (const name of LISTS) checkList(fields, name);
  const info: ServerInfo = {
    server_id: "",
    server_name: "",
    version: "",
    go: "",
    host: "",
    port: 0,
    proto: 0,
    client_id: 0,
    max_payload: 0,
    ...(fields as Partial<ServerInfo>),
  };
  if (!(info.max_payload >= 0 && info.max_payload <= 0x7fffffff)) {
    throw new ProtocolError(`The server's INFO has a max_payload of ${info.max_payload}`);
  }
  return info;
}

function checkTypes(fields: Record<string, unknown>, names: string[], type: string): void {
  for (const name of names) {
    const value = fields[name];
    if (value === undefined || typeof value === type) continue;
    if (value === null) delete fields[name];
    else throw new ProtocolError(`The server's INFO has a ${name} that is no ${type}`);
  }
}

function checkList(fields: Record<string, unknown>, name: string): void {
  const value = fields[name];
  if (value === undefined) return;
  if (value === null) {
    delete fields[name];
    return;
  }
  if (!Array.isArray(value) || value.length > URLS_MAX || !value.every((url) => typeof url === "string")) {
    throw new ProtocolError(`The server's INFO has ${name} that are no list of at most ${URLS_MAX} addresses`);
  }
}
