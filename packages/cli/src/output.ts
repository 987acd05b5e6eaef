// Where the command line's words go. What a person asked for goes to stdout; what is told about it goes to stderr, with the
// time in front, as natscli does it.
//
// stdout is gathered and written once per turn: a subscription may print hundreds of messages that came in one read.
// Invariant: what was printed first is written first, also between stdout and stderr.

const NEWLINE = new Uint8Array([0x0a]);

/** The two streams, and the time for the log. */
export interface OutputStreams {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** Prints. Belongs to one run of the program. */
export class Output {
  readonly #stdout: OutputStreams["stdout"];
  readonly #stderr: OutputStreams["stderr"];
  #waiting: Uint8Array[] = [];

  constructor({ stdout, stderr }: OutputStreams) {
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /** Whether a person sees what goes to stdout, and may type. */
  get isTerminal(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** Whether a progress bar may be drawn on stderr. */
  get canDraw(): boolean {
    return this.#stderr.isTTY === true;
  }

  /** Prints to stdout as it stands. Bytes are copied. */
  print(data: string | Uint8Array): void {
    if (this.#waiting.length === 0) queueMicrotask(() => this.flush());
    this.#waiting.push(Buffer.from(data as string));
  }

  /** Prints a line to stdout. */
  line(data: string | Uint8Array = ""): void {
    this.print(data);
    this.print(NEWLINE);
  }

  /** Tells something on stderr, with the local time: `15:04:05 text`. */
  log(text: string): void {
    this.flush();
    this.#stderr.write(`${clockTime(new Date())} ${text}\n`);
  }

  /** Writes to stderr as it stands. */
  error(text: string): void {
    this.flush();
    this.#stderr.write(text);
  }

  /** Hands what was printed to the system. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const bytes = this.#waiting.length === 1 ? (this.#waiting[0] as Uint8Array) : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#stdout.write(bytes);
  }
}

/** `15:04:05` of local time. */
function clockTime(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
