// Producers that are quicker than a receiver wait for it: what was read is worked off, then nothing more is read until the receiver
// has caught up, or for a few milliseconds (client.go stalledWait). Each connection has one of these, for both of its roles.

import type { Clock, Timer } from "@myelin/platform";

/** A producer waits this long for a receiver that falls behind, then goes on. */
const STALL_MS = 5;

/** The connection that a stall belongs to. */
export interface StallOwner {
  readonly isClosed: boolean;
  /** Whether so much waits to be sent to it that producers have to slow down. */
  readonly isCongested: boolean;
  /** Reads nothing more. */
  stalled(): void;
  /** Reads again, unless something else keeps it from that. */
  unstalled(): void;
}

/** One connection as a producer that waits and as a receiver that is waited for. */
export class Stall {
  /** How often a producer was made to wait for this connection. */
  count = 0;
  readonly #owner: StallOwner;
  readonly #clock: Clock;
  /** The receiver that this producer has to wait for behind the read that is under way. */
  #receiver: Stall | null = null;
  #timer: Timer | null = null;
  /** Producers that wait for this receiver. */
  #waiting: Set<Stall> | null = null;

  constructor(owner: StallOwner, clock: Clock) {
    this.#owner = owner;
    this.#clock = clock;
  }

  /** Whether it waits now. */
  get isWaiting(): boolean {
    return this.#timer !== null;
  }

  /** Whether {@link wait} has something to do. */
  get isDue(): boolean {
    return this.#receiver !== null;
  }

  /** A message of this producer went to a receiver that falls behind. */
  causedBy(receiver: Stall): void {
    this.#receiver = receiver;
  }

  /**
   * Waits for the receiver that falls behind, if it still does. Called behind a read.
   *
   * @returns Whether it waits.
   */
  wait(): boolean {
    const receiver = this.#receiver;
    this.#receiver = null;
    if (receiver === null || this.#timer !== null || this.#owner.isClosed) return false;
    if (receiver.#owner.isClosed || !receiver.#owner.isCongested) return false;
    receiver.count++;
    receiver.#waiting ??= new Set();
    receiver.#waiting.add(this);
    this.#owner.stalled();
    this.#timer = this.#clock.setTimer(STALL_MS, () => {
      receiver.#waiting?.delete(this);
      this.#goOn();
    });
    return true;
  }

  /** This receiver has caught up, or is gone: nobody waits for it any more. */
  release(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    for (const producer of waiting) producer.#goOn();
  }

  /** The connection ends. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.release();
  }

  #goOn(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#owner.unstalled();
  }
}
