// Where the server's words go. The program writes nats-server's line format (main/); an embedding user may pass any
// object with these five methods, `console` and pino among them. Without one the server is silent.

/** Receives what the server has to say. Texts are the reference's where tools read them. */
export interface Logger {
  /** A thing worth knowing: listening, ready, shutting down. */
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  /** Asked for by `debug`: connections coming and going, limits reached. */
  debug(text: string): void;
  /** Asked for by `trace`: each protocol operation, secrets hidden. */
  trace(text: string): void;
}

/** Says nothing. */
export const SILENT_LOGGER: Logger = Object.freeze({
  info() {},
  warn() {},
  error() {},
  debug() {},
  trace() {},
});
