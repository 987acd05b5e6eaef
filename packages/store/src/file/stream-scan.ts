// Reads a stream's blocks on opening: what index files tell of them, and the records of the rest.
//
// What the checkpoint calls durable is never cut: a place that cannot be read there is damage, its bytes are kept, its sequences are
// reported. Behind that, the first unreadable place is the torn end of the stream, unless a later record proves that it had been
// synced (block-file.ts). Whatever lies behind a torn end was never acknowledged; blocks of it are set aside.
//
// An index file is used only for what the checkpoint calls durable, only when the block is long enough and has the first and the last
// record of each chunk in their places. Damage between them is found when the record is read.

import { viewOf } from "../checksum.ts";
import { StoreError } from "../errors.ts";
import { aligned, soundMessage, u32, u64 } from "../record.ts";
import type { Slices } from "../slices.ts";
import { BLOCK_HEADER_BYTES, type BlockFile, type BlockHeader, readBlockHeader } from "./block-file.ts";
import type { StreamCheckpoint } from "./checkpoint.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import {
  blockPath,
  FIRST_BLOCK,
  FORMAT_VERSION,
  hex8,
  numberInName,
  QUARANTINE_FOLDER,
  streamFolder,
} from "./format.ts";
import { type ChunkEnd, decodeChunks, type IndexChunk } from "./index-chunk.ts";
import { readAround, unreadableConfirmed } from "./read-around.ts";
import { readInSlices } from "./read-file.ts";
import type { RebuiltIndex } from "./rebuilt-index.ts";

/** Places that are looked at between two looks at the clock. */
const PLACES_PER_LOOK = 64;
/** What a device writes in one piece: with its header, a block loses so much. */
const SECTOR_BYTES = 512;

/** The bytes of a block from some offset on. */
interface BlockBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Offset in the block of the first of them. */
  readonly base: number;
}

/** Brings a stream's index back from its blocks. */
export class StreamScan {
  /** The end of the newest block cannot be written to. */
  sealedEnd = false;
  /** Blocks went to the quarantine: their names are not durable. */
  movedAside = false;
  /** Index files or empty blocks were removed: that is not durable. */
  filesRemoved = false;
  #core: FileStoreCore;
  #backing: FileBacking;
  #checkpoint: StreamCheckpoint | null;
  #rebuilt: RebuiltIndex;
  #storeId: number;
  #slices: Slices;
  /** Stretches of blocks that cannot be read. They are damage unless the next record follows the one before them. */
  #unread: { readonly block: BlockFile; readonly offset: number; readonly length: number }[] = [];
  /** Index files that blocks in front of the newest one should have. */
  #missingIndexes: string[] = [];
  /** The device could not read something: there are zeros for it. */
  #unreadable = false;

  constructor(
    core: FileStoreCore,
    backing: FileBacking,
    checkpoint: StreamCheckpoint | null,
    rebuilt: RebuiltIndex,
    storeId: number,
    slices: Slices,
  ) {
    this.#core = core;
    this.#backing = backing;
    this.#checkpoint = checkpoint;
    this.#rebuilt = rebuilt;
    this.#storeId = storeId;
    this.#slices = slices;
  }

  /** Reads all blocks. */
  async run(): Promise<void> {
    const { index, blocks } = this.#backing;
    const rebuilt = this.#rebuilt;
    const numbers = this.#blockNumbers();
    for (let i = 0; i < numbers.length; i++) {
      const number = numbers[i] as number;
      const later = numbers.slice(i + 1);
      const end = await this.#readBlock(number, later);
      if (end < 0) continue;
      this.#cut(number, end, later);
      break;
    }
    this.#judgeUnread(() => rebuilt.explained(rebuilt.lastRecord + 1, this.#checkpoint?.lastRecordSeq ?? 0));
    const missing = this.#missingIndexes;
    if (missing.length > 0) {
      // After a crash there may be many, for blocks since the last checkpoint: one line for all.
      const others = missing.length > 1 ? ` and those of ${missing.length - 1} more blocks` : "";
      rebuilt.reports.push(`${missing[0]}${others}: missing: what they would have told was read instead`);
    }
    const checkpoint = this.#checkpoint;
    if (checkpoint !== null) {
      const found = index.records.last?.lastSeq ?? 0;
      if (found < checkpoint.lastRecordSeq) rebuilt.note(found + 1, checkpoint.lastRecordSeq);
      if (index.lastSeq < checkpoint.lastSeq) index.lastSeq = checkpoint.lastSeq;
      rebuilt.noteTime(checkpoint.lastSeq, checkpoint.lastTimeMs, checkpoint.lastTimeSubNs);
    }
    // Numbers are not given twice, also not that of a block that was set aside.
    blocks.last = Math.max(checkpoint?.block ?? 0, numbers.at(-1) ?? 0);
    if (index.messages === 0) index.firstSeq = index.lastSeq + 1;
  }

