// Long work in slices: lets the event loop go on between them. One object for everything that a store does in slices, so that a
// thousand streams with something to do hold the loop no longer than one: of all of it, one slice is done per turn of the event loop.

import type { Clock } from "@myelin/platform";

/** A slice ends when it has taken so long. A turn may take 10: the rest is for its end, what is read and written, and the garbage collector. */
const SLICE_MS = 3;
/** So many small steps may follow it in the same turn. */
const SMALL_STEPS_PER_TURN = 64;

/** Work that is done in slices. Ask {@link due} every few microseconds of work; when it is, await {@link pause}. */
export class Slices {
  #clock: Clock;
  /** When this turn's slice began; NaN: it has not. */
  #begin: number = Number.NaN;
  /** It began before those that wait had their turn: they have to wait for the next one. */
  #early = false;
  /** What else has taken time in this turn. */
  #spentMs = 0;
  #smallSteps = 0;
  #waiting: (() => void)[] = [];
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For work that is never paused, with an object of its own: measures from now. */
  begin(): void {
    this.#begin = this.#clock.monotonicMs();
  }

  /** Whether this turn's slice has taken long enough, whoever worked in it. */
  get due(): boolean {
    const now = this.#clock.monotonicMs();
    if (Number.isNaN(this.#begin)) {
      this.#begin = now - this.#spentMs;
      this.#early = true;
      this.#schedule();
    }
    return now - this.#begin >= SLICE_MS;
  }

  /** Something that is not done in slices has taken so long just now: this turn's slice is shorter by that, but for one step. */
  spent(ms: number): void {
    if (!this.#scheduled) return;
    this.#spentMs += ms;
    this.#begin -= ms;
  }

  /**
   * Whether a step of a few microseconds may be done although the slice is over: so that what is little is done when its time
   * has come, whatever else the turn did. Counts it.
   */
  allowsSmallStep(): boolean {
    this.#schedule();
    return ++this.#smallSteps <= SMALL_STEPS_PER_TURN;
  }

  /** Lets others run; the next slice is this one's, once those that wait already have had theirs. */
  pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    const spentMs = this.#spentMs;
    const early = this.#early;
    this.#begin = Number.NaN;
    this.#early = false;
    this.#spentMs = 0;
    this.#smallSteps = 0;
    if (this.#waiting.length === 0) return;
    this.#schedule();
    if (early) return;
    this.#begin = this.#clock.monotonicMs() - spentMs;
    this.#waiting.shift()!();
  }
}
