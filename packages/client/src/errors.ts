// Every error of the client: one base class, a class per kind of trouble, a stable `code` per row of the table below.
//
// Names are those of the official TypeScript client where it has one, and more special classes extend those, so that
// `instanceof` written for it goes on working. Test `code` where two copies of the package may meet. Messages never hold
// passwords, tokens, seeds or JWTs.

/** The contract for programs: a code never changes its meaning. Texts may improve. */
export type NatsErrorCode =
  | "ERR_NATS_ACCOUNT_AUTH_EXPIRED"
  | "ERR_NATS_AUTHENTICATION_TIMEOUT"
  | "ERR_NATS_AUTHENTICATOR_FAILED"
  | "ERR_NATS_AUTHORIZATION"
  | "ERR_NATS_AUTH_CONFLICT"
  | "ERR_NATS_AUTH_EXPIRED"
  | "ERR_NATS_AUTH_REVOKED"
  | "ERR_NATS_BAD_CONTEXT"
  | "ERR_NATS_BAD_CREDENTIALS"
  | "ERR_NATS_BAD_HEADER"
  | "ERR_NATS_BAD_QUEUE"
  | "ERR_NATS_BAD_SUBJECT"
  | "ERR_NATS_BAD_SUBSCRIPTION"
  | "ERR_NATS_CALLBACK_FAILED"
  | "ERR_NATS_CONNECTION"
  | "ERR_NATS_CONNECTION_CLOSED"
  | "ERR_NATS_CONNECTION_DRAINING"
  | "ERR_NATS_CONNECTION_REFUSED"
  | "ERR_NATS_CONNECT_TIMEOUT"
  | "ERR_NATS_DISCONNECTED"
  | "ERR_NATS_DRAIN_TIMEOUT"
  | "ERR_NATS_HEADERS_NOT_SUPPORTED"
  | "ERR_NATS_INVALID_ARGUMENT"
  | "ERR_NATS_INVALID_OPERATION"
  | "ERR_NATS_MAX_ACCOUNT_CONNECTIONS"
  | "ERR_NATS_MAX_CONNECTIONS"
  | "ERR_NATS_MAX_PAYLOAD"
  | "ERR_NATS_MAX_SUBSCRIPTIONS"
  | "ERR_NATS_MSG_NO_REPLY"
  | "ERR_NATS_NKEYS_NOT_SUPPORTED"
  | "ERR_NATS_NO_ECHO_NOT_SUPPORTED"
  | "ERR_NATS_NO_INFO"
  | "ERR_NATS_NO_RESPONDERS"
  | "ERR_NATS_NO_SERVERS"
  | "ERR_NATS_OUTBOUND_FULL"
  | "ERR_NATS_PERMISSION_VIOLATION"
  | "ERR_NATS_PROTOCOL"
  | "ERR_NATS_RECONNECTING"
  | "ERR_NATS_RECONNECT_BUFFER_EXCEEDED"
  | "ERR_NATS_REQUEST"
  | "ERR_NATS_SECURE_NOT_WANTED"
  | "ERR_NATS_SECURE_REQUIRED"
  | "ERR_NATS_SERVER_NOT_IN_POOL"
  | "ERR_NATS_SLOW_CONSUMER"
  | "ERR_NATS_STALE_CONNECTION"
  | "ERR_NATS_TIMEOUT"
  | "ERR_NATS_TLS"
  | "ERR_NATS_TRANSPORT";

/** Marks the errors of every copy of this package. */
const BRAND = Symbol.for("myelin.client.error");

/** What `NatsError` takes besides its text. */
export interface NatsErrorOptions extends ErrorOptions {
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable?: boolean;
}

/** The base of all errors that the client makes. */
export class NatsError extends Error {
  override name = "NatsError";
  readonly code: NatsErrorCode;
  /** True where the same call may succeed later: time-outs, lost connections, full buffers. */
  readonly retryable: boolean;

