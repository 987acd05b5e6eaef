// The journal: one log for all streams, so that a thousand quiet streams cost one sync. Written here, read by journal-reader.ts.
//
// A segment is a file of zeros that is overwritten in batches, one per turn of the event loop:
//
//    0  u32  checksum of bytes 4 to 48
//    4  u32  magic
//    8  u32  store
//   12  u32  epoch: grows with each opening of the store
//   16  u64  number of the batch: grows by one
//   24  u64  synced: the highest batch known to be durable when this one was written
//   32  u32  length of the body, a multiple of 8
//   36  u32  checksum of the records (record-chain.ts)
//   40  u32  checksum of the batch before (bytes 0 to 4 of its header)
//   44  u32  generation of the store files that were durable when this one was written
//   48  body: records (record.ts, control.ts), each beginning at a multiple of 8
//
// Segments are free, current, or full; a full one is free again after a checkpoint. An old segment is never continued: what
// it still holds has a lower number or another epoch, and is not believed.

import type { Disk, DiskFile } from "@myelin/platform";
import { checksum, viewOf } from "../checksum.ts";
import { putU32, putU64 } from "../record.ts";
import type { VouchedSegments } from "./checkpoint.ts";
import { hex8, JOURNAL_FOLDER, MAGIC_BATCH } from "./format.ts";
import { chainRecords } from "./record-chain.ts";

export const BATCH_HEADER_BYTES = 48;
/** Wiping goes in pieces of this size. */
const WIPE_BYTES = 1024 * 1024;

/** One file of the journal. */
export class Segment {
  readonly file: DiskFile;
  /** Highest batch in it. */
  lastBatch = 0;
  /** Has bytes that no completed sync covers. */
  dirty = false;
  position = 0;

  constructor(file: DiskFile) {
    this.file = file;
  }
}

export function segmentPath(number: number): string {
  return `${JOURNAL_FOLDER}/${hex8(number)}.seg`;
}

/** The writing end of the journal. */
export class Journal {
  readonly segmentBytes: number;
  /** Of the store files, as they are durable. */
  generation = 0;
  /** The batch that is written next. */
  nextBatch: number;
  /** The highest batch that is durable. */
  syncedBatch: number;
  #disk: Disk;
  #store: number;
  #epoch: number;
  #segments: number;
  #free: Segment[];
  #full: Segment[] = [];
  #current: Segment | null = null;
  #previousChecksum = 0;
  /** Segments there are. */
  #count: number;
  /** Number for the next segment file. */
  #nextNumber: number;
  /** Numbers of the segments there are: their names are durable. */
  readonly #numbers: number[];
  #making: Promise<void> | null = null;
  /** Called when a segment has become free. */
  onFree: () => void = () => {};
  /** Called when a segment cannot be made. */
  onError: (error: unknown) => void = () => {};

