// One stream on its way back: its blocks are read, then the journal is replayed onto it.
//
// What the checkpoint calls durable is never cut: a place that cannot be read there is damage, its bytes are kept, its sequences are
// reported. Behind that, the first unreadable place is the torn end of the stream, unless a later record proves that it had been
// synced (block-file.ts). Whatever lies behind a torn end was never acknowledged; blocks of it are set aside.

import { StoreError } from "../errors.ts";
import { IndexBlock as Block, type IndexBlock } from "../index/record-index.ts";
import {
  aligned,
  FLAG_HEADERS,
  FLAG_ROLLUP_ALL,
  FLAG_ROLLUP_SUBJECT,
  FLAG_TTL,
  putU32,
  recordDataOffset,
  recordGap,
  recordTimeMs,
  recordTimeSubNs,
  sealRecord,
  soundMessage,
  u16,
  u32,
  u64,
} from "../record.ts";
import { deletedRuns } from "../stream-queries.ts";
import { BLOCK_HEADER_BYTES, putBlockHeader, readBlockHeader } from "./block-file.ts";
import type { StreamCheckpoint } from "./checkpoint.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import { FORMAT_VERSION, hex8, numberInName, QUARANTINE_FOLDER, streamFolder } from "./format.ts";
import { RunSet } from "./run-set.ts";

/** What a journal takes away from a stream. */
export interface Foreseen {
  /** Everything below is gone. */
  floor: number;
  /** Runs taken away from between others. */
  readonly removed: [first: number, count: number][];
}

/** A stream that is being recovered. */
export class RecoveringStream {
  readonly backing: FileBacking;
  readonly reports: string[] = [];
  /** The journal says that the stream was deleted. */
  deleted = false;
  lastTimeMs = -1;
  lastTimeSubNs = 0;
  #core: FileStoreCore;
  #checkpoint: StreamCheckpoint | null;
  #tombstones: RunSet;
  /** Sequences that should have a record and have none, as first and last. */
  #missing: [number, number][] = [];
  /** Everything below is gone, by the checkpoint or by what the journal says further on. */
  #floor: number;
  /** What the journal takes away from between others. */
  #goingAway: RunSet;
  #replayEnded = false;
  /** The end of the newest block cannot be written to. */
  #sealedEnd = false;
  #rewriteTombstones = false;
  #movedAside = false;
  #lastRecord = 0;

  /**
   * @param firstSeq - The sequence that the stream's first message was to get.
   * @param foreseen - What the journal takes away: records that follow it are not behind a gap.
   */
  constructor(
    core: FileStoreCore,
    backing: FileBacking,
    checkpoint: StreamCheckpoint | null,
    firstSeq: number,
    foreseen: Foreseen,
  ) {
    this.#core = core;
    this.#floor = Math.max(firstSeq, checkpoint?.firstSeq ?? 1, foreseen.floor);
    this.#goingAway = new RunSet(foreseen.removed);
    this.backing = backing;
    this.#checkpoint = checkpoint;
    const { runs, reports } = backing.tombstones.read();
    this.#tombstones = new RunSet(runs);
    this.reports.push(...reports);
    backing.index.skipTo(firstSeq - 1);
  }

  /** Reads all blocks. */
  async readBlocks(): Promise<void> {
    const numbers = this.#blockNumbers();
    for (let i = 0; i < numbers.length; i++) {
      const number = numbers[i] as number;
      const bytes = this.#readFile(number);
      const later = numbers.slice(i + 1);
      const end = this.#readBlock(number, bytes, later);
      await new Promise((resolve) => setImmediate(resolve)); // others may have something to do
      if (end < 0) continue;
      this.#cut(number, bytes.length, end, later);
      break;
    }
    const { backing } = this;
    const { index } = backing;
    const checkpoint = this.#checkpoint;
    if (checkpoint !== null) {
      const found = index.records.last?.lastSeq ?? 0;
      if (found < checkpoint.lastRecordSeq) this.#note(found + 1, checkpoint.lastRecordSeq);
      if (index.lastSeq < checkpoint.lastSeq) index.lastSeq = checkpoint.lastSeq;
      this.lastTimeMs = Math.max(this.lastTimeMs, checkpoint.lastTimeMs);
    }
    // Numbers are not given twice, also not that of a block that was set aside.
    backing.blocks.last = Math.max(checkpoint?.block ?? 0, numbers.at(-1) ?? 0);
    if (index.messages === 0) index.firstSeq = index.lastSeq + 1;
  }

