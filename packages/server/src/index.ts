// A NATS server inside your process.

export { CLOSE_REASONS, type CloseReason } from "./connection/close-reasons.ts";
export { type Logger, SILENT_LOGGER } from "./logger.ts";
export {
  completeOptions,
  DEFAULT_OPTIONS,
  OptionsError,
  type PartialServerOptions,
  type ServerOptions,
} from "./options.ts";
export { type Outside, Server, type ServerState } from "./server.ts";
