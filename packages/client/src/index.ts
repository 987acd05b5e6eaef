// What both entries export. Names are those of the official TypeScript client; what is added stands beside them.

export {
  type Auth,
  type Authenticator,
  type JwtAuth,
  type NKeyAuth,
  type NoAuth,
  type TokenAuth,
  tokenAuthenticator,
  type UserPass,
  usernamePasswordAuthenticator,
} from "./auth/authenticator.ts";
export type { ExternalKey, Given } from "./auth/signing-authenticators.ts";
export { type Backoff, type BackoffOptions, exponentialBackoff, type ReconnectDelayHandler } from "./backoff.ts";
export { type Deferred, deferred } from "./deferred.ts";
export * from "./errors.ts";
export { canonicalMIMEHeaderKey, type HeadersInput, headers, Match, type MsgHdrs, MsgHdrsImpl } from "./headers.ts";
export type { Delay } from "./helpers.ts";
export { type Logger, SILENT_LOGGER } from "./logger.ts";
export {
  createMsg,
  Empty,
  type Msg,
  type MsgInit,
  type Payload,
  type PublishOptions,
  type ReviverFn,
  type TraceOptions,
} from "./message.ts";
export type { ConnectionState, NatsConnection, Stats } from "./nats-connection.ts";
export type {
  ConnectionOptions,
  CustomDialer,
  InProcessServer,
  NodeStream,
  OfflineOptions,
  PoolServer,
  ReconnectToServer,
  TlsOptions,
} from "./options.ts";
export type { RequestManyOptions, RequestOptions, RequestStrategy } from "./request/options.ts";
export type { ServerInfo } from "./server-info.ts";
export * from "./status.ts";
export type {
  MsgCallback,
  PendingOptions,
  PendingPolicy,
  SubOpts,
  SubscriptionOptions,
  WaitOptions,
} from "./subscription/options.ts";
export type { Subscription } from "./subscription/subscription.ts";
export {
  hasWsProtocol,
  millis,
  type Nanos,
  nanos,
  type SyncIterator,
  syncIterator,
} from "./util.ts";
export { version } from "./version.ts";