  /** Up to where a block is durable by the checkpoint. */
  durableEnd(number: number): number {
    const checkpoint = this.#checkpoint;
    if (checkpoint === null || number > checkpoint.block) return 0;
    return number < checkpoint.block ? Number.POSITIVE_INFINITY : checkpoint.offset;
  }

  /** Whether the checkpoint vouches for a block up to there and no further: what came next was written there, whatever is before it. */
  isDurableEnd(block: number, offset: number): boolean {
    return block === this.#checkpoint?.block && offset === this.#checkpoint.offset;
  }

  /** Removes the index file of a block, if there is one. */
  dropIndex(file: BlockFile): void {
    if (file.index.remove()) this.filesRemoved = true;
  }

  /** Moves a block away that was never confirmed: nothing is removed that might be worth a look. */
  setAside(number: number): void {
    const { disk } = this.#core;
    const { blocks, incarnation } = this.#backing;
    const file = blocks.byNumber.get(number)!;
    file.close();
    this.dropIndex(file);
    blocks.byNumber.delete(number);
    if (disk.stat(QUARANTINE_FOLDER) === null) disk.makeFolder(QUARANTINE_FOLDER);
    const target = `${QUARANTINE_FOLDER}/${hex8(incarnation)}-${hex8(number)}.blk`;
    disk.rename(file.path, target);
    this.movedAside = true;
    this.#rebuilt.reports.push(`${file.path}: never confirmed, moved to ${target}`);
  }

