// A stream's records in files. New records go to the tail (stream-tail.ts), a buffer of the newest block's end; what else happens is
// gathered (stream-changes.ts) and goes to the journal at the end of the turn. Reads look in the tail first.

import type { StreamBacking } from "../backing.ts";
import { viewOf } from "../checksum.ts";
import { StoreError } from "../errors.ts";
import { BLOCK_BYTES_MAX, GAP_SLOTS_MAX, IndexBlock } from "../index/record-index.ts";
import type { StreamIndex } from "../index/stream-index.ts";
import { MessageView } from "../message-view.ts";
import { type LastTime, NO_LAST_TIME, sealRecord, soundMessage, u64 } from "../record.ts";
import { SEAL_BYTES, type Sealer } from "../seal/sealer.ts";
import { FILE_RECORD_HEADERS_OVERHEAD, FILE_RECORD_OVERHEAD } from "../store.ts";
import { BLOCK_HEADER_BYTES, putBlockHeader } from "./block-file.ts";
import { BlockFiles } from "./block-files.ts";
import { overwriteRecord } from "./block-rewrite.ts";
import type { StreamReach } from "./checkpoint.ts";
import type { ControlBuffer } from "./control.ts";
import type { FileStoreCore } from "./core.ts";
import { blockPath } from "./format.ts";
import { goneRuns } from "./gone-runs.ts";
import { isOutOfFiles } from "./patient-disk.ts";
import { isUnreadable } from "./read-around.ts";
import { StreamChanges } from "./stream-changes.ts";
import { StreamSaver } from "./stream-saver.ts";
import { StreamTail } from "./stream-tail.ts";
import { Tombstones } from "./tombstones.ts";

/** Sequential reads fetch this much at a time. */
const READ_AHEAD_BYTES = 128 * 1024;
/** A newest block that has lost all its messages is replaced when it is this full. */
const EMPTY_BLOCK_SHARE = 0.5;

/** The files of one stream. */
export class FileBacking implements StreamBacking {
  readonly incarnation: number;
  bytes: Uint8Array = new Uint8Array(0);
  numbers: DataView = viewOf(this.bytes);
  at = 0;
  synced = 0;
  /** Null: the store is not encrypted. */
  readonly sealer: Sealer | null;
  readonly sealBytes: number;
  readonly index: StreamIndex;
  readonly blocks: BlockFiles;
  readonly tail: StreamTail;
  readonly changes: StreamChanges = new StreamChanges();
  readonly saver: StreamSaver;
  readonly tombstones: Tombstones;
  /** The stream, which keeps the time of its last message. */
  lastTime: LastTime = NO_LAST_TIME;
  /** Consumers as they are now, for checkpoints. */
  consumerStates: () => Map<string, Uint8Array> = () => new Map();
  /** For checkpoints: empties the slots of messages that rollups took away. */
  giveBack: () => Promise<void> = async () => {};
  /** The stream was deleted: its files are going. */
  deleted = false;
  truncating = false;
  /** The rewriting of sparse blocks that is under way. */
  compacting: Promise<void> | null = null;
  /** In the store's list of streams that have something for this turn. */
  inTurn = false;
  /** What it has is not messages alone: see {@link takeControls}. */
  hasControls = false;
  #core: FileStoreCore;
  readonly #opened: MessageView = new MessageView();
  /** Read-ahead windows filled before this number was raised are stale. */
  #generation = 0;

  constructor(core: FileStoreCore, incarnation: number, index: StreamIndex) {
    this.#core = core;
    this.incarnation = incarnation;
    this.sealer = core.vault?.sealer(incarnation) ?? null;
    this.sealBytes = this.sealer === null ? 0 : SEAL_BYTES;
    this.index = index;
    this.blocks = new BlockFiles(core.pool, incarnation);
    this.tail = new StreamTail(core.options.directBytes);
    this.saver = new StreamSaver(core, this);
    this.tombstones = new Tombstones(core.disk, incarnation);
  }