  constructor(message: string, code: NatsErrorCode, options?: NatsErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = options?.retryable ?? false;
  }

  /** Whether `value` is an error of this client, also of another copy of the package. */
  static isNatsError(value: unknown): value is NatsError {
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

Object.defineProperty(NatsError.prototype, BRAND, { value: true });

/** A value that no call can work with; thrown at once. */
export class InvalidArgumentError extends NatsError {
  override name = "InvalidArgumentError";

  constructor(message: string, options?: NatsErrorOptions, code: NatsErrorCode = "ERR_NATS_INVALID_ARGUMENT") {
    super(message, code, options);
  }

  /** Names the property, or several that do not go together. */
  static format(property: string | string[], message: string, options?: ErrorOptions): InvalidArgumentError {
    const named = typeof property === "string" ? [property] : property;
    return new InvalidArgumentError(`${named.map((name) => `'${name}'`).join(" and ")} ${message}`, options);
  }
}

/** A subject that cannot be published or subscribed to. */
export class InvalidSubjectError extends NatsError {
  override name = "InvalidSubjectError";

  /** @param problem - Why, as a clause beginning with "it". */
  constructor(subject: string, problem?: string, options?: ErrorOptions) {
    const why = problem === undefined ? "" : `: ${problem}`;
    super(`illegal subject: '${shown(subject)}'${why}`, "ERR_NATS_BAD_SUBJECT", options);
  }
}

/** A name that cannot be a queue group's. */
export class InvalidQueueError extends InvalidArgumentError {
  override name = "InvalidQueueError";

  constructor(queue: string, problem: string) {
    super(`illegal queue group: '${shown(queue)}': ${problem}`, undefined, "ERR_NATS_BAD_QUEUE");
  }
}

/** A header name or value that cannot be sent, or a header block of a received message that cannot be read. */
export class InvalidHeaderError extends InvalidArgumentError {
  override name = "InvalidHeaderError";

  constructor(message: string, options?: ErrorOptions) {
    super(message, options, "ERR_NATS_BAD_HEADER");
  }
}

/** A message that the server would refuse for its size. */
export class MaxPayloadError extends InvalidArgumentError {
  override name = "MaxPayloadError";

  constructor(subject: string, size: number, max: number) {
    super(
      `Cannot publish to '${shown(subject)}': ${size} bytes of headers and payload exceed the server's max_payload of ${max}`,
      undefined,
      "ERR_NATS_MAX_PAYLOAD",
    );
  }
}

/** The call makes no sense in the state that the object is in. */
export class InvalidOperationError extends NatsError {
  override name = "InvalidOperationError";

  constructor(message: string, options?: ErrorOptions, code: NatsErrorCode = "ERR_NATS_INVALID_OPERATION") {
    super(message, code, options);
  }
}

/** The connection is closed for good. `cause` says why when it was not asked for. */
export class ClosedConnectionError extends NatsError {
  override name = "ClosedConnectionError";

  constructor(options?: ErrorOptions) {
    super("closed connection", "ERR_NATS_CONNECTION_CLOSED", options);
  }
}

/** The connection is draining and takes no such calls any more. */
export class DrainingConnectionError extends NatsError {
  override name = "DrainingConnectionError";

  constructor() {
    super("connection draining", "ERR_NATS_CONNECTION_DRAINING");
  }
}

/** A connection could not be made, or was lost. */
export class ConnectionError extends NatsError {
  override name = "ConnectionError";

  constructor(message: string, options?: NatsErrorOptions, code: NatsErrorCode = "ERR_NATS_CONNECTION") {
    super(message, code, { retryable: true, ...options });
  }
}

/** No server of the pool could be reached. `errors` holds the last error of each. */
export class NoServersError extends ConnectionError {
  override name = "NoServersError";
  readonly errors: readonly Error[];

  constructor(message: string, errors: readonly Error[]) {
    const cause = errors.at(-1);
    super(message, cause === undefined ? undefined : { cause }, "ERR_NATS_NO_SERVERS");
    this.errors = errors;
  }
}

/** TLS is wanted and the server has none, or the reverse, or the handshake failed. */
export class TlsError extends ConnectionError {
  override name = "TlsError";

  constructor(
    message: string,
    code: "ERR_NATS_SECURE_REQUIRED" | "ERR_NATS_SECURE_NOT_WANTED" | "ERR_NATS_TLS",
    options?: ErrorOptions,
  ) {
    super(message, { retryable: false, ...options }, code);
  }
}

/** The server left pings unanswered, or said that we did. */
export class StaleConnectionError extends ConnectionError {
  override name = "StaleConnectionError";

  constructor(message = "stale connection") {
    super(message, undefined, "ERR_NATS_STALE_CONNECTION");
  }
}

/** The server, or the account, has as many connections as it may have. */
export class MaxConnectionsError extends ConnectionError {
  override name = "MaxConnectionsError";

  constructor(message: string, ofAccount: boolean) {
    super(message, undefined, ofAccount ? "ERR_NATS_MAX_ACCOUNT_CONNECTIONS" : "ERR_NATS_MAX_CONNECTIONS");
  }
}

/** The peer broke the protocol, or reported an error that has no class of its own. */
export class ProtocolError extends NatsError {
  override name = "ProtocolError";

  constructor(message: string, options?: NatsErrorOptions, code: NatsErrorCode = "ERR_NATS_PROTOCOL") {
    super(message, code, options);
  }
}

/** The connection, or its account, has as many subscriptions as it may have. */
export class MaxSubscriptionsError extends ProtocolError {
  override name = "MaxSubscriptionsError";

  constructor(message: string) {
    super(message, undefined, "ERR_NATS_MAX_SUBSCRIPTIONS");
  }
}

/** The server refused the credentials, or took them back. */
export class AuthorizationError extends NatsError {
  override name = "AuthorizationError";

  constructor(message: string, options?: ErrorOptions, code: NatsErrorCode = "ERR_NATS_AUTHORIZATION") {
    super(message, code, options);
  }
}

/** The user's credentials have expired. */
export class UserAuthenticationExpiredError extends NatsError {
  override name = "UserAuthenticationExpiredError";

  constructor(message: string, options?: ErrorOptions) {
    super(message, "ERR_NATS_AUTH_EXPIRED", options);
  }
}

/** The server does not let this user publish or subscribe there. Ends the subscription, never the connection. */
export class PermissionViolationError extends NatsError {
  override name = "PermissionViolationError";
  readonly operation: "publish" | "subscription";
  readonly subject: string;
  readonly queue?: string;

  constructor(
    message: string,
    operation: "publish" | "subscription",
    subject: string,
    queue?: string,
    options?: ErrorOptions,
  ) {
    super(message, "ERR_NATS_PERMISSION_VIOLATION", options);
    this.operation = operation;
    this.subject = subject;
    if (queue !== undefined) this.queue = queue;
  }
}

/** A request, flush or rtt that could not be completed; see `cause`. */
export class RequestError extends NatsError {
  override name = "RequestError";

  constructor(message = "", options?: NatsErrorOptions, code: NatsErrorCode = "ERR_NATS_REQUEST") {
    super(message, code, options);
  }

  /** Whether nobody was subscribed to the request's subject. */
  isNoResponders(): boolean {
    return this.cause instanceof NoRespondersError;
  }
}

/** The connection was lost while the call waited for the server. What it waited for may have happened or not. */
export class DisconnectedError extends RequestError {
  override name = "DisconnectedError";

  constructor(options?: ErrorOptions) {
    super("connection disconnected", { retryable: true, ...options }, "ERR_NATS_DISCONNECTED");
  }
}

/** Nobody was subscribed to the subject. */
export class NoRespondersError extends NatsError {
  override name = "NoRespondersError";
  readonly subject: string;

  constructor(subject: string, options?: ErrorOptions) {
    super(`no responders: '${shown(subject)}'`, "ERR_NATS_NO_RESPONDERS", { retryable: true, ...options });
    this.subject = subject;
  }
}

/** What was waited for did not come in time. */
export class TimeoutError extends NatsError {
  override name = "TimeoutError";

  constructor(options?: ErrorOptions, message = "timeout", code: NatsErrorCode = "ERR_NATS_TIMEOUT") {
    super(message, code, { retryable: true, ...options });
  }
}

/** Messages were dropped because they came faster than they were handled. */
export class SlowConsumerError extends NatsError {
  override name = "SlowConsumerError";
  readonly subject: string;
  /** Messages that this subscription has dropped so far. */
  readonly dropped: number;

  constructor(subject: string, dropped: number, limit: string) {
    super(
      `slow consumer: the subscription to '${shown(subject)}' has reached its pending limit of ${limit}; ${dropped} dropped so far`,
      "ERR_NATS_SLOW_CONSUMER",
    );
    this.subject = subject;
    this.dropped = dropped;
  }
}

/** A publish was refused, or messages were dropped, because of the state of the outgoing side. */
export class PublishRefusedError extends NatsError {
  override name = "PublishRefusedError";

  constructor(
    message: string,
    code: "ERR_NATS_OUTBOUND_FULL" | "ERR_NATS_RECONNECTING" | "ERR_NATS_RECONNECT_BUFFER_EXCEEDED",
  ) {
    super(message, code, { retryable: true });
  }
}

/** A subscription's callback threw or rejected; `cause` is what it threw. */
export class CallbackError extends NatsError {
  override name = "CallbackError";

  constructor(subject: string, cause: unknown) {
    super(`the callback of the subscription to '${shown(subject)}' failed`, "ERR_NATS_CALLBACK_FAILED", { cause });
  }
}

/** Credentials, seeds and the like that cannot be used. */
export class CredentialsError extends NatsError {
  override name = "CredentialsError";

  constructor(message: string, code: NatsErrorCode = "ERR_NATS_BAD_CREDENTIALS", options?: ErrorOptions) {
    super(message, code, options);
  }
}

/** The classes that the official client has, under one name, as it exports them. */
export const errors: {
  readonly AuthorizationError: typeof AuthorizationError;
  readonly ClosedConnectionError: typeof ClosedConnectionError;
  readonly ConnectionError: typeof ConnectionError;
  readonly DrainingConnectionError: typeof DrainingConnectionError;
  readonly InvalidArgumentError: typeof InvalidArgumentError;
  readonly InvalidOperationError: typeof InvalidOperationError;
  readonly InvalidSubjectError: typeof InvalidSubjectError;
  readonly NoRespondersError: typeof NoRespondersError;
  readonly PermissionViolationError: typeof PermissionViolationError;
  readonly ProtocolError: typeof ProtocolError;
  readonly RequestError: typeof RequestError;
  readonly TimeoutError: typeof TimeoutError;
  readonly UserAuthenticationExpiredError: typeof UserAuthenticationExpiredError;
} = {
  AuthorizationError,
  ClosedConnectionError,
  ConnectionError,
  DrainingConnectionError,
  InvalidArgumentError,
  InvalidOperationError,
  InvalidSubjectError,
  NoRespondersError,
  PermissionViolationError,
  ProtocolError,
  RequestError,
  TimeoutError,
  UserAuthenticationExpiredError,
};

/** A text as it may stand in a message: not endless, no control characters. */
function shown(text: string): string {
  let clean = "";
  for (let i = 0; i < text.length && i < 100; i++) {
    const code = text.charCodeAt(i);
    clean += code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, "0")}` : text.charAt(i);
  }
  return text.length > 100 ? `${clean}...` : clean;
}
