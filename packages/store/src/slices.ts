// Long work in slices: lets the event loop go on between them.

import type { Clock } from "@myelin/platform";

/** A slice ends when it has taken so long. */
const SLICE_MS = 4;

/** Work that is done in slices. Ask {@link due} every few microseconds of work; when it is, await {@link pause}. */
export class Slices {
  #clock: Clock;
  #begin: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#begin = clock.monotonicMs();
  }

  /** A slice begins. */
  begin(): void {
    this.#begin = this.#clock.monotonicMs();
  }

  /** Whether the slice has taken long enough. */
  get due(): boolean {
    return this.#clock.monotonicMs() - this.#begin >= SLICE_MS;
  }

  /** Lets others run, and begins the next slice. */
  async pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#begin = this.#clock.monotonicMs();
  }
}
