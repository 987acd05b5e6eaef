// Ctrl-C and its like. The first asks the command to end in order, the second ends the process.

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
const EXIT_INTERRUPTED = 130;

/** What a program is asked to stop with. */
export class Interrupts {
  readonly #controller: AbortController = new AbortController();

  /** Aborted when the person wants the command to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Asks the command to end. */
  interrupt(): void {
    this.#controller.abort(new Error("interrupted"));
  }

  /** Begins to listen to the process's signals. */
  install(): void {
    for (const name of SIGNALS) {
      process.on(name, () => {
        if (this.signal.aborted) process.exit(EXIT_INTERRUPTED);
        this.interrupt();
      });
    }
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
