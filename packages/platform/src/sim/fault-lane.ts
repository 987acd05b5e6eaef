// One direction of a connection under faults: what travels waits here for as long as the faults say, and arrives in order.

import type { Clock, Timer } from "../clock.ts";
import type { Random } from "../random.ts";

/** What is wrong with one direction. */
export interface LaneConditions {
  /** Nothing arrives; it waits. */
  readonly hold: boolean;
  /** Nothing arrives; it is lost. */
  readonly drop: boolean;
  readonly delayMs: number;
  /** Up to this much is added to each delay, at random. */
  readonly jitterMs: number;
  /** Bytes per second; Infinity for no limit. */
  readonly bytesPerSecond: number;
}

/** Nothing is wrong. */
export const CLEAR: LaneConditions = Object.freeze({
  hold: false,
  drop: false,
  delayMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
});

/** A throttled lane sends what it may send in this time as one piece. */
const PIECE_MS = 20;

/** Something that travels: bytes, or a step in the life of the connection, such as its end. */
interface Item {
  readonly bytes: Uint8Array | null;
  readonly event: (() => void) | null;
  dueMs: number;
}

/** One direction of one connection. */
export class FaultLane {
  /** Bytes were dropped: the stream has a gap, and nobody could make sense of what comes after it. */
  hasGap = false;
  /** The receiver takes nothing for now; see {@link ready}. */
  blocked = false;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #deliver: (bytes: Uint8Array) => boolean;
  #conditions: LaneConditions = CLEAR;
  #queue: Item[] = [];
  #queuedBytes = 0;
  #lastDueMs = 0;
  /** When a throttled lane may send again. */
  #freeAtMs = 0;
  #timer: Timer | null = null;

  /** @param deliver - Hands bytes to the receiver; false when it takes no more until {@link ready}. */
  constructor(clock: Clock, random: Random, deliver: (bytes: Uint8Array) => boolean) {
    this.#clock = clock;
    this.#random = random;
    this.#deliver = deliver;
  }

  /** Whether bytes can go past the lane: nothing is wrong, and nothing is in front of them. */
  get isClear(): boolean {
    return this.isIdle && !this.blocked;
  }

  /** Whether nothing is on its way and nothing is wrong; the receiver may be busy. */
  get isIdle(): boolean {
    return this.#conditions === CLEAR && this.#queue.length === 0;
  }

  /** Whether what is put in now does not arrive before the conditions change. */
  get isSilent(): boolean {
    return this.#conditions.hold || this.#conditions.drop;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Sends bytes on their way; they are kept, not copied. */
  push(bytes: Uint8Array): void {
    this.#add({ bytes, event: null, dueMs: 0 });
  }

  /** Sends a step in the life of the connection on its way, behind the bytes. */
  pushEvent(event: () => void): void {
    this.#add({ bytes: null, event, dueMs: 0 });
  }

  /** Forgets what is on its way. */
  clear(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** The conditions have changed. What is on its way arrives no later than if it had been sent now. */
  apply(conditions: LaneConditions): void {
    this.#conditions = conditions;
    if (conditions.drop) {
      if (this.#queue.length > 0) this.hasGap = true;
      this.clear();
      return;
    }
    const latestMs = this.#clock.monotonicMs() + conditions.delayMs + conditions.jitterMs;
    for (const item of this.#queue) item.dueMs = Math.min(item.dueMs, latestMs);
    this.#lastDueMs = Math.min(this.#lastDueMs, latestMs);
    this.#freeAtMs = 0;
    // Not from inside whatever call the test is in: it may be in the middle of the receiver's own work.
    queueMicrotask(() => this.#pump());
  }

  /** The receiver takes bytes again. */
  ready(): void {
    this.blocked = false;
    this.#pump();
  }

  #add(item: Item): void {
    const { delayMs, drop, jitterMs } = this.#conditions;
    if (drop) {
      this.hasGap = true;
      return;
    }
    const jitter = jitterMs === 0 ? 0 : (jitterMs * this.#random.uint32()) / 0x1_0000_0000;
    item.dueMs = Math.max(this.#lastDueMs, this.#clock.monotonicMs() + delayMs + jitter);
    this.#lastDueMs = item.dueMs;
    this.#queue.push(item);
    this.#queuedBytes += item.bytes?.length ?? 0;
    this.#pump();
  }

  #pump(): void {
    this.#timer?.cancel();
    this.#timer = null;
    while (this.#queue.length > 0 && !this.blocked && !this.#conditions.hold) {
      const item = this.#queue[0] as Item;
      const waitMs = Math.max(item.dueMs, item.bytes === null ? 0 : this.#freeAtMs) - this.#clock.monotonicMs();
      if (waitMs > 0) {
        this.#timer = this.#clock.setTimer(waitMs, () => this.#pump());
        return;
      }
      if (item.bytes === null) {
        this.#queue.shift();
        item.event?.();
      } else {
        this.#send(item, item.bytes);
      }
    }
  }

  #send(item: Item, bytes: Uint8Array): void {
    const { bytesPerSecond } = this.#conditions;
    const allowed = Math.max(1, Math.floor((bytesPerSecond * PIECE_MS) / 1000));
    const piece = bytes.length <= allowed ? bytes : bytes.subarray(0, allowed);
    if (piece === bytes) this.#queue.shift();
    else this.#queue[0] = { ...item, bytes: bytes.subarray(allowed) };
    this.#queuedBytes -= piece.length;
    if (bytesPerSecond !== Number.POSITIVE_INFINITY) {
      this.#freeAtMs = this.#clock.monotonicMs() + (piece.length * 1000) / bytesPerSecond;
    }
    if (!this.#deliver(piece)) this.blocked = true;
  }
}
