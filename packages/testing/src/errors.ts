// What can go wrong with a server under test, by what the reader has to do about it.

/** The way in which this server runs cannot do what was asked; the message says what can. */
export class NotSupportedError extends Error {
  override readonly name = "NotSupportedError";
  readonly code: "NOT_IN_CHILD_PROCESS" | "NOT_IN_PROCESS" | "NOT_YET";

  constructor(code: NotSupportedError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** A server did not start; the message ends with what it said. */
export class ServerStartError extends Error {
  override readonly name = "ServerStartError";
  readonly code = "SERVER_START_FAILED";
  /** What the server logged. */
  readonly log: string;

  constructor(problem: string, log: string, options?: ErrorOptions) {
    const said = headAndTail(log.trim().split("\n")).join("\n");
    super(said === "" ? problem : `${problem}. It said:\n${said}`, options);
    this.log = log;
  }
}

/** A condition did not come true in time. */
export class WaitTimeoutError extends Error {
  override readonly name = "WaitTimeoutError";
  readonly code = "WAIT_TIMEOUT";
}

const LINES_SHOWN = 10;

/** What is wrong stands first when a program explains its usage, and last when it logs. */
function headAndTail(lines: readonly string[]): readonly string[] {
  if (lines.length <= 2 * LINES_SHOWN) return lines;
  return [...lines.slice(0, LINES_SHOWN), "...", ...lines.slice(-LINES_SHOWN)];
}
