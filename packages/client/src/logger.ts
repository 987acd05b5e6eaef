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

/** The same words, from a logger that may fail: a client does not stumble over what it only wanted to mention. */
export function guardedLogger(logger: Logger): Logger {
  const guarded =
    (name: keyof Logger) =>
    (text: string): void => {
      try {
        logger[name](text);
      } catch (error) {
        console.error(`${text} (the logger threw ${String(error)})`);
      }
    };
  return { debug: guarded("debug"), info: guarded("info"), warn: guarded("warn"), error: guarded("error") };
}
