// Time that stands still until a test moves it.

import type { Clock, Timer } from "../clock.ts";

class SimTimer implements Timer {
  readonly dueMs: number;
  readonly run: () => void;
  cancelled = false;

  constructor(dueMs: number, run: () => void) {
    this.dueMs = dueMs;
    this.run = run;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/**
 * A clock that a test advances. Timers fire inside `advance`, in the order of their due times (those due at the same time
 * in the order they were set), each seeing the time it was due at.
 */
export class SimClock implements Clock {
  #wallStartMs: number;
  #elapsedMs = 0;
  #timers: SimTimer[] = [];

  /** @param wallMs - Where wall time begins; a fixed moment by default, so that runs repeat. */
  constructor(wallMs: number = Date.UTC(2026, 0, 1)) {
    this.#wallStartMs = wallMs;
  }

  wallMs(): number {
    return Math.floor(this.#wallStartMs + this.#elapsedMs);
  }

  turnMs(): number {
    return this.wallMs();
  }

  wallNs(): bigint {
    return BigInt(Math.round((this.#wallStartMs + this.#elapsedMs) * 1000)) * 1000n;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, run: () => void): Timer {
    const timer = new SimTimer(this.#elapsedMs + Math.max(0, delayMs), run);
    // After all that are due no later: insertion keeps the order, and tests have few timers.
    let at = this.#timers.length;
    while (at > 0 && (this.#timers[at - 1] as SimTimer).dueMs > timer.dueMs) at--;
    this.#timers.splice(at, 0, timer);
    return timer;
  }

  /** Moves time on by `ms`, firing what becomes due, timers set by timers included. */
  advance(ms: number): void {
    const untilMs = this.#elapsedMs + ms;
    for (let next = this.#timers[0]; next !== undefined && next.dueMs <= untilMs; next = this.#timers[0]) {
      this.#timers.shift();
      if (next.cancelled) continue;
      this.#elapsedMs = next.dueMs;
      next.run();
    }
    this.#elapsedMs = untilMs;
  }

  /** Sets the wall clock without time passing, as an operator or NTP would. */
  setWall(wallMs: number): void {
    this.#wallStartMs = wallMs - this.#elapsedMs;
  }

  /** Timers that are set and neither fired nor cancelled: for tests that look for leaks. */
  get pendingTimers(): number {
    let count = 0;
    for (const timer of this.#timers) if (!timer.cancelled) count++;
    return count;
  }
}