  #blockNumbers(): number[] {
    const { disk } = this.#core;
    const { blocks, incarnation } = this.#backing;
    const folder = streamFolder(incarnation);
    const found: number[] = [];
    const indexes: number[] = [];
    for (const { name } of disk.list(folder)) {
      const number = numberInName(name, ".blk");
      const index = numberInName(name, ".idx");
      if (number > 0) found.push(number);
      else if (index > 0) indexes.push(index);
      else if (name.endsWith(".new")) disk.remove(`${folder}/${name}`); // never finished
    }
    const numbers = this.#withoutEmpty(found.sort((a, b) => a - b));
    for (const number of numbers) blocks.add(number, true);
    // Its block went, and that this went, too, was not durable.
    for (const index of indexes) if (!blocks.byNumber.has(index)) disk.remove(`${folder}/${hex8(index)}.idx`);
    return numbers;
  }

  /** Leaves out blocks that nothing was written to. That of a stream that never stored anything is kept for its first message. */
  #withoutEmpty(numbers: readonly number[]): number[] {
    const { disk } = this.#core;
    const { blocks, incarnation } = this.#backing;
    const isEmpty = (number: number): boolean =>
      this.durableEnd(number) === 0 && disk.stat(blockPath(incarnation, number))?.size === 0;
    const empty = numbers.filter(isEmpty);
    const unused = (this.#checkpoint?.block ?? 0) === 0 && empty.length === numbers.length;
    for (const number of empty) {
      if (unused && number === FIRST_BLOCK) {
        blocks.prepared = number;
      } else {
        disk.remove(blockPath(incarnation, number));
        this.filesRemoved = true;
      }
    }
    return numbers.filter((number) => !empty.includes(number));
  }

  /** Returns where the block is torn, or -1. */
  async #readBlock(number: number, later: readonly number[]): Promise<number> {
    const { incarnation, blocks } = this.#backing;
    const block = blocks.byNumber.get(number)!;
    const durableEnd = this.durableEnd(number);
    const size = block.file().size();
    const header = this.#readHeader(block);
    let covered = 0;
    if (header !== null) {
      this.#noteBegin(header, durableEnd);
      covered = await this.#readIndex(block, durableEnd, size);
    } else {
      this.dropIndex(block);
    }
    const found = await this.#readFrom(block, covered, size);
    if (header === null) {
      if (durableEnd === 0 && !this.#provenSynced(number, found, BLOCK_HEADER_BYTES, later)) return 0;
      // The stream's first block, made with its folder: it was never written to, since all that it was to hold had been taken away
      // before, and that its file went again was not durable. Or a recovery that was cut put back what the journal has of a block whose
      // file had gone with all that was before. Records that are missing from what is empty are found out without it.
      if (size > 0 && (this.#unreadable || !beginsEmpty(found.bytes)))
        this.#rebuilt.reports.push(`${block.path}: its header is damaged; the records in it identify themselves`);
    }
    const { bytes, view, base } = found;
    let offset = Math.max(BLOCK_HEADER_BYTES, covered);
    let damage = -1;
    for (let places = 1; offset < size; places++) {
      if (places % PLACES_PER_LOOK === 0 && this.#slices.due) await this.#slices.pause();
      const at = offset - base;
      const length = soundMessage(view, at, bytes.length, incarnation, number, offset);
      if (
        length > 0 &&
        offset < durableEnd &&
        !this.#isNext(bytes, at) &&
        !this.#isStale(bytes, at, offset, durableEnd)
      )
        await this.#preferTo(block, u64(bytes, at + 24));
      if (length === 0 || !this.#isNext(bytes, at)) {
        if (length > 0 && this.#isStale(bytes, at, offset, durableEnd)) return offset;
        if (damage < 0) {
          if (offset >= durableEnd && !this.#provenSynced(number, found, offset, later)) return offset;
          damage = offset;
        }
        offset += 8;
        continue;
      }
      if (this.#isStale(bytes, at, offset, durableEnd)) return offset;
      if (
        offset >= durableEnd &&
        !this.#rebuilt.follows(bytes, at) &&
        !this.#provenSynced(number, found, BLOCK_HEADER_BYTES - 1, later)
      ) {
        return durableEnd > 0 ? offset : 0; // the block before it is torn, or was never there
      }
      if (damage >= 0) this.#unread.push({ block, offset: damage, length: offset - damage });
      if (this.#unread.length > 0) this.#judgeUnread(() => this.#rebuilt.follows(bytes, at));
      const into = this.#rebuilt.blockFor(number, header?.firstSeq ?? u64(bytes, at + 24));
      this.#rebuilt.add(bytes, at, length, into, offset);
      while (this.#rebuilt.takeAwayMore()) if (this.#slices.due) await this.#slices.pause();
      damage = -1;
      offset += aligned(length);
    }
    this.#endOfBlock(block, size, damage, durableEnd, later.length === 0);
    return -1;
  }

  /**
   * The header of the first block tells which sequences before it never had a record. Only where the checkpoint vouches for it. Those of
   * later blocks tell nothing: the block before may be older than it should be.
   */
  #noteBegin({ block, firstSeq }: BlockHeader, durableEnd: number): void {
    if (block === FIRST_BLOCK && durableEnd > BLOCK_HEADER_BYTES) this.#rebuilt.beginsAt(firstSeq);
  }

  #endOfBlock(block: BlockFile, size: number, damage: number, durableEnd: number, newest: boolean): void {
    if (damage >= 0) {
      this.#unread.push({ block, offset: damage, length: size - damage });
      this.sealedEnd = newest;
    } else if (newest && durableEnd !== Number.POSITIVE_INFINITY && size < durableEnd) {
      this.sealedEnd = true; // cut by a truncation, or by damage: then sequences are missing
    }
  }

  /** @param known - Tells whether it is known why nothing follows the last record that could be read up to here. */
  #judgeUnread(known: () => boolean): void {
    const unread = this.#unread;
    if (unread.length === 0) return;
    this.#unread = [];
    if (!known()) for (const { block, offset, length } of unread) this.#damaged(block, offset, length);
  }

  /** Whether a record comes after those that are there. */
  #isNext(bytes: Uint8Array, at: number): boolean {
    return u64(bytes, at + 24) > (this.#backing.index.records.last?.lastSeq ?? 0);
  }

  /**
   * A block that the checkpoint vouches for has a sequence that a block before it has as well: that one is from before a truncation, which
   * had cut it, durably before the sequence was given again.
   */
  async #preferTo({ number, path }: BlockFile, seq: number): Promise<void> {
    const { index, incarnation } = this.#backing;
    const older = index.records.last;
    if (older === null || older.number >= number) return;
    const olderPath = blockPath(incarnation, older.number);
    this.#rebuilt.reports.push(`${olderPath}: older than it should be: ${path} has sequence ${seq} as well, and later`);
    await this.#rebuilt.forgetFrom(seq, this.#slices);
  }

  /** In a place that the checkpoint vouches for, a sequence that it does not know is left from before a truncation. */
  #isStale(bytes: Uint8Array, at: number, offset: number, durableEnd: number): boolean {
    return offset < durableEnd && u64(bytes, at + 24) > (this.#checkpoint?.lastSeq ?? 0);
  }

  /** Reads the header; null when it is damaged or another block's. */
  #readHeader(block: BlockFile): BlockHeader | null {
    const bytes = new Uint8Array(BLOCK_HEADER_BYTES);
    const read = this.#read(block, bytes, 0, BLOCK_HEADER_BYTES, 0);
    const header = readBlockHeader(bytes.subarray(0, read));
    if (header === null) return null;
    if (header.version > FORMAT_VERSION) {
      throw new StoreError(
        "UNSUPPORTED_VERSION",
        `Cannot read ${block.path} in ${this.#core.disk.name}: format version ${header.version}, this program reads up to ${FORMAT_VERSION}`,
      );
    }
    return header.stream === this.#backing.incarnation && header.block === block.number ? header : null;
  }

  /** Takes what a block's index file tells; returns up to where that covers the block, or 0. */
  async #readIndex(block: BlockFile, durableEnd: number, size: number): Promise<number> {
    const bytes = block.index.read();
    if (bytes === null) {
      if (block.number < (this.#checkpoint?.block ?? 0)) this.#missingIndexes.push(block.index.path);
      return 0;
    }
    const { incarnation, sealer } = this.#backing;
    const chunks: IndexChunk[] = [];
    let slots = 0;
    for (const chunk of decodeChunks(bytes, this.#storeId, incarnation, block.number, sealer)) {
      chunks.push(chunk);
      slots += chunk.slots;
      if (this.#slices.due) await this.#slices.pause();
    }
    const end = chunks.at(-1)?.fileEnd ?? 0;
    let covered = 0;
    let taken = 0;
    for (const chunk of chunks) {
      if (chunk.to > Math.min(durableEnd, size) || !(await this.#takeChunk(block, chunk, covered, slots))) break;
      covered = chunk.to;
      slots -= chunk.slots;
      taken++;
    }
    if (taken > 0 && taken === chunks.length && end === bytes.length) {
      block.index.found(end, covered);
    } else {
      this.dropIndex(block);
      this.#rebuilt.reports.push(`${block.index.path}: damaged, or does not fit: the block was read instead`);
    }
    return covered;
  }

  /**
   * @param slots - In this chunk and those after it.
   * @returns False when the chunk does not fit.
   */
  async #takeChunk(block: BlockFile, chunk: IndexChunk, covered: number, slots: number): Promise<boolean> {
    const newest = this.#backing.index.records.last;
    const follows =
      covered > 0
        ? chunk.from === covered && chunk.firstSeq === newest!.lastSeq + 1
        : chunk.from === BLOCK_HEADER_BYTES && chunk.firstSeq > (newest?.lastSeq ?? 0);
    if (!follows) return false;
    const first = this.#readEnd(block, chunk.first);
    const last = this.#readEnd(block, chunk.last);
    if (first === null || last === null) return false;
    // Left from before a truncation.
    if (chunk.last.seq > (this.#checkpoint?.lastSeq ?? 0)) return false;
    this.#judgeUnread(() => this.#rebuilt.follows(first, 0));
    const into = this.#rebuilt.blockFor(block.number, chunk.firstSeq);
    into.expect(slots);
    const read = (offset: number, bytes: number): Uint8Array | null => this.#readRecord(block, offset, bytes);
    await this.#rebuilt.addChunk(chunk, into, first, last, read, this.#slices);
    return true;
  }

  /** Reads the record at the end of a chunk; null when it is not there. */
  #readEnd(block: BlockFile, { seq, offset, bytes, checksum }: ChunkEnd): Uint8Array | null {
    const record = this.#readRecord(block, offset, bytes);
    return record !== null && u32(record, 0) === checksum && u64(record, 24) === seq ? record : null;
  }

  /** Reads a record that takes so many bytes of its block; null when it is damaged. */
  #readRecord(block: BlockFile, offset: number, bytes: number): Uint8Array | null {
    const record = new Uint8Array(bytes);
    const read = this.#read(block, record, 0, bytes, offset);
    const length = soundMessage(viewOf(record), 0, read, this.#backing.incarnation, block.number, offset);
    return length > 0 && aligned(length) === bytes ? record.subarray(0, length) : null;
  }

  async #readFrom(block: BlockFile, base: number, size: number): Promise<BlockBytes> {
    const bytes = await readInSlices(block.file(), base, size, this.#slices, (_file, into, start, length, position) =>
      this.#read(block, into, start, length, position),
    );
    return { bytes, view: viewOf(bytes), base };
  }

  /**
   * Reads around what the device cannot read, as far as the checkpoint vouches for it: that is damage. Behind that it might pass for a
   * torn end, and be cut, though it had been confirmed.
   */
  #read(block: BlockFile, into: Uint8Array, start: number, length: number, position: number): number {
    const durableEnd = this.durableEnd(block.number);
    return readAround(block.file(), into, start, length, position, (offset, count, error) => {
      this.#unreadable = true;
      if (offset + count <= durableEnd) return;
      throw unreadableConfirmed(this.#core.disk, block.path, offset, error);
    });
  }

  /** Whether a record behind a place says that the place had been synced. */
  #provenSynced(number: number, { bytes, view, base }: BlockBytes, place: number, later: readonly number[]): boolean {
    const { incarnation, blocks } = this.#backing;
    for (let offset = Math.max(place, BLOCK_HEADER_BYTES, base); offset < base + bytes.length; offset += 8) {
      const length = soundMessage(view, offset - base, bytes.length, incarnation, number, offset);
      if (length > 0 && u32(bytes, offset - base + 44) > place) return true;
    }
    for (const next of later) {
      const file = blocks.byNumber.get(next)!;
      const nextBytes = new Uint8Array(file.file().size());
      const nextView = viewOf(nextBytes);
      this.#read(file, nextBytes, 0, nextBytes.length, 0);
      for (let at = BLOCK_HEADER_BYTES; at < nextBytes.length; at += 8) {
        const length = soundMessage(nextView, at, nextBytes.length, incarnation, next, at);
        if (length > 0 && u32(nextBytes, at + 44) >= BLOCK_HEADER_BYTES) return true;
      }
    }
    return false;
  }

  #damaged(block: BlockFile, offset: number, length: number): void {
    const { incarnation } = this.#backing;
    this.#core.reportDamage(incarnation, block.path, block.number, offset, length, [`${length} bytes cannot be read`]);
  }

  #cut(number: number, end: number, later: readonly number[]): void {
    for (const next of later) this.setAside(next);
    if (end < BLOCK_HEADER_BYTES) {
      this.setAside(number);
      return;
    }
    const file = this.#backing.blocks.byNumber.get(number)!;
    const size = file.file().size();
    if (end === size) return;
    this.#rebuilt.reports.push(`${file.path}: cut at ${end}: the ${size - end} bytes behind were never confirmed`);
    file.file().truncate(end);
    file.dirty = true;
  }
}

/** Whether there is nothing in a block's first sector. */
function beginsEmpty(block: Uint8Array): boolean {
  return block.subarray(0, SECTOR_BYTES).every((byte) => byte === 0);
}
