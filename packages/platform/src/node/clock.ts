// Real time.

import type { Clock, Timer } from "../clock.ts";

/** The longest delay that `setTimeout` keeps; anything longer it would fire at once. */
const DELAY_MS_MAX = 0x7fffffff;

class NodeTimer implements Timer {
  #handle: NodeJS.Timeout | null = null;
  #dueMs: number;
  #run: () => void;
  #keepsProcess: boolean;

  constructor(delayMs: number, run: () => void, keepsProcess: boolean) {
    this.#dueMs = performance.now() + delayMs;
    this.#run = run;
    this.#keepsProcess = keepsProcess;
    this.#wait(delayMs);
  }

  cancel(): void {
    if (this.#handle !== null) clearTimeout(this.#handle);
    this.#handle = null;
  }

  #wait(leftMs: number): void {
    const handle = setTimeout(() => this.#fire(), Math.min(leftMs, DELAY_MS_MAX));
    if (!this.#keepsProcess) handle.unref();
    this.#handle = handle;
  }

  #fire(): void {
    this.#handle = null;
    const leftMs = this.#dueMs - performance.now();
    // Only a delay that was cut into pieces has this much left; setTimeout itself may be early by a fraction.
    if (leftMs > 2) this.#wait(leftMs);
    else this.#run();
  }
}

/** So many times in a turn of the event loop, the same answer may be given. */
const TURN_ANSWERS_MAX = 8;

/** The machine's clocks. One may serve any number of servers. */
export class NodeClock implements Clock {
  #turnMs = 0;
  #turnAnswersLeft = 0;
  #awaitsTurn = false;

  wallMs(): number {
    return Date.now();
  }

  turnMs(): number {
    if (this.#turnAnswersLeft === 0) this.#askForTurn();
    this.#turnAnswersLeft--;
    return this.#turnMs;
  }

  #askForTurn(): void {
    this.#turnMs = Date.now();
    this.#turnAnswersLeft = TURN_ANSWERS_MAX;
    if (this.#awaitsTurn) return;
    this.#awaitsTurn = true;
    setImmediate(() => {
      this.#awaitsTurn = false;
      this.#turnAnswersLeft = 0;
    });
  }

  wallNs(): bigint {
    // timeOrigin + now() has microseconds, Date.now() only milliseconds; but it does not follow when the clock is set.
    const wallMs = Date.now();
    const fineMs = performance.timeOrigin + performance.now();
    const drifted = Math.abs(fineMs - wallMs) > 5;
    return BigInt(Math.round((drifted ? wallMs : fineMs) * 1000)) * 1000n;
  }

  monotonicMs(): number {
    return performance.now();
  }

  setTimer(delayMs: number, run: () => void, keepsProcess = false): Timer {
    return new NodeTimer(delayMs, run, keepsProcess);
  }
}
