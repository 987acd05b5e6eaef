// Where the client's words go. `console` and pino fit.

/** Receives what the client has to say; texts are for people and may change. */
export interface Logger {
  /** Protocol operations, when `debug` is on. */
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/** Says nothing. */
export const SILENT_LOGGER: Logger = Object.freeze({ debug() {}, info() {}, warn() {}, error() {} });
