// A clock that runs like a real one until a test stops it; then it moves only when the test says so. Unlike SimClock, whose
// `advance` is one synchronous step, it lets what a timer caused happen before time goes on.

import type { Clock, Timer } from "../clock.ts";
import { type Duration, durationMs } from "./duration.ts";

/**
 * Turns of the event loop between two moments: enough for a message from a server to a client in the same process and its
 * answer, over loopback TCP.
 */
const TURNS = 6;

class TestTimer implements Timer {
  readonly dueMs: number;
  readonly run: () => void;
  readonly keepsProcess: boolean;
  /** Waits for us while time runs by itself. */
  real: Timer | null = null;
  readonly #timers: Set<TestTimer>;

  constructor(dueMs: number, run: () => void, keepsProcess: boolean, timers: Set<TestTimer>) {
    this.dueMs = dueMs;
    this.run = run;
    this.keepsProcess = keepsProcess;
    this.#timers = timers;
    timers.add(this);
  }

  cancel(): void {
    this.#timers.delete(this);
    this.real?.cancel();
    this.real = null;
  }
}

/** The clock was asked for something that its state does not allow. */
export class TestClockError extends Error {
  override readonly name = "TestClockError";
  readonly code = "CLOCK_RUNNING";
}

/** A clock for tests; see the head of this file. */
export class TestClock implements Clock {
  readonly #real: Clock;
  /** What our time is ahead of the real clock's, while it runs. */
  #aheadMs = 0;
  /** Our monotonic time, while stopped. */
  #stoppedMs: number | null = null;
  #wallAheadMs: number;
  readonly #timers: Set<TestTimer> = new Set();
  #advancing: Promise<void> = Promise.resolve();

  /** @param real - The clock to run with until {@link stop}. */
  constructor(real: Clock) {
    this.#real = real;
    this.#wallAheadMs = real.wallMs() - real.monotonicMs();
  }

  get isStopped(): boolean {
    return this.#stoppedMs !== null;
  }

  /** Timers that are set and neither fired nor cancelled. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  wallMs(): number {
    return Math.floor(this.monotonicMs() + this.#wallAheadMs);
  }

  turnMs(): number {
    return this.wallMs();
  }

  wallNs(): bigint {
    return BigInt(Math.round((this.monotonicMs() + this.#wallAheadMs) * 1000)) * 1000n;
  }

  monotonicMs(): number {
    return this.#stoppedMs ?? this.#real.monotonicMs() + this.#aheadMs;
  }

  setTimer(delayMs: number, run: () => void, keepsProcess = false): Timer {
    const timer = new TestTimer(this.monotonicMs() + Math.max(0, delayMs), run, keepsProcess, this.#timers);
    if (this.#stoppedMs === null) this.#arm(timer);
    return timer;
  }

  /** Holds time still. Nothing that waits ends before {@link advance} or {@link start}. */
  stop(): void {
    if (this.#stoppedMs !== null) return;
    // Whole milliseconds from here on: sums of fractions would make a deadline miss its moment by a billionth.
    const wallMs = this.wallMs();
    this.#stoppedMs = Math.ceil(this.monotonicMs());
    this.#wallAheadMs = wallMs - this.#stoppedMs;
    for (const timer of this.#timers) {
      timer.real?.cancel();
      timer.real = null;
    }
  }

  /** Lets time run by itself again, from where it stands. */
  start(): void {
    if (this.#stoppedMs === null) return;
    this.#aheadMs = this.#stoppedMs - this.#real.monotonicMs();
    this.#stoppedMs = null;
    for (const timer of this.#timers) this.#arm(timer);
  }

  /**
   * Moves time on. Timers fire in the order of their due times, each seeing the whole millisecond it was due at, those set meanwhile
   * included.
   * Between two moments the event loop turns a few times, so what a timer caused inside this process has happened before
   * time goes on. A peer in another process may need longer: advance in steps, and wait for it in between.
   *
   * @param by - Milliseconds, or a text such as `31s`, `1h30m`.
   * @returns Resolves when time has arrived and everything it caused in this process has happened.
   *   Rejects with a TestClockError when the clock runs by itself: stop it first.
   */
  async advance(by: Duration): Promise<void> {
    const ms = durationMs(by);
    if (this.#stoppedMs === null)
      throw new TestClockError("Cannot advance a clock that runs by itself: stop() it first");
    const done = this.#advancing.then(() => this.#advance(ms));
    this.#advancing = done.catch(() => {});
    await done;
  }

  /** Sets the wall clock without time passing, as an operator or NTP would. */
  setWall(wallMs: number): void {
    this.#wallAheadMs = wallMs - this.monotonicMs();
  }

  async #advance(ms: number): Promise<void> {
    await turn(TURNS);
    const untilMs = this.monotonicMs() + ms;
    let next = this.#nextDue(untilMs);
    while (next !== null && this.#stoppedMs !== null) {
      const isLater = next.dueMs > this.#stoppedMs;
      if (isLater) this.#stoppedMs = Math.ceil(next.dueMs);
      next.cancel();
      next.run();
      next = this.#nextDue(untilMs);
      if (next === null || next.dueMs > this.#stoppedMs) {
        await turn(TURNS);
        next = this.#nextDue(untilMs);
      }
    }
    if (this.#stoppedMs !== null) this.#stoppedMs = Math.max(this.#stoppedMs, untilMs);
  }

  /** The timer to fire next; of those due at the same time the one that was set first. */
  #nextDue(untilMs: number): TestTimer | null {
    let next: TestTimer | null = null;
    for (const timer of this.#timers) {
      if (timer.dueMs <= untilMs && (next === null || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }

  #arm(timer: TestTimer): void {
    const delayMs = Math.max(0, timer.dueMs - this.monotonicMs());
    timer.real = this.#real.setTimer(
      delayMs,
      () => {
        timer.cancel();
        timer.run();
      },
      timer.keepsProcess,
    );
  }
}

async function turn(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await new Promise((resolve) => setImmediate(resolve));
}
