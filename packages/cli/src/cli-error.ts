// What goes wrong for the person at the command line: one line on stderr, and exit code 1.

/** Ends the command with `myelin: error: <message>`. The message says what was wrong, with the value, and what to do. */
export class CliError extends Error {
  override readonly name = "CliError";
  /** What the process ends with: 1, unless a command tells other ends apart. */
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A flag or command of natscli that Myelin does not have yet: refused by its name, never ignored. */
export class NotSupportedError extends Error {
  override readonly name = "NotSupportedError";

  /** @param reason - Why, or what to do instead. */
  constructor(what: string, reason: string) {
    super(`${what} is not supported yet: ${reason}`);
  }
}

/** The text for any error: its own, and those of its causes where they say more. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause, message } = error;
  const inner = cause instanceof Error ? errorText(cause) : "";
  return inner === "" || message.includes(inner) ? message : `${message}: ${inner}`;
}
