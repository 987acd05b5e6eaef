// How messages leave a stream: out of the index, out of the count of bytes, with their blocks when those are empty, and with word to whoever
// keeps the stream durable. Which messages go, and when, is for limits, expiry, purges and callers.

import type { StreamBacking } from "./backing.ts";
import type { IndexBlock } from "./index/record-index.ts";
import type { Stream } from "./stream.ts";
import type { StreamExpiry } from "./stream-expiry.ts";

/** Takes messages away from one stream. */
export class StreamRemoval {
  readonly #stream: Stream;
  readonly #backing: StreamBacking;
  readonly #expiry: StreamExpiry;

  constructor(stream: Stream, backing: StreamBacking, expiry: StreamExpiry) {
    this.#stream = stream;
    this.#backing = backing;
    this.#expiry = expiry;
  }

  /**
   * Takes away a message that is there.
   *
   * @param block - Where its record is, for whoever knows.
   */
  take(seq: number, block: IndexBlock = this.#stream.index.records.find(seq)!): void {
    this.#take(block, seq, "asked");
  }

  /** The same for limits by which the oldest goes: what was lost before it would have gone as well. */
  takeOldest(seq: number): void {
    this.#take(this.#stream.index.records.find(seq)!, seq, "oldest");
  }

  /** The record of a message that is there cannot be read. */
  takeLost(block: IndexBlock, seq: number): void {
    this.#take(block, seq, "lost");
  }

  #take(block: IndexBlock, seq: number, why: "lost" | "asked" | "oldest"): void {
    const { index } = this.#stream;
    const stored = this.#stream.storedBytes(block, seq - block.firstSeq);
    const wasFirst = seq === index.firstSeq;
    index.remove(block, seq);
    this.#stream.bytes -= stored;
    let passedLost = false;
    // What is lost is not taken away durably: it may be read again one day.
    if (why === "lost") {
      index.lost.add(seq, seq);
    } else if (wasFirst && (why === "oldest" || index.lost.first > seq)) {
      passedLost = why === "oldest" && index.lost.keep(seq + 1, index.lastSeq);
      this.#backing.boundsMoved();
    } else {
      this.#backing.removed(seq);
    }
    if (wasFirst) this.#stream.ages.forgetBelow(index.firstSeq);
    this.#expiry.removed(1);
    if (passedLost) this.#dropOldest(true);
    else this.#dropIfEmpty(block);
    this.#stream.listener?.removed(seq, stored);
  }

  /**
   * Blocks at the front that nothing is left of go.
   *
   * @param passedLost - What was lost there counts no more.
   */
  #dropOldest(passedLost: boolean): void {
    const { index } = this.#stream;
    let oldest = index.records.blocks[0];
    while (oldest !== undefined && index.isDroppable(oldest)) {
      index.dropBlock(oldest);
      this.#backing.blockEmptied(oldest);
      oldest = index.records.blocks[0];
    }
    if (passedLost && oldest !== undefined) this.#backing.oldestIs(oldest);
  }

  /** Empties the slot of one message that a rollup took away: the first one of a retired subject. */
  takeRetired(subject: number): void {
    const { index } = this.#stream;
    const seq = index.subjects.first(subject);
    const block = index.records.at(seq);
    const stored = this.#stream.storedBytes(block, seq - block.firstSeq);
    index.removeRetired(subject, block);
    this.#stream.bytes -= stored;
    // What is below the floor is gone by that.
    if (seq > index.floor) this.#backing.removed(seq);
    this.#expiry.removed(1);
    this.#dropIfEmpty(block);
    this.#stream.listener?.removed(seq, stored);
  }

  #dropIfEmpty(block: IndexBlock): void {
    const { index } = this.#stream;
    if (!index.isDroppable(block)) return;
    index.dropBlock(block);
    this.#backing.blockEmptied(block);
  }

  /** So many messages at the front are out of the index. Everything below `below` is gone for good, also what was lost. */
  frontDropped(messages: number, below: number): void {
    const { index } = this.#stream;
    const passedLost = index.lost.keep(below, index.lastSeq);
    this.#stream.ages.forgetBelow(index.firstSeq);
    this.#expiry.removed(messages);
    this.#dropOldest(passedLost);
  }
}
