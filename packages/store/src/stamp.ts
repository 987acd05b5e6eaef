// The time that messages are stamped with: wall time to the nanosecond, without a bigint per message.

import type { Clock } from "@myelin/platform";

/** The present, as two numbers. One for all streams of a store: they ask in turns, many times per millisecond. */
export class Stamp {
  ms = 0;
  subNs = 0;
  readonly clock: Clock;
  #seenMs = -1;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Brings `ms` and `subNs` up to date; asks for nanoseconds once per millisecond. */
  refresh(): void {
    const wallMs = this.clock.turnMs();
    if (wallMs === this.#seenMs) return;
    this.#seenMs = wallMs;
    const ns = this.clock.wallNs();
    this.ms = Number(ns / 1_000_000n);
    this.subNs = Number(ns % 1_000_000n);
  }
}
