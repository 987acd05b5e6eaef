// A NATS server inside your process.

export type { ResponsePermission } from "./auth/permission-options.ts";
export type {
  Authenticate,
  AuthenticatedUser,
  AuthenticationRefusal,
  ConnectInfo,
} from "./auth/user-function.ts";
export type { PermissionsGiven, SubjectsGiven, UserGiven } from "./auth/user-given.ts";
export { CONNECTION_TYPES, type ConnectionType, type UserOptions } from "./auth/users.ts";
export { type ConfigGiven, type Configuration, loadConfig } from "./config/load.ts";
export type { ConfigOutside } from "./config/parser.ts";
export { ConfigError, formatProblem, type Problem, type ProblemCode, type Severity } from "./config/problem.ts";
export type { ProcessSettings, SettingName, Settings } from "./config/settings.ts";
export type { Place, Source, Span } from "./config/source.ts";
export { CLOSE_REASONS, type CloseReason } from "./connection/close-reasons.ts";
export type { ConnectionInfo } from "./embed/connection-info.ts";
export {
  createServer,
  EmbeddedServer,
  type EmbeddedServerOptions,
  type EmbeddedWebSocketOptions,
  NoListenerError,
  type ReloadOptions,
  type ReloadResult,
  type ServerEvents,
  ServerStateError,
  type ServerStatistics,
} from "./embed/embedded-server.ts";
export { type Logger, SILENT_LOGGER } from "./logger.ts";
export type { ServerObserver } from "./observer.ts";
export {
  completeOptions,
  DEFAULT_OPTIONS,
  OptionsError,
  type PartialServerOptions,
  type ServerOptions,
} from "./options.ts";
export { ReloadError, type ReloadPlan, type ReloadRefusal } from "./reload/plan.ts";
export { type Outside, Server, type ServerState } from "./server.ts";
export type {
  OcspCacheGiven,
  OcspCacheOptions,
  OcspCacheType,
  OcspMode,
  OcspOptions,
  OcspPeerOptions,
} from "./tls/ocsp/settings.ts";
export type { TlsOptions, TlsPair, TlsPairOptions, TlsSettings } from "./tls/settings.ts";
export {
  DEFAULT_WEBSOCKET_OPTIONS,
  type PartialWebSocketOptions,
  type WebSocketOptions,
} from "./websocket-options.ts";
