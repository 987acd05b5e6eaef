// What takes many messages of a stream away at once: purges, compaction, truncation, rollups.
//
// What goes from the front or from the end of a stream goes a stretch of a block at a time, about 60 ns per message; what goes from
// between others goes one by one, 0.3 us each, because each of them has to be remembered. Work in steps: all in one piece, or in
// slices between which the event loop goes on. After each step the index is whole, and others may read and write.

import type { Clock } from "@myelin/platform";
import type { StreamBacking } from "./backing.ts";
import { Slices } from "./slices.ts";
import type { PurgeOptions } from "./store.ts";
import type { Stream } from "./stream.ts";
import * as queries from "./stream-queries.ts";

/** Single messages that are taken away between two looks at the clock. */
const REMOVALS_PER_LOOK = 32;
/** Slots of a block that are taken away in one step. */
const SLOTS_PER_STEP = 1024;
/** A rollup of fewer messages takes them away without making the tables of subjects anew. */
const ROLLUP_AT_ONCE_MIN = 256;

/** Takes messages of one stream away. */
export class StreamPurger {
  #stream: Stream;
  #backing: StreamBacking;
  /** One for all calls: many short ones in a row must not hold the event loop together. */
  #slices: Slices;

  constructor(stream: Stream, backing: StreamBacking, clock: Clock) {
    this.#stream = stream;
    this.#backing = backing;
    this.#slices = new Slices(clock);
  }

  /** See `StreamLog.purge`. */
  purge(options: PurgeOptions): number {
    const steps = this.#purging(options);
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
    }
  }

  /** See `StreamLog.purgeInSlices`. */
  async purgeInSlices(options: PurgeOptions): Promise<number> {
    const steps = this.#purging(options);
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      if (!this.#slices.due) continue;
      await this.#slices.pause();
      this.#stream.checkOpen();
    }
  }

  /** Takes away everything after `seq`, in slices; whoever asks sees to it that nothing else changes the stream meanwhile. */
  async truncate(seq: number): Promise<void> {
    const { index } = this.#stream;
    let at = index.lastSeq;
    let messages = 0;
    const before = this.#stream.bytes;
    // The last message goes in the same step as the sequences: a checkpoint must not take an empty stream for a purged one.
    while (at > seq && index.messages > 0) {
      const removed = index.removeBack(at, seq, SLOTS_PER_STEP);
      at = removed.nextSeq;
      messages += removed.messages;
      this.#stream.bytes -= this.#stream.bytesOf(removed);
      if (index.messages === 0 || !this.#slices.due) continue;
      await this.#slices.pause();
      this.#stream.checkStillOpen();
    }
    index.cut(seq);
    this.#stream.listener?.purged(index.firstSeq, messages, before - this.#stream.bytes);
  }

  /**
   * Takes away what the newest message replaces. This is a part of its append, and in one piece with it: no reader may see the new
   * message beside those that it replaces, and none may see neither. What one record says is also durable as one, since recovery
   * does the same when it comes upon it.
   *
   * So it cannot be cut into slices, and has to be quick instead. Of a whole stream it costs what clearing it costs, and a few
   * nanoseconds for each slot of the newest block; of one subject among others 0.3 us for each of its earlier messages.
   *
   * @returns The id that the message's subject has now.
   */
  rollup(rollup: "subject" | "all", subject: number, seq: number): number {
    const { index } = this.#stream;
    const { subjects } = index;
    if (rollup === "all" || subjects.messages(subject) === index.messages) {
      if (index.messages > ROLLUP_AT_ONCE_MIN) return this.#keepNewest();
      while (index.firstSeq < seq) this.#dropFront(seq);
      return subject;
    }
    for (let first = subjects.first(subject); first < seq; first = subjects.first(subject)) this.#stream.take(first);
    return subject;
  }

  *#purging({ filter = "", seq = 0, keep = 0 }: PurgeOptions): Generator<void, number> {
    const { index } = this.#stream;
    this.#stream.checkOpen();
    if (seq === 1) return 0;
    if (keep === 0 && (filter === "" || filter === ">")) return yield* this.#compacting(seq);
    const prepared = this.#stream.filter([filter]);
    const total = queries.countPending(index, prepared, 0, false);
    if (keep >= total) return 0;
    const most = keep > 0 ? total - keep : total;
    const end = seq > 0 ? Math.min(seq, index.lastSeq + 1) : index.lastSeq + 1;
    let purged = 0;
    for (let at = index.next(prepared, 0); at !== 0 && at < end && purged < most; ) {
      this.#stream.take(at);
      if (++purged % REMOVALS_PER_LOOK === 0) yield;
      at = index.next(prepared, at + 1);
    }
    return purged;
  }

  /** Takes away everything below `seq`; 0: everything. */
  *#compacting(seq: number): Generator<void, number> {
    const { index } = this.#stream;
    if (seq === 0) return this.#purgeAll();
    if (seq > index.lastSeq) {
      const purged = this.#purgeAll();
      if (seq - 1 > index.lastSeq) this.#stream.skip(seq - 1 - index.lastSeq);
      return purged;
    }
    let purged = 0;
    while (index.messages > 0 && index.firstSeq < seq) {
      purged += this.#dropFront(seq);
      yield;
    }
    return purged;
  }

  /** Takes a stretch of the oldest messages away, as far as they are below `seq`; returns how many. */
  #dropFront(seq: number): number {
    const { index, ages, listener } = this.#stream;
    const removed = index.removeFront(seq, SLOTS_PER_STEP);
    const stored = this.#stream.bytesOf(removed);
    this.#stream.bytes -= stored;
    for (;;) {
      const oldest = index.records.blocks[0]!;
      if (oldest.live > 0 || oldest === index.records.last) break;
      index.dropBlock(oldest);
      this.#backing.blockEmptied(oldest);
    }
    index.forgetLost(index.firstSeq, index.lastSeq);
    ages.forgetBelow(index.firstSeq);
    this.#backing.boundsMoved();
    listener?.purged(index.firstSeq, removed.messages, stored);
    return removed.messages;
  }

  #keepNewest(): number {
    const { index, ages, listener, bytes } = this.#stream;
    const purged = index.messages - 1;
    for (const block of index.keepNewest()) this.#backing.blockEmptied(block);
    const newest = index.records.last!;
    this.#stream.bytes = this.#stream.storedBytes(newest, newest.slots - 1);
    index.forgetLost(index.firstSeq, index.lastSeq);
    ages.forgetBelow(index.firstSeq);
    this.#backing.boundsMoved();
    listener?.purged(index.firstSeq, purged, bytes - this.#stream.bytes);
    return newest.subject(newest.slots - 1);
  }

  #purgeAll(): number {
    const { index, ages, listener, bytes } = this.#stream;
    const purged = index.messages;
    if (purged === 0) return 0;
    // The newest block's number of sequences is needed for the gap no more: the next record begins a new block.
    index.clear();
    index.forgetLost(index.firstSeq, index.lastSeq);
    this.#stream.cleared();
    ages.forgetBelow(index.firstSeq);
    this.#backing.cleared();
    this.#backing.boundsMoved();
    listener?.purged(index.firstSeq, purged, bytes);
    return purged;
  }
}
