// One stream on its way back: its blocks are read (stream-scan.ts), then the journal is replayed onto it.

import { viewOf } from "../checksum.ts";
import { aligned, putU32, recordGap, sealRecord, u32, u64 } from "../record.ts";
import type { Slices } from "../slices.ts";
import { BLOCK_HEADER_BYTES, putBlockHeader } from "./block-file.ts";
import type { StreamCheckpoint } from "./checkpoint.ts";
import type { Bounds } from "./control.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import type { Foreseen } from "./foreseen.ts";
import { QUARANTINE_FOLDER, streamFolder } from "./format.ts";
import { goneRuns, goneUpTo } from "./gone-runs.ts";
import { RebuiltIndex } from "./rebuilt-index.ts";
import { SeqRuns } from "./seq-runs.ts";
import { StreamScan } from "./stream-scan.ts";

/** Replayed records are written in pieces of this size. */
const PENDING_BYTES = 16 * 1024;
/** Slots of a block that are taken away in one step. */
const SLOTS_PER_STEP = 128;
/** Messages that are taken away in one step from between others. */
const REMOVALS_PER_STEP = 64;

/** A stream that is being recovered. */
export class RecoveringStream {
  readonly backing: FileBacking;
  readonly rebuilt: RebuiltIndex;
  /** The journal says that the stream was deleted. */
  deleted = false;
  #core: FileStoreCore;
  #scan: StreamScan;
  #replayEnded = false;
  /** Replayed records that are not written yet. */
  #pending: Uint8Array = new Uint8Array(0);
  #pendingView: DataView = viewOf(this.#pending);
  #pendingBytes = 0;
  #pendingBlock = 0;
  #pendingStart = 0;
  #rewriteTombstones = false;
  /** What the record that is being replayed takes away, and how far that is done. */
  #floor = 0;
  #going: SeqRuns = new SeqRuns();
  #goneRun = 0;
  /** In the run that is being taken away, nothing below is left. */
  #goneTo = 0;
  /** The truncation that is being replayed; -1: none is. */
  #cutTo = -1;
  #cutAt = 0;

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
    storeId: number,
    slices: Slices,
  ) {
    this.#core = core;
    this.backing = backing;
    this.rebuilt = new RebuiltIndex(backing, checkpoint, firstSeq, foreseen);
    this.#scan = new StreamScan(core, backing, checkpoint, this.rebuilt, storeId, slices);
  }

  /** The last sequence that is known to have been given. */
  get lastSeq(): number {
    return this.backing.index.lastSeq;
  }

  /** Reads all blocks. */
  async readBlocks(): Promise<void> {
    await this.rebuilt.readTombstones(this.#core.slices);
    await this.#scan.run();
  }

  /**
   * Before a truncation is replayed: makes durable which sequences up to there have no message. The record that says so may be
   * cut away, and the recovery be interrupted before it has saved anything else: they would count as lost.
   *
   * @param truncatedTo - The lowest sequence that the journal truncates to; undefined when it does not.
   */
  async keepHoles(truncatedTo: number | undefined): Promise<void> {
    // What is missing is not known to be gone.
    if (truncatedTo === undefined || truncatedTo >= this.backing.index.lastSeq || this.rebuilt.someMissing) return;
    const { index, tombstones, incarnation } = this.backing;
    if (await tombstones.append(goneUpTo(index, truncatedTo), this.#core.slices))
      await this.#core.disk.syncFolder(streamFolder(incarnation));
  }

  /** A message of the journal: skipped when it is there, appended when it is next. {@link takeAwayMore} has to follow. */
  message(bytes: Uint8Array, at: number, length: number, journalDamaged: boolean): void {
    const { index } = this.backing;
    const { rebuilt } = this;
    const scan = this.#scan;
    const seq = u64(bytes, at + 24);
    if (this.#replayEnded || seq <= index.lastSeq) return;
    const gap = recordGap(bytes, at);
    const block = u32(bytes, at + 12);
    const offset = u32(bytes, at + 16);
    // The checkpoint vouches for that place and knows nothing of the record: it was truncated.
    if (offset < scan.durableEnd(block)) return;
    const last = index.records.last;
    const fits =
      last !== null && block === last.number && !scan.sealedEnd
        ? offset === last.endOffset
        : ((last === null || block > last.number) && offset === BLOCK_HEADER_BYTES) || scan.isDurableEnd(block, offset);
    // Its block went when all in it had been taken away.
    if (!fits && rebuilt.explained(seq, seq)) return;
    if (!fits || !rebuilt.explained(index.lastSeq + 1, seq - gap - 1)) {
      // A gap, or a record whose predecessors in its block are not there: it cannot have been acknowledged, unless the journal
      // itself has lost something.
      if (!journalDamaged || (last !== null && block < last.number)) {
        this.#replayEnded = true;
        return;
      }
      rebuilt.note(index.lastSeq + 1, seq - gap - 1);
    }
    this.#write(bytes, at, length, block, offset, seq);
    rebuilt.add(bytes, at, length, rebuilt.blockFor(block, seq), offset);
    scan.sealedEnd = false;
  }

  /** These went from between others. {@link takeAwayMore} has to follow. */
  removed(first: number, count: number): void {
    this.#going.addRun(first, count);
  }

  /** Everything below `firstSeq` went. {@link takeAwayMore} has to follow. */
  bounds({ firstSeq, lastSeq, lastTime }: Bounds): void {
    const { index } = this.backing;
    this.rebuilt.noteTime(lastSeq, lastTime.lastTimeMs, lastTime.lastTimeSubNs);
    if (lastSeq > index.lastSeq) index.skipTo(lastSeq);
    this.#floor = firstSeq;
    this.backing.saver.dirty = true;
  }

  /** Takes some of what went out of the index; returns whether that is not all yet. Millions may go by one record. */
  takeAwayMore(): boolean {
    const { index } = this.backing;
    if (this.rebuilt.takeAwayMore()) return true;
    if (this.#cutTo >= 0) {
      this.#cutMore();
      return true;
    }
    if (index.messages > 0 && index.firstSeq < this.#floor) {
      index.removeFront(this.#floor, SLOTS_PER_STEP);
      return true;
    }
    this.#floor = 0; // sequences below it may be given again, after a truncation
    if (this.#goneRun === this.#going.length) {
      if (this.#goneRun > 0) this.#going.clear();
      this.#goneRun = 0;
      return false;
    }
    const first = this.#going.first(this.#goneRun);
    const count = this.#going.count(this.#goneRun);
    if (this.#takeSome(first, first + count)) return true;
    // All of it: where a sequence has no record that goes, what tells why may go with the journal.
    this.backing.addUnsavedTombstones(first, count);
    this.#goneRun++;
    return true;
  }

  /** Takes some messages of `[first, end)` away; returns whether there are more. Costs nothing for sequences without one. */
  #takeSome(first: number, end: number): boolean {
    const { index } = this.backing;
    for (let left = REMOVALS_PER_STEP; left > 0; left--) {
      const seq = index.records.nextLive(Math.max(first, this.#goneTo));
      if (seq === 0 || seq >= end) {
        this.#goneTo = 0;
        return false;
      }
      index.remove(index.records.find(seq)!, seq);
      this.#goneTo = seq + 1;
    }
    return true;
  }

  /** Everything after `seq` went. {@link takeAwayMore} has to follow. */
  truncated(seq: number): void {
    const { index } = this.backing;
    if (seq >= index.lastSeq) {
      // A recovery that was interrupted has cut it already; the sequences up to there were given.
      index.skipTo(seq);
      return;
    }
    this.#writePending();
    this.#cutTo = seq;
    this.#cutAt = index.lastSeq;
  }

  #cutMore(): void {
    const { index, blocks } = this.backing;
    const seq = this.#cutTo;
    this.#cutAt = index.removeBack(this.#cutAt, seq, SLOTS_PER_STEP).nextSeq;
    if (this.#cutAt > seq) return;
    this.#cutTo = -1;
    index.cut(seq, (first, last) => this.rebuilt.missesSome(first, last));
    this.rebuilt.truncated(seq);
    const last = index.records.last;
    for (const number of [...blocks.byNumber.keys()]) if (number > (last?.number ?? 0)) this.#scan.setAside(number);
    if (last !== null) {
      const file = blocks.byNumber.get(last.number)!;
      if (file.index.coveredTo > last.endOffset) this.#scan.dropIndex(file);
      file.file().truncate(last.endOffset);
      file.dirty = true;
    }
    this.#rewriteTombstones = true;
    this.#replayEnded = false;
  }

  /** Settles what is lost and prepares the stream for new records. */
  async finish(): Promise<void> {
    const { backing, rebuilt } = this;
    const { index, blocks } = backing;
    this.#writePending();
    this.#pending = new Uint8Array(0);
    await this.#syncMoves();
    if (index.messages === 0) index.firstSeq = index.lastSeq + 1;
    await rebuilt.settleMissing(this.#core.slices);
    backing.changes.forgetTombstonesAbove(index.lastSeq);
    for (const block of [...index.records.blocks]) {
      if (!index.isDroppable(block)) continue;
      index.dropBlock(block);
      backing.blockEmptied(block);
    }
    const oldest = index.records.blocks[0];
    // Nothing of it could be read, and nothing of it is wanted.
    if (oldest !== undefined) backing.oldestIs(oldest);
    const last = index.records.last;
    if (last !== null && last.number === blocks.last && !this.#scan.sealedEnd)
      backing.resumeAt(last.number, last.endOffset);
    else if (blocks.last > 0 || blocks.prepared === 0) backing.resumeAt(blocks.last + 1, 0);
    // Those sequences will be given again.
    if (rebuilt.tombstonesTo > index.lastSeq || this.#rewriteTombstones)
      await backing.tombstones.replace(goneRuns(index), this.#core.slices);
    else await backing.tombstones.settle(this.#core.slices);
  }

  /** The stream has to be read once more: leaves the files as they are. */
  async giveUp(): Promise<void> {
    this.backing.blocks.close();
    await this.#syncMoves();
  }

  async #syncMoves(): Promise<void> {
    const { disk } = this.#core;
    const folder = streamFolder(this.backing.incarnation);
    if (this.#scan.movedAside) {
      // Durable before the next checkpoint, which would vouch for a block that came back.
      await disk.syncFolder(folder);
      await disk.syncFolder(QUARANTINE_FOLDER);
      await disk.syncFolder("");
    } else if (this.#scan.filesRemoved) {
      // Durable before an index file's block is written to, and before a checkpoint vouches for blocks that are not there.
      await disk.syncFolder(folder);
    }
  }

  #write(bytes: Uint8Array, at: number, length: number, block: number, offset: number, seq: number): void {
    const size = aligned(length);
    if (block !== this.#pendingBlock || offset !== this.#pendingStart + this.#pendingBytes) this.#writePending();
    if (this.#pendingBytes + size > this.#pending.length) {
      this.#writePending();
      if (size > this.#pending.length) {
        this.#pending = new Uint8Array(Math.max(size, PENDING_BYTES));
        this.#pendingView = viewOf(this.#pending);
      }
    }
    if (this.#pendingBytes === 0) {
      this.#pendingBlock = block;
      this.#pendingStart = offset;
      // Where it is not the block's first record, the block was there, with those before it.
      this.#makeBlock(block, offset === BLOCK_HEADER_BYTES ? seq : this.rebuilt.nextExpected);
    }
    // What it says about its block was true of a file that may be gone; nothing of this one is known to be durable.
    const to = this.#pendingBytes;
    this.#pending.set(bytes.subarray(at, at + length), to);
    putU32(this.#pending, to + 44, 0);
    sealRecord(this.#pendingView, to, length);
    this.#pendingBytes += size;
    this.backing.saver.dirty = true;
  }

  /** Writes the replayed records that wait, which are neighbours. */
  #writePending(): void {
    if (this.#pendingBytes === 0) return;
    const file = this.backing.blocks.byNumber.get(this.#pendingBlock)!;
    file.file().write(this.#pending, 0, this.#pendingBytes, this.#pendingStart);
    file.dirty = true;
    this.#pendingBytes = 0;
  }

  #makeBlock(block: number, firstSeq: number): void {
    const { blocks, incarnation } = this.backing;
    if (blocks.byNumber.has(block)) return;
    const file = blocks.begin(block);
    const header = new Uint8Array(BLOCK_HEADER_BYTES);
    putBlockHeader(header, 0, incarnation, block, firstSeq);
    file.file().write(header, 0, header.length, 0);
    file.dirty = true;
    blocks.folderDirty = true;
  }
}