  // --- replay ---

  /** A message of the journal: skipped when it is there, appended when it is next. */
  message(bytes: Uint8Array, at: number, length: number, journalDamaged: boolean): void {
    const { index } = this.backing;
    const seq = u64(bytes, at + 24);
    if (this.#replayEnded || seq <= index.lastSeq) return;
    const gap = recordGap(bytes, at);
    const block = u32(bytes, at + 12);
    const offset = u32(bytes, at + 16);
    // The checkpoint vouches for that place and knows nothing of the record: it was truncated.
    if (offset < this.#durableEnd(block)) return;
    const last = index.records.last;
    const fits =
      last !== null && block === last.number && !this.#sealedEnd
        ? offset === last.endOffset
        : (last === null || block > last.number) && offset === BLOCK_HEADER_BYTES;
    // Its block went when all in it had been taken away.
    if (!fits && this.#explained(seq, seq)) return;
    if (!fits || !this.#explained(index.lastSeq + 1, seq - gap - 1)) {
      // A gap, or a record whose predecessors in its block are not there: it cannot have been acknowledged, unless the journal
      // itself has lost something.
      if (!journalDamaged || (last !== null && block < last.number)) {
        this.#replayEnded = true;
        return;
      }
      this.#note(index.lastSeq + 1, seq - gap - 1);
    }
    this.#write(bytes, at, length, block, offset, seq);
    this.#add(bytes, at, length, this.#blockFor(block, seq, BLOCK_HEADER_BYTES), offset);
    this.#sealedEnd = false;
  }

  removed(first: number, count: number): void {
    const { index } = this.backing;
    for (let seq = first; seq < first + count; seq++) {
      const block = index.records.find(seq);
      if (block !== null) {
        index.remove(block, seq);
        this.backing.addUnsavedTombstone(seq);
      } else if (this.#missing.length > 0) {
        this.backing.addUnsavedTombstone(seq);
      }
    }
  }

  bounds(firstSeq: number, lastSeq: number): void {
    const { index } = this.backing;
    if (lastSeq > index.lastSeq) index.skipTo(lastSeq);
    while (index.messages > 0 && index.firstSeq < firstSeq)
      index.remove(index.records.find(index.firstSeq)!, index.firstSeq);
    this.backing.saver.dirty = true;
  }

  truncated(seq: number): void {
    const { backing } = this;
    const { index } = backing;
    if (seq >= index.lastSeq) {
      // A recovery that was interrupted has cut it already; the sequences up to there were given.
      index.skipTo(seq);
      return;
    }
    index.truncate(seq, () => {});
    this.#missing = this.#missing
      .filter(([first]) => first <= seq)
      .map(([first, last]) => [first, Math.min(last, seq)]);
    const last = index.records.last;
    for (const number of [...backing.blocks.byNumber.keys()]) if (number > (last?.number ?? 0)) this.#setAside(number);
    if (last !== null) {
      const file = backing.blocks.byNumber.get(last.number)!;
      file.file().truncate(last.endOffset);
      file.dirty = true;
    }
    this.#rewriteTombstones = true;
    this.#replayEnded = false;
  }

  /** Settles what is lost and prepares the stream for new records. */
  async finish(): Promise<void> {
    const { backing } = this;
    const { index } = backing;
    if (this.#movedAside) {
      // Durable before the next checkpoint, which would vouch for a block that came back.
      const { disk } = this.#core;
      await disk.syncFolder(streamFolder(backing.incarnation));
      await disk.syncFolder(QUARANTINE_FOLDER);
      await disk.syncFolder("");
    }
    if (index.messages === 0) index.firstSeq = index.lastSeq + 1;
    this.#settleMissing();
    backing.changes.forgetTombstonesAbove(index.lastSeq);
    for (const block of [...index.records.blocks]) {
      if (block.live > 0 || block === index.records.last) continue;
      index.dropBlock(block);
      backing.blockEmptied(block);
    }
    const last = index.records.last;
    if (last !== null && last.number === backing.blocks.last && !this.#sealedEnd)
      backing.resumeAt(last.number, last.endOffset);
    else backing.resumeAt(backing.blocks.last + 1, 0);
    if (this.#tombstones.max > index.lastSeq || this.#rewriteTombstones) {
      // Those sequences will be given again.
      await backing.tombstones.replace(deletedRuns(index));
    }
  }

  // --- blocks ---

  #blockNumbers(): number[] {
    const { disk } = this.#core;
    const folder = streamFolder(this.backing.incarnation);
    const numbers: number[] = [];
    for (const { name, kind } of disk.list(folder)) {
      const number = numberInName(name, ".blk");
      if (kind === "file" && /^(meta|deleted|consumers)\.[01]$/.test(name)) continue;
      if (kind === "file" && /^(deleted\.[01]|[0-9a-f]{8}\.blk)\.new$/.test(name)) disk.remove(`${folder}/${name}`);
      else if (kind === "file" && number > 0) numbers.push(number);
      else
        throw new StoreError(
          "FOREIGN_FOLDER",
          `Cannot use ${folder}/${name} in ${disk.name}: it is not a file of a store. Move it away`,
        );
    }
    for (const number of numbers) this.backing.blocks.add(number, true);
    return numbers.sort((a, b) => a - b);
  }

  #readFile(number: number): Uint8Array {
    const file = this.backing.blocks.byNumber.get(number)!.file();
    const bytes = new Uint8Array(file.size());
    file.read(bytes, 0, bytes.length, 0);
    return bytes;
  }

  /** Up to where a block is durable by the checkpoint. */
  #durableEnd(number: number): number {
    const checkpoint = this.#checkpoint;
    if (checkpoint === null || number > checkpoint.block) return 0;
    return number < checkpoint.block ? Number.POSITIVE_INFINITY : checkpoint.offset;
  }

  /** Returns where the block is torn, or -1. */
  #readBlock(number: number, bytes: Uint8Array, later: readonly number[]): number {
    const { incarnation } = this.backing;
    const durableEnd = this.#durableEnd(number);
    const path = this.backing.blocks.byNumber.get(number)!.path;
    const header = readBlockHeader(bytes);
    if (header !== null && header.version > FORMAT_VERSION) {
      throw new StoreError(
        "UNSUPPORTED_VERSION",
        `Cannot read ${path} in ${this.#core.disk.name}: format version ${header.version}, this program reads up to ${FORMAT_VERSION}`,
      );
    }
    let at = BLOCK_HEADER_BYTES;
    if (header === null || header.stream !== incarnation || header.block !== number) {
      if (durableEnd === 0 && !this.#provenSynced(number, bytes, BLOCK_HEADER_BYTES, later)) return 0;
      this.reports.push(`${path}: its header is damaged; the records in it identify themselves`);
    }
    let damage = -1;
    while (at < bytes.length) {
      const length = soundMessage(bytes, at, bytes.length, incarnation, number, at);
      // In a place that the checkpoint vouches for, a sequence that it does not know is left from before a truncation.
      if (length > 0 && at < durableEnd && u64(bytes, at + 24) > (this.#checkpoint?.lastSeq ?? 0)) return at;
      if (length > 0 && u64(bytes, at + 24) > (this.backing.index.records.last?.lastSeq ?? 0)) {
        if (
          at >= durableEnd &&
          !this.#follows(bytes, at) &&
          !this.#provenSynced(number, bytes, BLOCK_HEADER_BYTES - 1, later)
        ) {
          return 0; // the block before it is torn, or was never there
        }
        if (damage >= 0 && !this.#follows(bytes, at)) this.#damaged(path, number, damage, at - damage);
        this.#add(
          bytes,
          at,
          length,
          this.#blockFor(number, header?.firstSeq ?? u64(bytes, at + 24), BLOCK_HEADER_BYTES),
          at,
        );
        damage = -1;
        at += aligned(length);
        continue;
      }
      if (damage < 0) {
        if (at >= durableEnd && !this.#provenSynced(number, bytes, at, later)) return at;
        damage = at;
      }
      at += 8;
    }
    if (damage >= 0) {
      const known = later.length === 0 && this.#explained(this.#lastRecord + 1, this.#checkpoint?.lastRecordSeq ?? 0);
      if (!known) this.#damaged(path, number, damage, bytes.length - damage);
      this.#sealedEnd = later.length === 0;
    } else if (later.length === 0 && durableEnd !== Number.POSITIVE_INFINITY && bytes.length < durableEnd) {
      this.#sealedEnd = true; // cut by a truncation, or by damage: then sequences are missing
    }
    return -1;
  }

  /** Whether a record behind a place says that the place had been synced. */
  #provenSynced(number: number, bytes: Uint8Array, place: number, later: readonly number[]): boolean {
    const { incarnation } = this.backing;
    for (let at = Math.max(place, BLOCK_HEADER_BYTES); at < bytes.length; at += 8) {
      const length = soundMessage(bytes, at, bytes.length, incarnation, number, at);
      if (length > 0 && u32(bytes, at + 44) > place) return true;
    }
    for (const next of later) {
      const nextBytes = this.#readFile(next);
      for (let at = BLOCK_HEADER_BYTES; at < nextBytes.length; at += 8) {
        const length = soundMessage(nextBytes, at, nextBytes.length, incarnation, next, at);
        if (length > 0 && u32(nextBytes, at + 44) >= BLOCK_HEADER_BYTES) return true;
      }
    }
    return false;
  }

  #damaged(path: string, number: number, offset: number, length: number): void {
    this.#core.reportDamage(this.backing.incarnation, path, number, offset, length, [`${length} bytes cannot be read`]);
  }

  #cut(number: number, size: number, end: number, later: readonly number[]): void {
    for (const next of later) this.#setAside(next);
    const file = this.backing.blocks.byNumber.get(number)!;
    if (end < BLOCK_HEADER_BYTES) {
      this.#setAside(number);
      return;
    }
    if (end === size) return;
    this.reports.push(`${file.path}: cut at ${end}: the ${size - end} bytes behind were never confirmed`);
    file.file().truncate(end);
    file.dirty = true;
  }

  /** Moves a block away that was never confirmed: nothing is removed that might be worth a look. */
  #setAside(number: number): void {
    const { disk } = this.#core;
    const file = this.backing.blocks.byNumber.get(number)!;
    file.close();
    this.backing.blocks.byNumber.delete(number);
    if (disk.stat(QUARANTINE_FOLDER) === null) disk.makeFolder(QUARANTINE_FOLDER);
    const target = `${QUARANTINE_FOLDER}/${hex8(this.backing.incarnation)}-${hex8(number)}.blk`;
    disk.rename(file.path, target);
    this.#movedAside = true;
    this.reports.push(`${file.path}: never confirmed, moved to ${target}`);
  }