  prefetch(): number {
    return this.tail.prefetch() + this.synced + this.blocks.last + Number(this.inTurn) + Number(this.saver.dirty);
  }

  checkWritable(): void {
    this.#core.checkWritable();
  }

  reserve(length: number, seq: number): IndexBlock {
    this.#core.checkAppend();
    let block = this.index.records.last;
    const { blockBytes, segmentBytes } = this.#core.options;
    // The journal will not take it where the block cannot be written: the room has to be there before.
    if (length > segmentBytes / 4) this.#core.checkRoom(length);
    const full =
      block !== null &&
      ((block.endOffset > BLOCK_HEADER_BYTES && block.endOffset + length > blockBytes) ||
        (block.live === 0 && block.endOffset > blockBytes * EMPTY_BLOCK_SHARE) ||
        block.endOffset + 8 > BLOCK_BYTES_MAX ||
        seq - block.lastSeq > GAP_SLOTS_MAX);
    if (block === null || full || block.number !== this.blocks.last) {
      try {
        block = this.#roll(seq);
      } catch (error) {
        this.#core.writeFailed(error);
        this.#core.checkAppend();
        throw error;
      }
    }
    while (block.lastSeq + 1 < seq) block.addAbsent();
    this.tail.makeRoom(length);
    this.bytes = this.tail.bytes;
    this.numbers = this.tail.view;
    this.at = this.tail.end;
    return block;
  }

  seal(length: number): void {
    this.sealer?.sealMessage(this.bytes, this.at, length);
    sealRecord(this.numbers, this.at, length);
  }

  commit(length: number): void {
    this.tail.end += length;
    this.#enterTurn(length);
    if (!this.tail.overdue) return;
    try {
      this.flushTail();
    } catch (error) {
      this.#core.writeFailed(error); // the records stay in the tail and go through the journal
    }
  }

  view(block: IndexBlock, slot: number, view: MessageView): boolean {
    const offset = block.offset(slot);
    const length = block.recordLength(slot);
    const seq = block.firstSeq + slot;
    const { tail } = this;
    if (block.number === this.blocks.last && offset >= tail.start && tail.end > 0) {
      const at = offset - tail.start;
      if (this.sealer !== null) return this.#open(tail.bytes, at, length, block, slot, view);
      view.own(length).set(tail.bytes.subarray(at, at + length));
      return (
        view.show(view.scratch, view.scratchView, 0, length) || this.#damaged(block, slot, "it cannot be decompressed")
      );
    }
    if (!view.holds(this, this.#generation, block.number, offset, length)) {
      const wanted = view.continues(this, block.number, offset) ? Math.max(length, READ_AHEAD_BYTES) : length;
      const unreadable =
        this.#fill(view, block, offset, Math.min(wanted, block.endOffset - offset)) &&
        this.#fill(view, block, offset, length); // it may be something behind it
      if (unreadable !== null)
        return this.#damaged(block, slot, `the system cannot read it (${(unreadable as Error).message})`);
    }
    const at = view.placeOf(offset);
    if (at < 0 || at + length > view.windowBytes) return this.#damaged(block, slot, "the file ends before it");
    const bytes = view.scratch;
    const sound = soundMessage(view.scratchView, at, view.windowBytes, this.incarnation, block.number, offset);
    if (sound !== length || u64(bytes, at + 24) !== seq)
      return this.#damaged(block, slot, "its bytes do not match its checksum");
    if (this.sealer !== null) return this.#open(bytes, at, length, block, slot, view);
    return view.show(bytes, view.scratchView, at, length) || this.#damaged(block, slot, "it cannot be decompressed");
  }

  /** Shows a sealed record. */
  #open(bytes: Uint8Array, at: number, length: number, block: IndexBlock, slot: number, view: MessageView): boolean {
    const opened = view.ownOpened(length);
    if (!this.sealer!.openMessage(bytes, at, length, opened)) return this.#damaged(block, slot, "its seal is broken");
    const shown = view.show(opened, view.openedView, 0, length - SEAL_BYTES);
    return shown || this.#damaged(block, slot, "it cannot be decompressed");
  }

