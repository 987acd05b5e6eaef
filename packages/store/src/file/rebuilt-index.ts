// A stream's index on its way back: takes records in order of sequence, from blocks, from index files and from the journal, and knows
// which sequences should have a record and have none.

import type { SeqRun } from "../index/lost-runs.ts";
import { ABSENT, IndexBlock, traitsOf } from "../index/record-index.ts";
import {
  aligned,
  FLAG_HEADERS,
  FLAG_ROLLUP_ALL,
  FLAG_ROLLUP_SUBJECT,
  FLAG_TTL,
  type LastTime,
  RECORD_TIME,
  recordDataOffset,
  recordGap,
  recordTtlSeconds,
  timeMsAt,
  timeSubNsAt,
  u16,
  u64,
} from "../record.ts";
import type { Slices } from "../slices.ts";
import { TtlHeap } from "../ttl-heap.ts";
import { BLOCK_HEADER_BYTES } from "./block-file.ts";
import type { StreamCheckpoint } from "./checkpoint.ts";
import type { FileBacking } from "./file-backing.ts";
import type { Foreseen } from "./foreseen.ts";
import { streamFolder } from "./format.ts";
import type { IndexChunk } from "./index-chunk.ts";
import { SeqSet } from "./seq-set.ts";

/** Slots of an index file that are taken between two looks at the clock. */
const SLOTS_PER_LOOK = 512;
/** Slots of a block that a rollup of everything takes away in one step, and messages that one of a subject does. */
const SLOTS_PER_STEP = 128;
const REMOVALS_PER_STEP = 32;

/** The index of a stream that is being recovered. */
export class RebuiltIndex implements LastTime {
  readonly reports: string[] = [];
  /** When the last message was stored, as far as that is known. */
  lastTimeMs = -1;
  lastTimeSubNs = 0;
  /** That was a message that has been truncated since: the time of the last sequence's counts, if that is there. */
  lastTimeCut = false;
  /** The last sequence when that was so. */
  #lastTimeSeq = 0;
  /** Sequence of the last record; 0: there is none. */
  lastRecord = 0;
  /** Messages that expire, by wall time. */
  readonly ttls: TtlHeap = new TtlHeap();
  readonly #backing: FileBacking;
  readonly #checkpoint: StreamCheckpoint | null;
  #tombstones: SeqSet = new SeqSet();
  /** Nothing below is there: gone by the checkpoint, or never there. */
  #floor: number;
  /** The same by what the journal says. */
  readonly #goingBelow: number;
  /** What the journal takes away from between others. */
  readonly #goingAway: SeqSet;
  /** Sequences that should have a record and have none, as first and last. */
  #missing: [number, number][] = [];
  /** Something was taken for explained that nothing but the journal explains. */
  reliedOnJournal = false;
  /** The rollup that was added last, as long as it is not done: {@link takeAwayMore}. */
  #rollup: { readonly seq: number; readonly subject: number; readonly all: boolean } | null = null;

  /**
   * @param firstSeq - The sequence that the stream's first message was to get.
   * @param foreseen - What the journal takes away: records that follow it are not behind a gap.
   */
  constructor(backing: FileBacking, checkpoint: StreamCheckpoint | null, firstSeq: number, foreseen: Foreseen) {
    this.#backing = backing;
    this.#checkpoint = checkpoint;
    // A truncation may have gone below it.
    const first = Math.min(firstSeq, (checkpoint?.lastSeq ?? Number.POSITIVE_INFINITY) + 1);
    this.#floor = Math.max(first, checkpoint?.firstSeq ?? 1);
    this.#goingBelow = foreseen.floor;
    this.#goingAway = foreseen.removed;
    backing.index.skipTo(first - 1);
  }

  /** Comes before everything else. */
  async readTombstones(slices: Slices): Promise<void> {
    const { seqs, reports } = await this.#backing.tombstones.read(slices, this.#checkpoint?.tombstone ?? 0);
    this.#tombstones = seqs;
    this.reports.push(...reports);
  }