  // --- index ---

  #blockFor(number: number, firstSeq: number, startOffset: number): IndexBlock {
    const { records } = this.backing.index;
    const last = records.last;
    if (last !== null && last.number === number) return last;
    last?.seal();
    const expected = (last?.lastSeq ?? 0) + 1;
    const block = new Block(number, Math.max(firstSeq, expected), startOffset);
    records.blocks.push(block);
    if (number > this.backing.blocks.last) this.backing.blocks.last = number;
    return block;
  }

  #add(bytes: Uint8Array, at: number, length: number, block: IndexBlock, offset: number): void {
    const { index } = this.backing;
    const seq = u64(bytes, at + 24);
    const gap = recordGap(bytes, at);
    this.#note(this.#lastRecord + 1, seq - gap - 1);
    // The first absent slot takes the bytes that cannot be read.
    while (block.lastSeq + 1 < seq) block.addAbsent(offset - block.endOffset);
    if (block.slots === 0) block.endOffset = offset;
    if (block.endOffset !== offset) {
      // Bytes before it that belong to no sequence: only damage makes them. The next record takes this one's place along.
      this.reports.push(`${streamFolder(this.backing.incarnation)}: sequence ${seq} cannot be placed`);
      this.#note(seq, seq);
      return;
    }
    this.#lastRecord = seq;
    const floor = this.#checkpoint?.firstSeq ?? 0;
    if (seq < floor || this.#tombstones.has(seq)) {
      block.addAbsent(aligned(length));
      index.lastSeq = Math.max(index.lastSeq, seq);
    } else {
      const flags = bytes[at + 22]!;
      const subject = at + recordDataOffset(flags);
      const id = index.subjects.intern(bytes, subject, subject + u16(bytes, at + 20));
      const traits = {
        headers: (flags & FLAG_HEADERS) !== 0,
        ttl: (flags & FLAG_TTL) !== 0,
        gap: gap > 0,
        padding: aligned(length) - length,
      };
      index.add(seq, id, traits, length);
      if ((flags & (FLAG_ROLLUP_SUBJECT | FLAG_ROLLUP_ALL)) !== 0)
        this.#rollup(seq, id, (flags & FLAG_ROLLUP_ALL) !== 0);
    }
    const timeMs = recordTimeMs(bytes, at);
    if (timeMs >= this.lastTimeMs) {
      this.lastTimeMs = timeMs;
      this.lastTimeSubNs = recordTimeSubNs(bytes, at);
    }
  }

  /** A message and what it took away are one: where the message is, what it took away is not. */
  #rollup(seq: number, subject: number, all: boolean): void {
    const { index } = this.backing;
    const first = (): number => (all ? index.firstSeq : index.subjects.first(subject));
    for (let gone = first(); gone < seq; gone = first()) {
      index.remove(index.records.find(gone)!, gone);
      this.backing.addUnsavedTombstone(gone);
    }
  }

  #write(bytes: Uint8Array, at: number, length: number, block: number, offset: number, seq: number): void {
    const { backing } = this;
    let file = backing.blocks.byNumber.get(block);
    if (file === undefined) {
      file = backing.blocks.add(block, false);
      const header = new Uint8Array(BLOCK_HEADER_BYTES);
      putBlockHeader(header, 0, backing.incarnation, block, seq);
      file.file().write(header, 0, header.length, 0);
      backing.blocks.folderDirty = true;
    }
    // What it says about its block was true of a file that may be gone; nothing of this one is known to be durable.
    const record = new Uint8Array(aligned(length));
    record.set(bytes.subarray(at, at + length));
    putU32(record, 44, 0);
    sealRecord(record, 0, length);
    file.file().write(record, 0, record.length, offset);
    file.dirty = true;
    backing.saver.dirty = true;
  }

  /** Whether a record follows the one before it, or what lies between is known to be gone. */
  #follows(bytes: Uint8Array, at: number): boolean {
    return this.#explained(this.#lastRecord + 1, u64(bytes, at + 24) - recordGap(bytes, at) - 1);
  }

  /** Whether it is known why none of these sequences has a record. */
  #explained(first: number, last: number): boolean {
    for (let seq = Math.max(first, this.#floor); seq <= last; seq++) {
      if (!this.#goingAway.has(seq) && !this.#tombstones.has(seq)) return false;
    }
    return true;
  }

  #note(first: number, last: number): void {
    if (first <= last) this.#missing.push([first, last]);
  }

  #settleMissing(): void {
    const { index } = this.backing;
    for (const [first, last] of this.#missing) {
      let run = 0;
      for (let seq = Math.max(first, this.#floor); seq <= last + 1; seq++) {
        const lost = seq <= last && !this.#explained(seq, seq) && index.records.find(seq) === null;
        if (lost && run === 0) run = seq;
        if (lost || run === 0) continue;
        index.addLost(run, seq - 1);
        this.reports.push(`${streamFolder(this.backing.incarnation)}: lost sequences ${run} to ${seq - 1}`);
        run = 0;
      }
    }
  }
}
