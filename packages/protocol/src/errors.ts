// What a client can do wrong, as data: the text on the wire, whether the connection ends, and the words for the log.
// One table for the server, its tests and the documents. Texts are the reference's (errors.go, client.go, parser.go).

/** Stable name of a protocol error. */
export type ProtocolErrorCode =
  | "UNKNOWN_OPERATION"
  | "CONTROL_LINE"
  | "MAX_PAYLOAD"
  | "BAD_ARGUMENTS"
  | "HEADERS_NOT_SUPPORTED"
  | "BAD_CONNECT"
  | "AUTHORIZATION_VIOLATION"
  | "AUTHENTICATION_EXPIRED"
  | "AUTHENTICATION_TIMEOUT"
  | "MAX_CONNECTIONS"
  | "MAX_SUBSCRIPTIONS"
  | "BAD_CLIENT_PROTOCOL"
  | "NO_RESPONDERS_WITHOUT_HEADERS"
  | "STALE_CONNECTION"
  | "INVALID_SUBJECT"
  | "INVALID_PUBLISH_SUBJECT";

interface ProtocolErrorEntry {
  /** What stands between the quotes of `-ERR '...'`; null: nothing is sent, the connection just ends. */
  readonly wire: string | null;
  /** Whether the connection is closed afterwards. */
  readonly fatal: boolean;
}

/** Every protocol error that carries no text of its own (permission texts quote the subject). */
export const PROTOCOL_ERRORS: Readonly<Record<ProtocolErrorCode, ProtocolErrorEntry>> = Object.freeze({
  UNKNOWN_OPERATION: { wire: "Unknown Protocol Operation", fatal: true },
  CONTROL_LINE: { wire: "maximum control line exceeded", fatal: true },
  MAX_PAYLOAD: { wire: "Maximum Payload Violation", fatal: true },
  BAD_ARGUMENTS: { wire: null, fatal: true },
  HEADERS_NOT_SUPPORTED: { wire: null, fatal: true },
  BAD_CONNECT: { wire: null, fatal: true },
  AUTHORIZATION_VIOLATION: { wire: "Authorization Violation", fatal: true },
  AUTHENTICATION_EXPIRED: { wire: "User Authentication Expired", fatal: true },
  AUTHENTICATION_TIMEOUT: { wire: "Authentication Timeout", fatal: true },
  MAX_CONNECTIONS: { wire: "maximum connections exceeded", fatal: true },
  MAX_SUBSCRIPTIONS: { wire: "maximum subscriptions exceeded", fatal: false },
  BAD_CLIENT_PROTOCOL: { wire: "invalid client protocol", fatal: true },
  NO_RESPONDERS_WITHOUT_HEADERS: { wire: "no responders requires headers support", fatal: true },
  STALE_CONNECTION: { wire: "Stale Connection", fatal: true },
  INVALID_SUBJECT: { wire: "Invalid Subject", fatal: false },
  INVALID_PUBLISH_SUBJECT: { wire: "Invalid Publish Subject", fatal: false },
});
