// What takes many messages of a stream away at once: purges, compaction, truncation, rollups.
//
// What goes from the front or from the end of a stream goes a stretch of a block at a time, about 60 ns per message; what goes from
// between others goes one by one, 0.3 us each, because each of them has to be remembered. All of it in slices, between which the event
// loop goes on. After each step the index is whole, and others may read and write.
//
// A rollup is a part of its append: its effect is there at once, for everybody who asks, by giving the subject another id
// (StreamIndex.retire). The slots of what went are emptied in slices, and so are tombstones and the count of bytes.
// Invariant: a stream's checkpoint waits for that, since it may free the record that says it, or cover it by an index file.

import type { StreamBacking } from "./backing.ts";
import type { SubjectFilter } from "./index/subject-filter.ts";
import type { Slices } from "./slices.ts";
import type { PurgeOptions } from "./store.ts";
import type { Stream } from "./stream.ts";

/** Single messages that are taken away between two looks at the clock. */
const REMOVALS_PER_LOOK = 32;
/** Slots of a block that are taken away in one step: each may be the last message of a subject, which costs up to 30 us among millions. */
const SLOTS_PER_STEP = 128;
/** Sequences that are searched in one step. */
const SEQS_PER_STEP = 4096;
/** A rollup of fewer messages takes them away without making the tables of subjects anew. */
const ROLLUP_AT_ONCE_MIN = 256;
/** A rollup of one subject takes so many messages away as a part of its append; of more, only their slots follow later. */
const ROLLUP_SLOTS_AT_ONCE = 64;

/** Takes messages of one stream away. */
export class StreamPurger {
  #stream: Stream;
  #backing: StreamBacking;
  #slices: Slices;
  #givingBack = false;

  constructor(stream: Stream, backing: StreamBacking, slices: Slices) {
    this.#stream = stream;
    this.#backing = backing;
    this.#slices = slices;
  }

  /** See `StreamLog.purge`. */
  async purge(options: PurgeOptions): Promise<number> {
    const steps = this.#purging(options);
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      if (!this.#slices.due) continue;
      await this.#stream.pause();
      this.#stream.checkOpen();
    }
  }

  /** Takes away everything after `seq`, in slices; whoever asks sees to it that nothing else changes the stream meanwhile. */
  async truncate(seq: number): Promise<void> {
    const { index } = this.#stream;
    if (index.subjects.retired.size > 0) await this.giveBack();
    this.#stream.checkStillOpen();
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
    index.cut(seq, (first, last) => index.lost.overlaps(first, last));
    this.#stream.listener?.purged(index.firstSeq, messages, before - this.#stream.bytes);
  }

  /**
   * Takes away what the newest message replaces. This is a part of its append, and in one piece with it: no reader may see the new
   * message beside those that it replaces, and none may see neither. What one record says is also durable as one, since recovery
   * does the same when it comes upon it.
   *
   * Of a whole stream it costs what clearing it costs, and a few nanoseconds for each slot of the newest block. Of one subject among
   * others it costs little, whatever the subject has: what it leaves behind is given back in slices.
   */
  rollup(rollup: "subject" | "all", subject: number, seq: number): void {
    const { index } = this.#stream;
    const { subjects } = index;
    if (index.messages === 0) return; // one that is larger than the limit of bytes is gone already
    if (rollup === "all" || subjects.messages(subject) === index.messages) {
      if (index.messages > ROLLUP_AT_ONCE_MIN || subjects.retired.size > 0) this.#keepNewest();
      else while (index.firstSeq < seq) this.#dropFront(seq);
    } else if (subjects.messages(subject) > ROLLUP_SLOTS_AT_ONCE) {
      this.#retire(subject);
    } else {
      for (let first = subjects.first(subject); first < seq; first = subjects.first(subject))
        this.#stream.removal.take(first);
    }
  }