  /**
   * A record in plain bytes, for recovery.
   *
   * @returns Null when its seal is broken. Its bytes hold until the next call.
   */
  openRecord(
    bytes: Uint8Array,
    at: number,
    length: number,
  ): { readonly bytes: Uint8Array; readonly at: number } | null {
    if (this.sealer === null) return { bytes, at };
    const opened = this.#opened.ownOpened(length);
    return this.sealer.openMessage(bytes, at, length, opened) ? { bytes: opened, at: 0 } : null;
  }

  /** For recovery: the checksum of a record is right and its seal is not. Somebody changed it, and knew how to. */
  sealBroken(block: number, offset: number, length: number, seq: number): void {
    const lines = [`sequence ${seq} cannot be read: its seal is broken`];
    const path = blockPath(this.incarnation, block);
    this.#core.reportDamage(this.incarnation, path, block, offset, length, lines);
  }

  /** Bytes for a file of the stream's: sealed where the store is encrypted. */
  sealed(bytes: Uint8Array, purpose: string): Uint8Array {
    return this.sealer?.sealBytes(bytes, purpose) ?? bytes;
  }

  storedBytes(dataBytes: number, hasHeaders: boolean): number {
    return dataBytes - this.sealBytes + FILE_RECORD_OVERHEAD + (hasHeaders ? FILE_RECORD_HEADERS_OVERHEAD : 0);
  }

  removed(seq: number): void {
    this.hasControls = true;
    this.changes.removed(seq);
    this.#enterTurn(12);
  }

  skipped(first: number, count: number): void {
    this.hasControls = true;
    this.changes.skipped(first, count);
    this.#enterTurn(12);
  }

  room(): Promise<void> {
    return this.#core.room();
  }

  boundsMoved(): void {
    this.hasControls = true;
    this.changes.boundsMoved();
    this.#enterTurn(0);
  }

  blockEmptied(block: IndexBlock): void {
    this.#removeFile(block.number);
    this.#enterTurn(0);
  }

  oldestIs(block: IndexBlock): void {
    if (this.index.lost.first < block.firstSeq) return;
    for (const number of this.blocks.byNumber.keys()) {
      if (number >= block.number) continue;
      this.#removeFile(number);
      this.#enterTurn(0);
    }
  }

  cleared(): void {
    // The tail stays until then, too: the turn's records must not leave a gap.
    for (const number of this.blocks.byNumber.keys()) this.#removeFile(number);
    this.changes.cleared();
  }

