// The one error class of the benchmarks: everything that stops a run before it has a result.

/** What kind of trouble it was; the text says the rest. */
export type BenchErrorCode =
  | "USAGE" // the command line asks for something that does not exist
  | "NO_SERVER" // a server did not start, or went away
  | "LOAD_FAILED" // the load generator failed, or what it received was not what it had sent
  | "UNSUPPORTED"; // this machine cannot be measured on

/** Stops the run. `code` is for programs, `message` says what was wrong and what to do. */
export class BenchError extends Error {
  override readonly name = "BenchError";
  readonly code: BenchErrorCode;

  constructor(code: BenchErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
