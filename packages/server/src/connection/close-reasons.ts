// Why a connection ended: one table for the log, monitoring and events. Texts are the reference's (monitor.go ClosedState.String).

/** Stable name of a reason. */
export type CloseReason =
  | "CLIENT_CLOSED"
  | "AUTHENTICATION_TIMEOUT"
  | "AUTHENTICATION_FAILURE"
  | "TLS_HANDSHAKE_ERROR"
  | "AUTHENTICATION_EXPIRED"
  | "SLOW_CONSUMER_PENDING_BYTES"
  | "SLOW_CONSUMER_WRITE_DEADLINE"
  | "READ_ERROR"
  | "PARSE_ERROR"
  | "STALE_CONNECTION"
  | "PROTOCOL_VIOLATION"
  | "BAD_CLIENT_PROTOCOL"
  | "MAX_CONNECTIONS"
  | "MAX_PAYLOAD"
  | "MAX_CONTROL_LINE"
  | "SERVER_SHUTDOWN"
  | "NO_RESPONDERS_WITHOUT_HEADERS"
  | "INTERNAL_ERROR"
  | "KICKED";

interface CloseReasonEntry {
  /** As monitoring and events tell it. */
  readonly text: string;
  /** Whether what is waiting in the outbound buffer, an error text mostly, is sent before the end. */
  readonly flushes: boolean;
}

/** Every reason that exists here. */
export const CLOSE_REASONS: Readonly<Record<CloseReason, CloseReasonEntry>> = Object.freeze({
  CLIENT_CLOSED: { text: "Client Closed", flushes: true },
  AUTHENTICATION_TIMEOUT: { text: "Authentication Timeout", flushes: true },
  AUTHENTICATION_EXPIRED: { text: "Authentication Expired", flushes: true },
  AUTHENTICATION_FAILURE: { text: "Authentication Failure", flushes: true },
  TLS_HANDSHAKE_ERROR: { text: "TLS Handshake Failure", flushes: false },
  SLOW_CONSUMER_PENDING_BYTES: { text: "Slow Consumer (Pending Bytes)", flushes: false },
  SLOW_CONSUMER_WRITE_DEADLINE: { text: "Slow Consumer (Write Deadline)", flushes: false },
  READ_ERROR: { text: "Read Error", flushes: false },
  PARSE_ERROR: { text: "Parse Error", flushes: true },
  STALE_CONNECTION: { text: "Stale Connection", flushes: true },
  PROTOCOL_VIOLATION: { text: "Protocol Violation", flushes: true },
  BAD_CLIENT_PROTOCOL: { text: "Bad Client Protocol Version", flushes: true },
  MAX_CONNECTIONS: { text: "Maximum Connections Exceeded", flushes: true },
  MAX_PAYLOAD: { text: "Maximum Message Payload Exceeded", flushes: true },
  MAX_CONTROL_LINE: { text: "Maximum Control Line Exceeded", flushes: true },
  SERVER_SHUTDOWN: { text: "Server Shutdown", flushes: true },
  NO_RESPONDERS_WITHOUT_HEADERS: { text: "No Responders Requires Headers", flushes: true },
  INTERNAL_ERROR: { text: "Internal Client", flushes: true },
  KICKED: { text: "Kicked", flushes: true },
});
