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
  | "PROXY_NOT_TRUSTED"
  | "PROXY_REQUIRED"
  | "KICKED";

interface CloseReasonEntry {
  /** As monitoring and events tell it. */
  readonly text: string;
  /** Whether what is waiting in the outbound buffer, an error text mostly, is sent before the end. */
  readonly flushes: boolean;
  /** The status in the close frame of a WebSocket (websocket.go wsEnqueueCloseMessage). */
  readonly status: number;
}

/** Every reason that exists here. */
export const CLOSE_REASONS: Readonly<Record<CloseReason, CloseReasonEntry>> = Object.freeze({
  CLIENT_CLOSED: { text: "Client Closed", flushes: true, status: 1000 },
  AUTHENTICATION_TIMEOUT: { text: "Authentication Timeout", flushes: true, status: 1008 },
  AUTHENTICATION_EXPIRED: { text: "Authentication Expired", flushes: true, status: 1008 },
  AUTHENTICATION_FAILURE: { text: "Authentication Failure", flushes: true, status: 1008 },
  TLS_HANDSHAKE_ERROR: { text: "TLS Handshake Failure", flushes: false, status: 1015 },
  SLOW_CONSUMER_PENDING_BYTES: { text: "Slow Consumer (Pending Bytes)", flushes: false, status: 1008 },
  SLOW_CONSUMER_WRITE_DEADLINE: { text: "Slow Consumer (Write Deadline)", flushes: false, status: 1008 },
  READ_ERROR: { text: "Read Error", flushes: false, status: 1001 },
  PARSE_ERROR: { text: "Parse Error", flushes: true, status: 1002 },
  STALE_CONNECTION: { text: "Stale Connection", flushes: true, status: 1001 },
  PROTOCOL_VIOLATION: { text: "Protocol Violation", flushes: true, status: 1002 },
  BAD_CLIENT_PROTOCOL: { text: "Bad Client Protocol Version", flushes: true, status: 1002 },
  MAX_CONNECTIONS: { text: "Maximum Connections Exceeded", flushes: true, status: 1008 },
  MAX_PAYLOAD: { text: "Maximum Message Payload Exceeded", flushes: true, status: 1009 },
  MAX_CONTROL_LINE: { text: "Maximum Control Line Exceeded", flushes: true, status: 1008 },
  SERVER_SHUTDOWN: { text: "Server Shutdown", flushes: true, status: 1001 },
  NO_RESPONDERS_WITHOUT_HEADERS: { text: "No Responders Requires Headers", flushes: true, status: 1011 },
  INTERNAL_ERROR: { text: "Internal Client", flushes: true, status: 1011 },
  PROXY_NOT_TRUSTED: { text: "Proxy Not Trusted", flushes: true, status: 1011 },
  PROXY_REQUIRED: { text: "Proxy Required", flushes: true, status: 1011 },
  KICKED: { text: "Kicked", flushes: true, status: 1011 },
});
