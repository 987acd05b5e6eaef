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

/** The machine's clocks. Stateless: one may serve any number of servers. */
export class NodeClock implements Clock {
  wallMs(): number {
    return Date.now();
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