  #retire(subject: number): void {
    const { index, ages } = this.#stream;
    const { floor } = index;
    index.retire(subject);
    ages.forgetBelow(index.firstSeq);
    if (index.floor !== floor) this.#backing.boundsMoved();
    void this.#giveBackLater();
  }

  /** Empties all slots of messages that rollups took away, in slices. Also of a stream that is closed. */
  async giveBack(): Promise<void> {
    while (this.giveBackSome()) if (this.#slices.due) await this.#slices.pause();
  }

  /** The same as long as the stream is open, unless it is being done. Never rejects. */
  async #giveBackLater(): Promise<void> {
    if (this.#givingBack) return;
    this.#givingBack = true;
    while (this.giveBackSome()) {
      if (!this.#slices.due) continue;
      await this.#stream.pause();
      if (this.#stream.closed) return;
    }
    this.#givingBack = false;
    this.#stream.bytesSettled();
  }

  /** A step of {@link giveBack}; returns whether there is more. */
  giveBackSome(): boolean {
    const { subjects } = this.#stream.index;
    for (const subject of subjects.retired) {
      const count = Math.min(REMOVALS_PER_LOOK, subjects.messages(subject));
      for (let i = 0; i < count; i++) this.#stream.removal.takeRetired(subject);
      break;
    }
    return subjects.retired.size > 0;
  }

  *#purging({ filter = "", seq = 0, keep = 0 }: PurgeOptions): Generator<void, number> {
    const { index } = this.#stream;
    this.#stream.checkOpen();
    if (seq === 1) return 0;
    if (keep === 0 && (filter === "" || filter === ">")) return yield* this.#compacting(seq);
    const prepared = this.#stream.filter([filter]);
    const end =
      keep > 0 ? yield* this.#keptFrom(prepared, keep) : seq > 0 ? Math.min(seq, index.lastSeq + 1) : index.lastSeq + 1;
    let purged = 0;
    for (let at = index.firstSeq; at !== 0 && at < end; ) {
      const to = Math.min(end, at + SEQS_PER_STEP) - 1;
      const found = index.next(prepared, at, to);
      if (found === 0) {
        at = index.records.nextLive(to + 1);
        yield;
        continue;
      }
      this.#stream.removal.take(found);
      if (++purged % REMOVALS_PER_LOOK === 0) yield;
      at = found + 1;
    }
    return purged;
  }

  /** The sequence from which on there are `keep` messages that match; 0: there are fewer. */
  *#keptFrom(filter: SubjectFilter, keep: number): Generator<void, number> {
    const { index } = this.#stream;
    let from = index.lastSeq + 1;
    for (let left = keep; left > 0; ) {
      const to = Math.max(index.firstSeq, from - SEQS_PER_STEP);
      const found = index.previous(filter, from - 1, to);
      if (found > 0) {
        from = found;
        if (--left % REMOVALS_PER_LOOK === 0) yield;
        continue;
      }
      const before = index.records.previousLive(to - 1);
      if (before === 0) return 0;
      from = before + 1;
      yield;
    }
    return from;
  }

  /** Takes away everything below `seq`; 0: everything. */
  *#compacting(seq: number): Generator<void, number> {
    const { index } = this.#stream;
    if (seq === 0) return this.#purgeAll();
    if (seq > index.lastSeq) {
      const purged = this.#purgeAll();
      if (seq - 1 > index.lastSeq) this.#stream.pass(seq - 1 - index.lastSeq);
      return purged;
    }
    let purged = 0;
    while (index.messages > 0 && index.firstSeq < seq) {
      // First what rollups left behind: it may lie between.
      if (index.subjects.retired.size > 0) this.giveBackSome();
      else purged += this.#dropFront(seq);
      yield;
    }
    // What was lost there goes as well, also where no message was left.
    if (index.lost.first < seq) {
      this.#stream.removal.frontDropped(0, seq);
      this.#backing.boundsMoved();
    }
    return purged;
  }

  /** Takes a stretch of the oldest messages away, as far as they are below `seq`; returns how many. */
  #dropFront(seq: number): number {
    const { index, listener } = this.#stream;
    const removed = index.removeFront(seq, SLOTS_PER_STEP);
    const stored = this.#stream.bytesOf(removed);
    this.#stream.bytes -= stored;
    this.#stream.removal.frontDropped(removed.messages, Math.min(seq, index.firstSeq));
    this.#backing.boundsMoved();
    listener?.purged(index.firstSeq, removed.messages, stored);
    return removed.messages;
  }

  #keepNewest(): void {
    const { index, listener, bytes } = this.#stream;
    const gone = index.messages - 1 + this.#retiredMessages();
    for (const block of index.keepNewest()) this.#backing.blockEmptied(block);
    const newest = index.records.last!;
    this.#stream.bytes = this.#stream.storedBytes(newest, newest.slots - 1);
    this.#stream.removal.frontDropped(gone, index.firstSeq);
    this.#backing.boundsMoved();
    listener?.purged(index.firstSeq, gone, bytes - this.#stream.bytes);
  }

  #purgeAll(): number {
    const { index, listener, bytes } = this.#stream;
    const purged = index.messages;
    if (purged === 0 && index.lost.last === 0) return 0;
    const gone = purged + this.#retiredMessages();
    // The newest block's number of sequences is needed for the gap no more: the next record begins a new block.
    index.clear();
    this.#stream.cleared();
    this.#stream.removal.frontDropped(purged, index.firstSeq);
    this.#backing.cleared();
    this.#backing.boundsMoved();
    listener?.purged(index.firstSeq, gone, bytes);
    return purged;
  }

  /** Messages that rollups took away and nobody has been told of yet. */
  #retiredMessages(): number {
    const { subjects } = this.#stream.index;
    let count = 0;
    for (const subject of subjects.retired) count += subjects.messages(subject);
    return count;
  }
}
