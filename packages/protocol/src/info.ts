// INFO: what a server tells about itself, as JSON on one line. The first thing on every connection.

/** The fields of INFO that a client sees; order and spelling are the reference's (server.go Info). */
export interface ServerInfo {
  server_id: string;
  server_name: string;
  version: string;
  proto: number;
  git_commit?: string;
  /** A tool chain in the reference; clients only want a string. */
  go: string;
  host: string;
  port: number;
  headers: boolean;
  auth_required?: boolean;
  tls_required?: boolean;
  tls_verify?: boolean;
  tls_available?: boolean;
  max_payload: number;
  jetstream?: boolean;
  ip?: string;
  client_id?: number;
  client_ip?: string;
  nonce?: string;
  cluster?: string;
  cluster_dynamic?: boolean;
  domain?: string;
  connect_urls?: string[];
  ws_connect_urls?: string[];
  ldm?: boolean;
  connect_info?: boolean;
  remote_account?: string;
  acc_is_sys?: boolean;
  api_lvl?: number;
  xkey?: string;
}

const FIELD_ORDER: ReadonlyArray<keyof ServerInfo> = Object.freeze([
  "server_id",
  "server_name",
  "version",
  "proto",
  "git_commit",
  "go",
  "host",
  "port",
  "headers",
  "auth_required",
  "tls_required",
  "tls_verify",
  "tls_available",
  "max_payload",
  "jetstream",
  "ip",
  "client_id",
  "client_ip",
  "nonce",
  "cluster",
  "cluster_dynamic",
  "domain",
  "connect_urls",
  "ws_connect_urls",
  "ldm",
  "connect_info",
  "remote_account",
  "acc_is_sys",
  "api_lvl",
  "xkey",
]);

/** Fields that are told even when they are false, zero or empty. */
const ALWAYS: ReadonlySet<keyof ServerInfo> = new Set([
  "server_id",
  "server_name",
  "version",
  "proto",
  "go",
  "host",
  "port",
  "headers",
  "max_payload",
] as const);

/**
 * The INFO line, with the blank that the reference has before the line end.
 *
 * @returns Characters, to be encoded as UTF-8.
 */
export function infoLine(info: ServerInfo): string {
  return `INFO ${fieldsOf(info, FIELD_ORDER)} \r\n`;
}

/** An INFO line in two parts, between which what differs from client to client is written. */
export interface InfoTemplate {
  readonly head: string;
  readonly tail: string;
}

/** Splits the INFO line where `client_id` and `client_ip` stand, so that telling each new client takes two short strings. */
export function infoTemplate(info: ServerInfo): InfoTemplate {
  const at = FIELD_ORDER.indexOf("client_id");
  const behind = fieldsOf(info, FIELD_ORDER.slice(at + 2)).slice(1, -1);
  return {
    head: `INFO ${fieldsOf(info, FIELD_ORDER.slice(0, at)).slice(0, -1)}`,
    tail: `${behind === "" ? "" : `,${behind}`}} \r\n`,
  };
}

function fieldsOf(info: ServerInfo, fields: ReadonlyArray<keyof ServerInfo>): string {
  const told: Record<string, unknown> = {};
  for (const field of fields) {
    const value = info[field];
    if (ALWAYS.has(field) || isTold(value)) told[field] = value;
  }
  return JSON.stringify(told).replaceAll(/[<>&\u2028\u2029]/g, escapeAsGo);
}

/** Go's encoder escapes what would mean something in HTML or end a line in JavaScript. */
function escapeAsGo(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The type of each field, by example; for the arrays, that of their elements is not looked at. */
const FIELD_TYPES: ReadonlyMap<string, string> = new Map(
  FIELD_ORDER.map((field) => {
    if (field === "connect_urls" || field === "ws_connect_urls") return [field, "array"];
    if (["proto", "port", "max_payload", "client_id", "api_lvl"].includes(field)) return [field, "number"];
    const flags = ["headers", "jetstream", "ldm", "cluster_dynamic", "connect_info", "acc_is_sys", "auth_required"];
    return [field, flags.includes(field) || field.startsWith("tls_") ? "boolean" : "string"];
  }),
);

/**
 * Whether a text is an INFO that the reference would read: a JSON object, or null, whose known fields have their types.
 * What is in it is of no interest to a server when a client sends it.
 */
export function isInfoJson(json: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return false;
  }
  if (value === null) return true;
  if (typeof value !== "object" || Array.isArray(value)) return false;
  return Object.entries(value).every(([field, given]) => {
    const wanted = FIELD_TYPES.get(field);
    return wanted === undefined || given === null || (Array.isArray(given) ? "array" : typeof given) === wanted;
  });
}

function isTold(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== false && value !== 0 && value !== "";
}
