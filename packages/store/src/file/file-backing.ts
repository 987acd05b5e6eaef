// A stream's records in files. New records go to the tail, a buffer of the newest block's end; at the end of each turn the store copies
// them from there to the journal, or, for a busy stream, has the tail written to its block and that synced. Either way the
// tail is written to the block once it has grown, and at checkpoints.
//
//   block file:  | header | records ................ |         (written, perhaps not synced)
//   tail:                                      | lazy | turn |
//                                        tailStart    turnStart
//
// Reads look in the tail first.

import type { StreamBacking } from "../backing.ts";
import { BLOCK_BYTES_MAX, GAP_SLOTS_MAX, IndexBlock } from "../index/record-index.ts";
import type { StreamIndex } from "../index/stream-index.ts";
import type { MessageView } from "../message-view.ts";
import { soundMessage, u64 } from "../record.ts";
import { FILE_RECORD_HEADERS_OVERHEAD, FILE_RECORD_OVERHEAD } from "../store.ts";
import { BLOCK_HEADER_BYTES, BlockFile, putBlockHeader } from "./block-file.ts";
import { copyBlock, overwriteRecord } from "./block-rewrite.ts";
import type { StreamCheckpoint } from "./checkpoint.ts";
import { type ControlBuffer, runsOf } from "./control.ts";
import type { FileStoreCore } from "./core.ts";
import { blockPath, MAGIC_CONSUMERS, MAKING_SUFFIX, streamFolder } from "./format.ts";
import { encodeConsumers } from "./stream-meta.ts";
import { Tombstones } from "./tombstones.ts";
import { writeTwin } from "./twin-file.ts";

/** The lazy part of the tail is written to the block when it is longer. */
const LAZY_BYTES_MAX = 16 * 1024;
const TAIL_BYTES_START = 4096;
/** A turn's records of one stream are written to the block without waiting for the end of the turn when they exceed this. */
const TURN_BYTES_MAX = 1024 * 1024;
/** A stream that goes the direct way does so until so many of its turns in a row were small. */
const DIRECT_QUIET_TURNS = 16;
/** Sequential reads fetch this much at a time. */
const READ_AHEAD_BYTES = 128 * 1024;
/** A block whose messages take no more of it than this is written anew. */
const SPARSE_SHARE = 0.5;
/** A newest block that has lost all its messages is replaced when it is this full. */
const EMPTY_BLOCK_SHARE = 0.5;
/** Tombstone files are rewritten when they have grown this much beyond twice what they need. */
const TOMBSTONE_SLACK_BYTES = 64 * 1024;

/** The files of one stream. */
export class FileBacking implements StreamBacking {
  readonly incarnation: number;
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  synced = 0;
  readonly index: StreamIndex;
  readonly tombstones: Tombstones;
  readonly files: Map<number, BlockFile> = new Map();
  /** Number of the newest block ever made. */
  lastBlock = 0;
  /** Time of the last message, for checkpoints; the stream keeps it. */
  lastTimeMs: () => number = () => -1;
  /** Consumers as they are now, for checkpoints. */
  consumerStates: () => Map<string, Uint8Array> = () => new Map();
  consumersGeneration = 0;
  #core: FileStoreCore;
  /** Offset in the newest block of the tail's first byte. */
  #tailStart = 0;
  /** Used bytes of the tail. */
  #tailEnd = 0;
  /** Where in the tail the turn's records begin. */
  #turnStart = 0;
  /** Bytes of the turn that were written to their block before its end. */
  #turnWritten = 0;
  /** Bytes of the turn that are in a batch, or were written at its end. */
  #turnSeen = 0;
  #direct = false;
  #quietTurns = 0;
  /** Records of the turn were written to their block instead of the journal. */
  #directTurn = false;
  /** A block file was made whose name is not durable. */
  #folderDirty = false;
  #folderSyncing: Promise<void> | null = null;
  #removed: number[] = [];
  /** Taken away since the last checkpoint: goes to the tombstone files. */
  #unsavedTombstones: number[] = [];
  #boundsMoved = false;
  #truncatedTo = -1;
  #changedConsumers: Map<string, Uint8Array | null> = new Map();
  #consumersDirty = false;
  /** The stream was deleted: its files are going. */
  deleted = false;
  /** The checkpoint of this stream that is under way. */
  saving: Promise<void> | null = null;
  /** The rewriting of sparse blocks that is under way. */
  compacting: Promise<void> | null = null;
  /** What the last checkpoint made durable. */
  checkpointed: StreamCheckpoint | null = null;
  /** Something has changed that the last checkpoint does not cover. */
  dirty = true;
  /** In the store's list of streams that have something for this turn. */
  inTurn = false;
  /** Read-ahead windows filled before this number was raised are stale. */
  #generation = 0;