  /**
   * @param found - Segments that were there on opening, all of them free, by number. Their names are durable.
   * @param nextNumber - Higher than that of any segment file there is.
   * @param segments - How many there are to be; more than were found are made when they are needed.
   */
  constructor(
    disk: Disk,
    store: number,
    epoch: number,
    nextBatch: number,
    found: ReadonlyMap<number, DiskFile>,
    nextNumber: number,
    segmentBytes: number,
    segments: number,
  ) {
    this.#disk = disk;
    this.#store = store;
    this.#epoch = epoch;
    this.nextBatch = nextBatch;
    this.syncedBatch = nextBatch - 1;
    this.#free = [...found.values()].map((file) => new Segment(file));
    this.#numbers = [...found.keys()];
    for (const segment of this.#free) segment.position = segmentBytes; // may hold anything: for `wipeFree`
    this.#count = found.size;
    this.#nextNumber = nextNumber;
    this.segmentBytes = segmentBytes;
    this.#segments = segments;
  }

  /** The epoch that batches are written in. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Whether a batch with so long a body can be written now. If not, a segment is made, or a checkpoint has to free one. */
  hasRoom(bodyBytes: number): boolean {
    const needed = BATCH_HEADER_BYTES + bodyBytes;
    if (this.#current !== null && this.#current.position + needed <= this.segmentBytes) return true;
    if (this.#free.length === 0) this.#makeSegment();
    return this.#free.length > 0;
  }

  /** Full segments: when there are any, a checkpoint is due. */
  get fullSegments(): number {
    return this.#full.length;
  }

  /** Segments that could still be filled, the current one left out. */
  get spareSegments(): number {
    return this.#segments - this.#full.length - 1;
  }

  /**
   * Writes a batch. There is room.
   *
   * @param batch - The body at `[48, 48 + bodyBytes)`; the header is filled in here.
   */
  write(batch: Uint8Array, bodyBytes: number): void {
    const needed = BATCH_HEADER_BYTES + bodyBytes;
    let segment = this.#current;
    if (segment === null || segment.position + needed > this.segmentBytes) {
      if (segment !== null) this.#full.push(segment);
      segment = this.#free.shift()!;
      segment.position = 0;
      this.#current = segment;
    }
    const view = viewOf(batch);
    putU32(batch, 4, MAGIC_BATCH);
    putU32(batch, 8, this.#store);
    putU32(batch, 12, this.#epoch);
    putU64(batch, 16, this.nextBatch);
    putU64(batch, 24, this.syncedBatch);
    putU32(batch, 32, bodyBytes);
    putU32(batch, 36, chainRecords(view, BATCH_HEADER_BYTES, needed));
    putU32(batch, 40, this.#previousChecksum);
    putU32(batch, 44, this.generation);
    putU32(batch, 0, checksum(view, 4, BATCH_HEADER_BYTES));
    segment.file.write(batch, 0, needed, segment.position);
    segment.position += needed;
    segment.lastBatch = this.nextBatch++;
    segment.dirty = true;
    this.#previousChecksum = checksum(view, 0, 4);
    // Made in good time: filling a segment with zeros takes longer than anybody should wait.
    if (this.#free.length === 0 && segment.position > this.segmentBytes / 4) this.#makeSegment();
  }

  /** What a checkpoint that is written now may say of the segments. */
  vouched(): VouchedSegments {
    return { numbers: [...this.#numbers], bytes: this.segmentBytes };
  }

  /** Segments to sync, so that everything written up to now is durable. They count as clean from now on. */
  takeDirty(): Segment[] {
    const dirty = this.#current?.dirty ? [this.#current] : [];
    for (const segment of this.#full) if (segment.dirty) dirty.push(segment);
    for (const segment of dirty) segment.dirty = false;
    return dirty;
  }

  /** Everything in batches up to `batch` is durable in the streams' own files, and the checkpoint says so. */
  recycle(batch: number): void {
    for (const segment of this.#full) if (segment.lastBatch <= batch) this.#free.push(segment);
    this.#full = this.#full.filter((segment) => segment.lastBatch > batch);
    if (this.#free.length > 0) this.onFree();
  }

  /** Ends the current segment, so that the next checkpoint frees it, too. */
  retire(): void {
    if (this.#current !== null) this.#full.push(this.#current);
    this.#current = null;
  }

  /** Overwrites what free segments still hold. */
  async wipeFree(): Promise<void> {
    for (const segment of this.#free.filter((free) => free.position > 0)) {
      this.#free = this.#free.filter((free) => free !== segment);
      const zeros = new Uint8Array(Math.min(segment.position, WIPE_BYTES));
      for (let at = 0; at < segment.position; at += zeros.length) {
        segment.file.write(zeros, 0, Math.min(zeros.length, segment.position - at), at);
        await segment.file.sync();
      }
      segment.position = 0;
      this.#free.push(segment);
      this.onFree();
    }
  }

  /** Closes the files, once a segment that is being made is there. */
  async close(): Promise<void> {
    await this.#making;
    for (const segment of [...this.#free, ...this.#full]) segment.file.close();
    this.#current?.file.close();
    this.#free = [];
    this.#full = [];
    this.#current = null;
  }

  #makeSegment(): void {
    if (this.#making !== null || this.#count >= this.#segments) return;
    this.#making = this.#make().then(
      () => {
        this.#making = null;
        this.onFree();
      },
      (error: unknown) => {
        this.#making = null;
        this.onError(error);
      },
    );
  }

  /** Takes no room where there is not enough: a purge needs what is left. */
  async #createZeroed(path: string): Promise<DiskFile> {
    const free = this.#disk.freeBytes();
    if (free < this.segmentBytes) {
      const text = `${path} of ${this.segmentBytes} bytes cannot be made: the disk has room for ${free}`;
      throw Object.assign(new Error(text), { code: "ENOSPC" });
    }
    try {
      return await this.#disk.createZeroed(path, this.segmentBytes);
    } catch (error) {
      if (this.#disk.stat(path) !== null) this.#disk.remove(path);
      throw error;
    }
  }

  async #make(): Promise<void> {
    const number = this.#nextNumber++;
    const file = await this.#createZeroed(segmentPath(number));
    try {
      await this.#disk.syncFolder(JOURNAL_FOLDER); // before anything in it counts
    } catch (error) {
      file.close();
      throw error;
    }
    this.#count++;
    this.#numbers.push(number);
    this.#free.push(new Segment(file));
  }
}