  erase(block: IndexBlock, slot: number): void {
    const seq = block.firstSeq + slot;
    this.forgetWindows();
    this.#enterTurn(0);
    this.#later(async () => {
      // The checkpoint first: it vouches for the block, and a torn overwrite must not be taken for the block's torn end.
      await this.#core.eraseJournal();
      // Where the record is now: the block may have been written anew meanwhile, with it or without.
      const { records } = this.index;
      const now = records.blocks[records.position(seq)];
      if (this.deleted || now === undefined || seq < now.firstSeq) return;
      const at = seq - now.firstSeq;
      if (now.isLive(at) || now.slotBytes(at) === 0) return;
      const file = this.blocks.byNumber.get(now.number);
      if (file === undefined || !file.exists) return; // never written, because a truncation came first
      overwriteRecord(file.file(), now.offset(at), now.recordLength(at));
      file.dirty = true;
      await file.sync();
      // It may hold the subject; unless it went with its block meanwhile.
      if (!this.deleted && this.blocks.byNumber.get(now.number) === file) await file.index.wipe();
    });
  }

  async truncated(seq: number): Promise<void> {
    this.forgetWindows();
    this.hasControls = true;
    this.changes.truncated(seq);
    // A record that goes may be the one that says that sequences before it never had a message: they must not count as lost.
    this.#later(async () => {
      await this.saver.running?.catch(() => undefined); // whoever saves knows
      await this.tombstones.replace(goneRuns(this.index), this.#core.slices);
    });
    this.#cutFiles();
    this.#enterTurn(0);
    // The journal may hold records after `seq`, and sequences will be given again: start from files that are durable as they are.
    await this.#core.settled();
    // A checkpoint under way may still bring tombstones of sequences that will be given again.
    await this.saver.running?.catch(() => undefined); // whoever saves knows
    await this.tombstones.replace(goneRuns(this.index), this.#core.slices);
    this.saver.dirty = true;
    await this.#core.checkpointNow();
  }

  consumerChanged(name: string, state: Uint8Array | null): void {
    this.hasControls = true;
    this.changes.consumerChanged(name, state);
    this.#enterTurn(state?.length ?? 0);
  }

  // --- what the store does at the end of a turn ---

  /** Puts what is not a message into the turn's control records. */
  takeControls(control: ControlBuffer): void {
    this.hasControls = false;
    this.changes.take(control, this.incarnation, this.index, this.lastTime, this.sealer);
  }

  /** The turn is over: its records are in a batch, or written to the block. */
  endTurn(): void {
    this.tail.endTurn();
    this.inTurn = false;
  }

  /** Writes the lazy part of the tail if it has grown. Throws when the disk does; then it stays in the tail. */
  writeLazy(): void {
    if (this.tail.ripe) this.flushTail();
  }

  /** Writes the whole tail to its block; see `StreamTail.writeTo`. */
  flushTail(): void {
    if (this.tail.end === 0) return;
    const file = this.blocks.newest!;
    if (!file.exists) this.blocks.folderDirty = true;
    this.tail.writeTo(file);
  }

  /**
   * Syncs what the stream's ended turns need to be durable, when any of them went the direct way.
   *
   * @returns Null when the journal has all of them.
   */
  syncTurns(): Promise<unknown> | null {
    if (!this.tail.directTurn) return null;
    this.tail.directTurn = false;
    // All of the stream's blocks: a record counts only when those before it are there.
    return this.blocks.syncAll();
  }

  /** A sync that began when the newest block was `block`, written up to `offset`, has completed, with all files of the stream. */
  syncedTo(block: number, offset: number): void {
    const { blocks } = this;
    if (block === blocks.last) this.synced = Math.max(this.synced, offset);
    else if (block === blocks.last - 1 && blocks.othersClean()) this.synced = Math.max(this.synced, BLOCK_HEADER_BYTES);
  }

  /** How far the stream's own files go, for a checkpoint's table. Durable only if they were synced. */
  reached(): StreamReach {
    const { floor, lastSeq, lastRecord } = this.index;
    return {
      incarnation: this.incarnation,
      block: this.blocks.last,
      offset: this.tail.start,
      firstSeq: floor,
      lastSeq,
      lastRecordSeq: lastRecord,
      lastTimeMs: this.lastTime.lastTimeMs,
      lastTimeSubNs: this.lastTime.lastTimeSubNs,
    };
  }

  /** Bytes in blocks are not what they were: what readers hold is stale. */
  forgetWindows(): void {
    this.#generation++;
  }

  // --- for recovery ---

  /** The newest block is written up to there. */
  resumeAt(block: number, offset: number): void {
    this.blocks.last = block;
    this.tail.resumeAt(offset);
  }

  /** Consumers differ from what is in their file. */
  markConsumersDirty(): void {
    this.changes.consumersDirty = true;
    this.saver.dirty = true;
  }

  /** The journal took this away. */
  addUnsavedTombstone(seq: number): void {
    this.changes.unsavedTombstones.add(seq);
    this.saver.dirty = true;
  }

  /** The same of a run. */
  addUnsavedTombstones(first: number, count: number): void {
    this.changes.unsavedTombstones.addRun(first, count);
    this.saver.dirty = true;
  }

  /** Runs `action` when everything up to now is durable, unless the stream has been deleted by then. */
  #later(action: () => Promise<void>): void {
    this.#core.afterTurn(async () => {
      if (!this.deleted) await action();
    });
  }

  #enterTurn(bytes: number): void {
    if (!this.inTurn) this.saver.dirty = true;
    this.#core.enterTurn(this, bytes);
  }

  #roll(seq: number): IndexBlock {
    const before = this.index.records.last;
    // Else the turn's round would have to sync the block, with everything that was written to it lazily.
    this.#core.blockEnds(this);
    this.flushTail();
    if (before !== null) {
      before.seal();
      if (before.live === 0 && !this.index.holdsLost(before)) {
        this.index.dropBlock(before);
        this.#removeFile(before.number);
      }
    }
    const number = ++this.blocks.last;
    this.blocks.begin(number);
    this.synced = 0;
    this.tail.begin(BLOCK_HEADER_BYTES);
    putBlockHeader(this.tail.bytes, 0, this.incarnation, number, seq);
    const block = new IndexBlock(number, seq, BLOCK_HEADER_BYTES);
    this.index.records.push(block);
    return block;
  }

  /** After a truncation: cuts the files as the index was cut. */
  #cutFiles(): void {
    const last = this.index.records.last;
    for (const number of [...this.blocks.byNumber.keys()]) if (number > (last?.number ?? 0)) this.#removeFile(number);
    if (last === null) {
      this.#dropTail();
      return;
    }
    if (last.number === this.blocks.last && last.endOffset >= this.tail.start) {
      this.tail.cut(last.endOffset);
      return;
    }
    // A new block, so that nobody writes to this one before it is cut.
    this.#dropTail();
    this.#later(async () => {
      const file = this.blocks.byNumber.get(last.number);
      // Written anew meanwhile, it ends somewhere else.
      const block = this.index.records.blocks.find(({ number }) => number === last.number);
      if (file === undefined || block === undefined || !file.exists) return;
      file.index.remove(); // before the block ends where it does not
      file.file().truncate(block.endOffset);
      file.dirty = true;
      this.saver.dirty = true;
    });
  }

  /** Forgets the tail; the next record begins a new block. */
  #dropTail(): void {
    this.blocks.last++;
    this.tail.drop();
    this.synced = 0;
  }

  /**
   * A block has no messages any more. Its file goes when that is durable; until then it is synced like the others: what comes after
   * it must not be durable before it is.
   */
  #removeFile(number: number): void {
    this.#later(async () => {
      const file = this.blocks.byNumber.get(number);
      if (file === undefined) return;
      if (number === this.blocks.last) this.#dropTail(); // all in it is gone
      this.blocks.byNumber.delete(number);
      file.remove();
    });
  }

  /** Returns why the device cannot read it; null when it was read. */
  #fill(view: MessageView, block: IndexBlock, offset: number, length: number): unknown {
    const file = this.blocks.byNumber.get(block.number);
    const buffer = view.own(length);
    try {
      const read = file === undefined || !file.exists ? 0 : file.file().read(buffer, 0, length, offset);
      view.setWindow(this, this.#generation, block.number, offset, read);
      return null;
    } catch (error) {
      if (isUnreadable(error)) return error;
      if (error instanceof StoreError) throw error;
      // Nothing is known of the bytes. Timers read as well: they know what to do with a StoreError.
      const text = `Cannot read ${file?.path} in ${this.#core.disk.name} now: ${(error as Error).message}`;
      throw new StoreError(isOutOfFiles(error) ? "BUSY" : "DAMAGED", text, { cause: error });
    }
  }

  #damaged(block: IndexBlock, slot: number, why: string): false {
    const offset = block.offset(slot);
    const file = this.blocks.byNumber.get(block.number);
    this.#core.reportDamage(this.incarnation, file?.path ?? "?", block.number, offset, block.slotBytes(slot), [
      `lost sequence ${block.firstSeq + slot}: it cannot be read: ${why}`,
    ]);
    // Without its index file, the block is read when the store is opened next, and the loss is known at once.
    try {
      file?.index.remove();
    } catch (error) {
      this.#core.writeFailed(error);
    }
    return false;
  }
}