  constructor(core: FileStoreCore, incarnation: number, index: StreamIndex) {
    this.#core = core;
    this.incarnation = incarnation;
    this.index = index;
    this.tombstones = new Tombstones(core.disk, incarnation);
  }

  get #newest(): BlockFile | null {
    return this.files.get(this.lastBlock) ?? null;
  }

  checkWritable(): void {
    this.#core.checkWritable();
  }

  reserve(length: number, seq: number): IndexBlock {
    this.#core.checkAppend();
    let block = this.index.records.last;
    const blockBytes = this.#core.options.blockBytes;
    const full =
      block !== null &&
      ((block.endOffset > BLOCK_HEADER_BYTES && block.endOffset + length > blockBytes) ||
        (block.live === 0 && block.endOffset > blockBytes * EMPTY_BLOCK_SHARE) ||
        block.endOffset + 8 > BLOCK_BYTES_MAX ||
        seq - block.lastSeq > GAP_SLOTS_MAX);
    if (block === null || full || block.number !== this.lastBlock) {
      try {
        block = this.#roll(seq);
      } catch (error) {
        this.#core.writeFailed(error);
        this.#core.checkAppend();
        throw error;
      }
    }
    while (block.lastSeq + 1 < seq) block.addAbsent();
    if (this.#tailEnd + length > this.bytes.length) this.#growTail(length);
    this.at = this.#tailEnd;
    return block;
  }

  commit(length: number): void {
    this.#tailEnd += length;
    this.#enterTurn(length);
    if (this.#tailEnd - this.#turnStart <= TURN_BYTES_MAX) return;
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
    if (block.number === this.lastBlock && offset >= this.#tailStart && this.#tailEnd > 0) {
      const at = offset - this.#tailStart;
      view.own(length).set(this.bytes.subarray(at, at + length));
      view.show(view.scratch, 0, length);
      return true;
    }
    if (!view.holds(this, this.#generation, block.number, offset, length)) {
      const wanted = view.continues(this, block.number, offset) ? Math.max(length, READ_AHEAD_BYTES) : length;
      this.#fill(view, block, offset, Math.min(wanted, block.endOffset - offset));
    }
    const at = view.placeOf(offset);
    if (at < 0 || at + length > view.windowBytes) return this.#damaged(block, slot, "the file ends before it");
    const bytes = view.scratch;
    const sound = soundMessage(bytes, at, view.windowBytes, this.incarnation, block.number, offset);
    if (sound !== length || u64(bytes, at + 24) !== seq)
      return this.#damaged(block, slot, "its bytes do not match its checksum");
    view.show(bytes, at, length);
    return true;
  }

  storedBytes(dataBytes: number, hasHeaders: boolean): number {
    return dataBytes + FILE_RECORD_OVERHEAD + (hasHeaders ? FILE_RECORD_HEADERS_OVERHEAD : 0);
  }

  removed(seq: number): void {
    this.#removed.push(seq);
    this.#unsavedTombstones.push(seq);
    this.#enterTurn(12);
  }

  boundsMoved(): void {
    this.#boundsMoved = true;
    this.#enterTurn(0);
  }

  blockEmptied(block: IndexBlock): void {
    this.#removeFile(block.number);
    this.#enterTurn(0);
  }

  cleared(): void {
    // The tail stays until then, too: the turn's records must not leave a gap.
    for (const number of this.files.keys()) this.#removeFile(number);
    this.#removed = [];
    this.#unsavedTombstones = [];
  }

  erase(block: IndexBlock, slot: number): void {
    const { number } = block;
    const offset = block.offset(slot);
    const length = block.recordLength(slot);
    this.#generation++;
    this.#enterTurn(0);
    const before = this.files.get(number);
    this.#later(async () => {
      // The checkpoint first: it vouches for the block, and a torn overwrite must not be taken for the block's torn end.
      await this.#core.eraseJournal();
      const file = this.files.get(number);
      if (file === undefined || file !== before || this.deleted) return; // gone, or written anew without the message
      overwriteRecord(file.file(), offset, length);
      file.dirty = true;
      await file.sync();
    });
  }

  async truncated(seq: number): Promise<void> {
    this.#generation++;
    this.#truncatedTo = seq;
    this.#removed = this.#removed.filter((removed) => removed <= seq);
    this.forgetTombstonesAbove(seq);
    this.#cutFiles();
    this.#enterTurn(0);
    // The journal may hold records after `seq`, and sequences will be given again: start from files that are durable as they are.
    await this.#core.settled();
    // A checkpoint under way may still bring tombstones of sequences that will be given again.
    await this.saving?.catch(() => undefined); // whoever saves knows
    await this.tombstones.replace(this.#deletedOnDisk());
    this.dirty = true;
    await this.#core.checkpointNow();
  }

  consumerChanged(name: string, state: Uint8Array | null): void {
    this.#changedConsumers.set(name, state);
    this.#consumersDirty = true;
    this.#enterTurn(state?.length ?? 0);
  }

  // --- what the store does at the end of a turn ---

  /** Bytes of records in this turn that are in the tail only. */
  get turnBytes(): number {
    return this.#tailEnd - this.#turnStart;
  }

  /** Whether this turn's records should go straight to the block. */
  get prefersDirect(): boolean {
    return this.#direct || this.turnBytes + this.#turnWritten >= this.#core.options.directBytes;
  }

  /** Puts what is not a message into the turn's control records. */
  takeControls(control: ControlBuffer): void {
    if (this.#truncatedTo >= 0) control.truncated(this.incarnation, this.#truncatedTo);
    this.#truncatedTo = -1;
    if (this.#removed.length > 0) control.removed(this.incarnation, this.#removed);
    this.#removed = [];
    if (this.#boundsMoved) {
      const { firstSeq, lastSeq, messages, records } = this.index;
      const last = records.last;
      const ownLast = last === null ? 0 : last.lastSeq - last.trailingGap();
      // Where messages tell the last sequence, they must: it is not durable before they are.
      control.bounds(this.incarnation, firstSeq, messages === 0 || lastSeq > ownLast ? lastSeq : 0);
    }
    this.#boundsMoved = false;
    for (const [name, state] of this.#changedConsumers) control.consumer(this.incarnation, name, state);
    this.#changedConsumers.clear();
  }

  /** Copies the turn's records to a batch: they are not in the turn any more. */
  moveTurn(into: Uint8Array, at: number): void {
    into.set(this.bytes.subarray(this.#turnStart, this.#tailEnd), at);
    this.#turnSeen += this.turnBytes;
    this.#turnStart = this.#tailEnd;
  }

  /** The turn is over: its records are in a batch, or written to the block. */
  endTurn(): void {
    const bytes = this.#turnSeen + this.#turnWritten;
    if (bytes >= this.#core.options.directBytes) {
      this.#direct = true;
      this.#quietTurns = 0;
    } else if (this.#direct && bytes > 0 && ++this.#quietTurns >= DIRECT_QUIET_TURNS) {
      this.#direct = false;
    }
    this.inTurn = false;
    this.#turnWritten = 0;
    this.#turnSeen = 0;
  }

  /** Writes the lazy part of the tail if it has grown. Throws when the disk does; then it stays in the tail. */
  writeLazy(): void {
    if (this.#turnStart > LAZY_BYTES_MAX) this.flushTail();
  }

  /**
   * Syncs what the stream's ended turns need to be durable, when any of them went the direct way.
   *
   * @returns Null when the journal has all of them.
   */
  syncTurns(): Promise<unknown> | null {
    if (!this.#directTurn) return null;
    this.#directTurn = false;
    // All of the stream's blocks: a record counts only when those before it are there.
    return Promise.all([...[...this.files.values()].map((file) => file.sync()), this.#syncFolder()]);
  }

  /** Makes the names of new blocks durable: by a new sync, or by the one that is under way. */
  #syncFolder(): Promise<void> {
    if (!this.#folderDirty) return this.#folderSyncing ?? Promise.resolve();
    this.#folderDirty = false;
    const running = this.#core.disk.syncFolder(streamFolder(this.incarnation)).catch((error: unknown) => {
      this.#folderDirty = true;
      throw error;
    });
    this.#folderSyncing = running;
    return running;
  }

  /**
   * Writes the whole tail to its block. Records of the turn that go with it are not in the turn's batch any more: the turn's sync
   * covers the block instead. Throws when the disk does; then the tail is as it was.
   */
  flushTail(): void {
    if (this.#tailEnd === 0) return;
    const file = this.#newest!;
    if (!file.exists) this.#folderDirty = true;
    file.file().write(this.bytes, 0, this.#tailEnd, this.#tailStart);
    file.dirty = true;
    if (this.turnBytes > 0) {
      this.#turnWritten += this.turnBytes;
      this.#directTurn = true;
    }
    this.#tailStart += this.#tailEnd;
    this.#turnStart = 0;
    this.#tailEnd = 0;
  }

  /** A sync that began when the newest block was `block`, written up to `offset`, has completed, with all files of the stream. */
  syncedTo(block: number, offset: number): void {
    if (block === this.lastBlock) this.synced = Math.max(this.synced, offset);
    else if (block === this.lastBlock - 1 && this.#othersClean())
      this.synced = Math.max(this.synced, BLOCK_HEADER_BYTES);
  }

  /** Where the newest block's written part ends. */
  get writtenEnd(): number {
    return this.#tailStart;
  }

  // --- checkpoint ---

  /**
   * Makes everything durable in the stream's own files.
   *
   * @returns How far; what happens meanwhile is not in it.
   */
  async checkpoint(): Promise<StreamCheckpoint> {
    this.flushTail();
    this.dirty = false;
    const reached = this.reached();
    const tombstones = this.#unsavedTombstones;
    const consumers = this.#consumersDirty ? this.consumerStates() : null;
    this.#unsavedTombstones = [];
    this.#consumersDirty = false;
    this.saving = this.#saveAll(tombstones, consumers);
    try {
      await this.saving;
    } catch (error) {
      this.dirty = true;
      this.#unsavedTombstones = tombstones.concat(this.#unsavedTombstones);
      this.#consumersDirty ||= consumers !== null;
      throw error;
    } finally {
      this.saving = null;
    }
    this.syncedTo(reached.block, reached.offset);
    this.checkpointed = reached;
    return reached;
  }

  async #saveAll(tombstones: number[], consumers: Map<string, Uint8Array> | null): Promise<void> {
    for (const file of [...this.files.values()]) await file.sync();
    if (await this.#saveTombstones(tombstones)) this.#folderDirty = true;
    if (consumers !== null) {
      const path = `${streamFolder(this.incarnation)}/consumers`;
      const generation = ++this.consumersGeneration;
      await writeTwin(this.#core.disk, path, MAGIC_CONSUMERS, this.incarnation, generation, encodeConsumers(consumers));
      this.#folderDirty = true;
    }
    await this.#syncFolder();
  }

  /** Writes sparse blocks anew without what was taken away. Everything in them is durable, removals included. */
  async compact(reached: StreamCheckpoint): Promise<void> {
    for (const block of [...this.index.records.blocks]) {
      if (block.number >= reached.block || this.deleted) break;
      const used = block.endOffset - BLOCK_HEADER_BYTES;
      if (block.live === 0 || block.liveBytes > used * SPARSE_SHARE || !this.index.records.blocks.includes(block))
        continue;
      await this.#compactBlock(block, reached);
    }
  }

  async #compactBlock(block: IndexBlock, reached: StreamCheckpoint): Promise<void> {
    const { disk, pool } = this.#core;
    const path = blockPath(this.incarnation, block.number);
    // Taken away since the checkpoint: that may not be durable, so the record has to stay.
    const recent = new Set(this.#unsavedTombstones);
    const { firstSeq } = this.index;
    const keep = (seq: number): boolean => seq >= reached.firstSeq && (seq < firstSeq || recent.has(seq));
    const copied = copyBlock(this.files.get(block.number)!.file(), block, this.incarnation, keep);
    if (copied === null) return; // damaged: left for its reader to notice and report
    const fresh = new BlockFile(pool, block.number, path + MAKING_SUFFIX, false);
    if (disk.stat(fresh.path) !== null) disk.remove(fresh.path);
    try {
      fresh.file().write(copied.bytes, 0, copied.bytes.length, 0);
      fresh.dirty = true;
      await fresh.sync();
      // A record that goes may be the one that says that sequences before it never had a message.
      if (await this.tombstones.append(this.#neverStored(block))) this.#folderDirty = true;
      await this.#syncFolder();
      const position = this.index.records.blocks.indexOf(block);
      if (position >= 0 && !this.deleted) {
        // What went while the sync was under way is in the file, and no more than that.
        for (let slot = 0; slot < block.slots; slot++) {
          if (copied.block.isLive(slot) && !block.isLive(slot)) copied.block.remove(slot);
        }
        disk.rename(fresh.path, path);
        this.files.get(block.number)!.close();
        this.addFile(block.number, true);
        this.index.records.blocks[position] = copied.block;
        this.#generation++;
        this.#folderDirty = true;
        await this.#syncFolder();
      } else if (!this.deleted) {
        disk.remove(fresh.path);
      }
    } finally {
      fresh.close();
    }
  }

  /** Sequences in and right before a block that have no record, as first and count. */
  *#neverStored(block: IndexBlock): Generator<readonly [first: number, count: number]> {
    const before = this.index.records.blocks[this.index.records.blocks.indexOf(block) - 1];
    if (before !== undefined && block.firstSeq > before.lastSeq + 1) {
      yield [before.lastSeq + 1, block.firstSeq - before.lastSeq - 1];
    }
    for (let slot = 0; slot < block.slots; slot++) if (block.slotBytes(slot) === 0) yield [block.firstSeq + slot, 1];
  }

  /** How far the stream's own files go, for a checkpoint's table. Durable only if they were synced. */
  reached(): StreamCheckpoint {
    const { firstSeq, lastSeq, records } = this.index;
    const last = records.last;
    return {
      incarnation: this.incarnation,
      block: this.lastBlock,
      offset: this.#tailStart,
      firstSeq,
      lastSeq,
      lastRecordSeq: last === null ? 0 : last.lastSeq - last.trailingGap(),
      lastTimeMs: this.lastTimeMs(),
    };
  }

  /** For recovery: the newest block is written up to there. */
  resumeAt(block: number, offset: number): void {
    this.lastBlock = block;
    this.#tailStart = offset;
    this.#tailEnd = 0;
    this.#turnStart = 0;
  }

  /** For recovery: a block file was made. */
  markFolderDirty(): void {
    this.#folderDirty = true;
  }

  /** For recovery: consumers differ from what is in their file. */
  markConsumersDirty(): void {
    this.#consumersDirty = true;
    this.dirty = true;
  }

  /** For recovery: the journal took these away. */
  addUnsavedTombstone(seq: number): void {
    this.#unsavedTombstones.push(seq);
    this.dirty = true;
  }

  /** Sequences above `seq` will be given again. */
  forgetTombstonesAbove(seq: number): void {
    this.#unsavedTombstones = this.#unsavedTombstones.filter((removed) => removed <= seq);
  }

  closeFiles(): void {
    for (const file of this.files.values()) file.close();
  }

  /** For recovery, too: a block of this stream. */
  addFile(number: number, exists: boolean): BlockFile {
    const file = new BlockFile(this.#core.pool, number, blockPath(this.incarnation, number), exists);
    this.files.set(number, file);
    return file;
  }

  async #saveTombstones(seqs: number[]): Promise<boolean> {
    // Those below the first message need no tombstone any more.
    const needed = seqs.filter((seq) => seq >= this.index.firstSeq);
    if (needed.length === 0) return false;
    if (this.tombstones.size + needed.length * 12 > TOMBSTONE_SLACK_BYTES) {
      let runs = 0;
      for (const _ of this.#deletedOnDisk()) runs++;
      if (this.tombstones.size > runs * 24 + TOMBSTONE_SLACK_BYTES) {
        await this.tombstones.replace(this.#deletedOnDisk());
        return true;
      }
    }
    return this.tombstones.append(runsOf(needed));
  }

  /** Sequences that have no message, as first and count. */
  *#deletedOnDisk(): Generator<readonly [first: number, count: number]> {
    const { records, firstSeq, lastSeq } = this.index;
    for (let next = firstSeq; next <= lastSeq; ) {
      const live = records.nextLive(next);
      if (live !== next) yield [next, (live === 0 ? lastSeq + 1 : live) - next];
      if (live === 0) return;
      next = live + 1;
    }
  }

  /** Runs `action` when everything up to now is durable, unless the stream has been deleted by then. */
  #later(action: () => Promise<void>): void {
    this.#core.afterTurn(async () => {
      if (!this.deleted) await action();
    });
  }

  #enterTurn(bytes: number): void {
    this.dirty = true;
    this.#core.enterTurn(this, bytes);
  }

  #roll(seq: number): IndexBlock {
    const before = this.index.records.last;
    this.flushTail();
    if (before !== null) {
      before.seal();
      if (before.live === 0) {
        this.index.dropBlock(before);
        this.#removeFile(before.number);
      }
    }
    const number = ++this.lastBlock;
    this.addFile(number, false);
    this.synced = 0;
    this.#tailStart = 0;
    this.#tailEnd = 0;
    if (this.bytes.length < TAIL_BYTES_START) this.bytes = new Uint8Array(TAIL_BYTES_START);
    putBlockHeader(this.bytes, 0, this.incarnation, number, seq);
    this.#tailEnd = BLOCK_HEADER_BYTES;
    this.#turnStart = BLOCK_HEADER_BYTES;
    const block = new IndexBlock(number, seq, BLOCK_HEADER_BYTES);
    this.index.records.blocks.push(block);
    return block;
  }

  #growTail(length: number): void {
    const larger = new Uint8Array(Math.max(this.#tailEnd + length, this.bytes.length * 2, TAIL_BYTES_START));
    larger.set(this.bytes.subarray(0, this.#tailEnd));
    this.bytes = larger;
  }

  /** After a truncation: cuts the files as the index was cut. */
  #cutFiles(): void {
    const last = this.index.records.last;
    for (const number of [...this.files.keys()]) if (number > (last?.number ?? 0)) this.#removeFile(number);
    if (last === null) {
      this.#dropTail();
      return;
    }
    if (last.number === this.lastBlock && last.endOffset >= this.#tailStart) {
      this.#tailEnd = last.endOffset - this.#tailStart;
      this.#turnStart = Math.min(this.#turnStart, this.#tailEnd);
      return;
    }
    // A new block, so that nobody writes to this one before it is cut.
    this.#dropTail();
    const file = this.files.get(last.number)!;
    this.#later(async () => {
      if (!file.exists) return;
      file.file().truncate(last.endOffset);
      file.dirty = true;
      this.dirty = true;
    });
  }

  /** Forgets the tail; the next record begins a new block. */
  #dropTail(): void {
    this.lastBlock++;
    this.#tailStart = 0;
    this.#tailEnd = 0;
    this.#turnStart = 0;
    this.#turnWritten = 0;
    this.synced = 0;
  }

  /**
   * A block has no messages any more. Its file goes when that is durable; until then it is synced like the others: what comes after
   * it must not be durable before it is.
   */
  #removeFile(number: number): void {
    this.#later(async () => {
      const file = this.files.get(number);
      if (file === undefined) return;
      if (number === this.lastBlock) this.#dropTail(); // all in it is gone
      this.files.delete(number);
      file.close();
      if (file.exists) this.#core.disk.remove(file.path);
    });
  }

  #othersClean(): boolean {
    for (const file of this.files.values())
      if ((file.dirty || file.syncing) && file.number < this.lastBlock) return false;
    return true;
  }

  #fill(view: MessageView, block: IndexBlock, offset: number, length: number): void {
    const file = this.files.get(block.number);
    const buffer = view.own(length);
    const read = file === undefined || !file.exists ? 0 : file.file().read(buffer, 0, length, offset);
    view.setWindow(this, this.#generation, block.number, offset, read);
  }

  #damaged(block: IndexBlock, slot: number, why: string): false {
    const offset = block.offset(slot);
    const file = this.files.get(block.number);
    this.#core.reportDamage(this.incarnation, file?.path ?? "?", block.number, offset, block.slotBytes(slot), [
      `sequence ${block.firstSeq + slot} cannot be read: ${why}`,
    ]);
    return false;
  }
}