  /** The highest sequence that the tombstone files name, or 0. */
  get tombstonesTo(): number {
    return this.#tombstones.max;
  }

  /** Whether any of these sequences should have a record and has none, as far as is known yet. */
  missesSome(from: number, to: number): boolean {
    return this.#missing.some(([first, last]) => first <= to && from <= last);
  }

  /** The first sequence that the next record in a block may have, as far as the blocks tell. */
  get nextExpected(): number {
    return Math.max(this.#floor, this.lastRecord + 1);
  }

  get someMissing(): boolean {
    return this.#missing.length > 0;
  }

  /** The index block of a block, which is the newest one or comes after it. */
  blockFor(number: number, firstSeq: number): IndexBlock {
    const { blocks, index } = this.#backing;
    const last = index.records.last;
    if (last !== null && last.number === number) return last;
    last?.seal();
    const expected = (last?.lastSeq ?? 0) + 1;
    const block = new IndexBlock(number, Math.max(firstSeq, expected), BLOCK_HEADER_BYTES);
    index.records.push(block);
    if (number > blocks.last) blocks.last = number;
    return block;
  }

  /** Adds the record at `at`, which is checked and stands at `offset` in its block. {@link takeAwayMore} has to follow. */
  add(bytes: Uint8Array, at: number, length: number, block: IndexBlock, offset: number): void {
    const { index } = this.#backing;
    const seq = u64(bytes, at + 24);
    const gap = recordGap(bytes, at);
    this.note(this.lastRecord + 1, seq - gap - 1);
    // The first absent slot takes the bytes that cannot be read.
    while (block.lastSeq + 1 < seq) block.addAbsent(offset - block.endOffset);
    if (block.slots === 0) block.endOffset = offset;
    if (block.endOffset !== offset) {
      // Bytes before it that belong to no sequence: only damage makes them. The next record takes this one's place along.
      this.reports.push(`${streamFolder(this.#backing.incarnation)}: sequence ${seq} cannot be placed`);
      this.note(seq, seq);
      return;
    }
    this.lastRecord = seq;
    const floor = this.#checkpoint?.firstSeq ?? 0;
    const gone = seq < floor || this.#tombstones.has(seq);
    if (gone || !this.#addMessage(bytes, at, length, block, offset)) {
      if (!gone) this.note(seq, seq);
      block.addAbsent(aligned(length));
      index.lastSeq = Math.max(index.lastSeq, seq);
    }
    this.#noteRecordTime(bytes, at);
  }

  /**
   * Adds the records of a chunk that fits its block.
   *
   * @param first - Its first record.
   * @param last - Its last record.
   * @param readRecord - Reads the record at a place of the block; null when it is damaged.
   */
  async addChunk(
    chunk: IndexChunk,
    block: IndexBlock,
    first: Uint8Array,
    last: Uint8Array,
    readRecord: (offset: number, bytes: number) => Uint8Array | null,
    slices: Slices,
  ): Promise<void> {
    const { index } = this.#backing;
    this.note(this.lastRecord + 1, u64(first, 24) - recordGap(first, 0) - 1);
    const ids = new Int32Array(chunk.subjects).fill(-1);
    const floor = this.#checkpoint?.firstSeq ?? 0;
    for (let slot = 0, seq = chunk.firstSeq; slot < chunk.slots; slot++, seq++) {
      if (slot % SLOTS_PER_LOOK === 0 && slices.due) await slices.pause();
      const place = chunk.place(slot);
      if ((place & ABSENT) !== 0) {
        block.addAbsent();
        continue;
      }
      const bytes = chunk.slotBytes(slot);
      if (seq < floor || this.#tombstones.has(seq)) {
        block.addAbsent(bytes);
        continue;
      }
      const subject = chunk.subject(slot);
      if (subject < 0) {
        // Taken away when the chunk was written, which was not durable.
        const record = readRecord(block.endOffset, bytes);
        if (record === null || !this.#addMessage(record, 0, record.length, block, block.endOffset)) {
          block.addAbsent(bytes);
          this.note(seq, seq);
        }
        while (this.takeAwayMore()) if (slices.due) await slices.pause();
        continue;
      }
      let id = ids[subject]!;
      // Only now: a subject is in the index exactly while it has messages.
      if (id < 0) {
        id = index.subjects.intern(chunk.bytes, chunk.subjectStart(subject), chunk.subjectEnd(subject));
        ids[subject] = id;
      }
      index.add(seq, id, place, bytes);
    }
    chunk.visitTtls((slot, expiresMs) => {
      if (block.isLive(chunk.firstSeq + slot - block.firstSeq)) this.ttls.add(expiresMs, chunk.firstSeq + slot);
    });
    this.lastRecord = u64(last, 24);
    index.lastSeq = Math.max(index.lastSeq, this.lastRecord);
    this.#noteRecordTime(last, 0);
  }

  /**
   * A message and what it took away are one: where the message is, what it took away is not. Takes some of that out of the index; returns
   * whether that is not all yet.
   */
  takeAwayMore(): boolean {
    if (this.#rollup === null) return false;
    const { index } = this.#backing;
    const { seq, subject, all } = this.#rollup;
    if (all) {
      if (index.firstSeq < seq) index.removeFront(seq, SLOTS_PER_STEP);
      this.#backing.saver.dirty = true;
    } else {
      for (let left = REMOVALS_PER_STEP; left > 0; left--) {
        const gone = index.subjects.first(subject);
        if (gone >= seq) break;
        index.remove(index.records.find(gone)!, gone);
        this.#backing.addUnsavedTombstone(gone);
      }
    }
    if ((all ? index.firstSeq : index.subjects.first(subject)) >= seq) this.#rollup = null;
    return this.#rollup !== null;
  }

  /** Whether a record follows the one before it, or what lies between is known to be gone. */
  follows(bytes: Uint8Array, at: number): boolean {
    return this.explained(this.lastRecord + 1, u64(bytes, at + 24) - recordGap(bytes, at) - 1);
  }

  /** Whether it is known why none of these sequences has a record. */
  explained(first: number, last: number): boolean {
    if (first > last) return true;
    if (this.#nextUnexplained(first) <= last) return false;
    this.reliedOnJournal ||= this.#tombstones.nextOutside(Math.max(first, this.#floor)) <= last;
    return true;
  }

  /** No sequence below this one ever had a record: one that is damaged cannot say so itself. */
  beginsAt(seq: number): void {
    this.#floor = Math.max(this.#floor, seq);
  }

  /** What an earlier reading of the same stream reported: it may have moved files away that this one did not see. */
  tells(reports: readonly string[]): void {
    this.reports.unshift(...reports.filter((line) => !this.reports.includes(line)));
  }

  /** These sequences should have a record and have none; what was noted last may be told again. */
  note(first: number, last: number): void {
    const before = this.#missing.at(-1);
    const from = before !== undefined && before[0] <= first ? Math.max(first, before[1] + 1) : first;
    if (from <= last) this.#missing.push([from, last]);
  }

  /** What was added from this sequence on is from before a truncation. */
  async forgetFrom(seq: number, slices: Slices): Promise<void> {
    const { index } = this.#backing;
    for (let at = index.lastSeq; at >= seq; ) {
      at = index.removeBack(at, seq - 1, SLOTS_PER_STEP).nextSeq;
      if (slices.due) await slices.pause();
    }
    index.cut(seq - 1, () => false);
    this.#rollup = null;
    this.lastRecord = index.lastRecord;
  }

  /** Sequences above `seq` will be given again. */
  truncated(seq: number): void {
    if (this.#lastTimeSeq > seq) {
      this.#lastTimeSeq = seq;
      this.lastTimeCut = true;
    }
    this.#missing = this.#missing
      .filter(([first]) => first <= seq)
      .map(([first, last]) => [first, Math.min(last, seq)]);
  }

  /** Reports what is missing and cannot be explained as lost. */
  async settleMissing(slices: Slices): Promise<void> {
    const { index, incarnation } = this.#backing;
    const unexplained: SeqRun[] = [];
    for (const [first, last] of this.#missing) {
      for (let seq = this.#nextUnexplained(first); seq <= last; ) {
        // What is there was found elsewhere: in the journal, say.
        const live = index.records.nextLive(seq) || Number.POSITIVE_INFINITY;
        const end = Math.min(last + 1, live, this.#nextExplained(seq));
        if (end > seq) unexplained.push([seq, end - 1]);
        seq = this.#nextUnexplained(end === live ? end + 1 : end);
        if (slices.due) await slices.pause();
      }
    }
    for (const [first, last] of unexplained) {
      index.lost.add(first, last);
      this.reports.push(`${streamFolder(incarnation)}: lost sequences ${first} to ${last}`);
    }
  }

  /** The first sequence at or after `seq` of which it is not known why it has no record. Steps over runs. */
  #nextUnexplained(seq: number): number {
    const sets = [this.#goingAway, this.#tombstones];
    for (let at = Math.max(seq, this.#floor, this.#goingBelow); ; ) {
      const begin = at;
      for (const set of sets) at = set.nextOutside(at);
      if (at === begin) return at;
    }
  }

  /** The first sequence at or after `seq`, which is not below the floor, of which it is known; Infinity when there is none. */
  #nextExplained(seq: number): number {
    return Math.min(this.#goingAway.next(seq), this.#tombstones.next(seq));
  }

  /**
   * Adds the message of a record that stands at `offset` in its block.
   *
   * @returns False when its seal is broken, which is reported.
   */
  #addMessage(bytes: Uint8Array, at: number, length: number, block: IndexBlock, offset: number): boolean {
    const { index } = this.#backing;
    const seq = u64(bytes, at + 24);
    const opened = this.#backing.openRecord(bytes, at, length);
    if (opened === null) {
      // An erased message has no seal any more; what took it away may stand further on in the journal.
      if (!this.explained(seq, seq)) this.#backing.sealBroken(block.number, offset, length, seq);
      return false;
    }
    const flags = bytes[at + 22]!;
    const subject = opened.at + recordDataOffset(flags);
    const id = index.subjects.intern(opened.bytes, subject, subject + u16(bytes, at + 20));
    const size = aligned(length);
    const traits = traitsOf(
      (flags & FLAG_HEADERS) !== 0,
      (flags & FLAG_TTL) !== 0,
      recordGap(bytes, at) > 0,
      size - length,
    );
    index.add(seq, id, traits, size);
    const ttlSeconds = recordTtlSeconds(bytes, at);
    if (ttlSeconds > 0) this.ttls.add(timeMsAt(bytes, at + RECORD_TIME) + ttlSeconds * 1000, seq);
    if ((flags & (FLAG_ROLLUP_SUBJECT | FLAG_ROLLUP_ALL)) !== 0)
      this.#rollup = { seq, subject: id, all: (flags & FLAG_ROLLUP_ALL) !== 0 };
    return true;
  }

  /** When the last sequence was `seq`, the last message had been stored then; what was known of earlier ones counts no more. */
  noteTime(seq: number, timeMs: number, subNs: number): void {
    if (timeMs < 0 || seq < this.#lastTimeSeq) return;
    this.#lastTimeSeq = seq;
    this.lastTimeMs = timeMs;
    this.lastTimeSubNs = subNs;
    this.lastTimeCut = false;
  }

  #noteRecordTime(bytes: Uint8Array, at: number): void {
    const time = at + RECORD_TIME;
    this.noteTime(u64(bytes, at + 24), timeMsAt(bytes, time), timeSubNsAt(bytes, time));
  }
}
