// A block: one file with a stretch of a stream's records.
//
//    0  u32  checksum of bytes 4 to 64
//    4  u32  magic
//    8  u32  format version
//   12  u32  stream: the incarnation
//   16  u32  number of the block
//   20  u32  0
//   24  u64  sequence of the first record
//   32  32 bytes of 0
//   64  records (record.ts), each beginning at a multiple of 8; then the end of the file, or zeros
//
// A record tells how far its block was known to be durable when it was made: 0 for nothing, 64 for all blocks before it, more for that
// many bytes of it. So a later record proves that an earlier, unreadable one was not a torn end.

import type { Disk, DiskFile } from "@myelin/platform";
import { checksum, viewOf } from "../checksum.ts";
import { StoreError } from "../errors.ts";
import { putU32, putU64, u32, u64 } from "../record.ts";
import { FORMAT_VERSION, MAGIC_BLOCK } from "./format.ts";
import { IndexFile } from "./index-file.ts";

export const BLOCK_HEADER_BYTES = 64;

/** Writes a block's header. */
export function putBlockHeader(bytes: Uint8Array, at: number, stream: number, block: number, firstSeq: number): void {
  bytes.fill(0, at, at + BLOCK_HEADER_BYTES);
  putU32(bytes, at + 4, MAGIC_BLOCK);
  putU32(bytes, at + 8, FORMAT_VERSION);
  putU32(bytes, at + 12, stream);
  putU32(bytes, at + 16, block);
  putU64(bytes, at + 24, firstSeq);
  putU32(bytes, at, checksum(viewOf(bytes), at + 4, at + BLOCK_HEADER_BYTES));
}

/** What a block's header says. */
export interface BlockHeader {
  readonly version: number;
  readonly stream: number;
  readonly block: number;
  readonly firstSeq: number;
}

/** Reads a block's header; null when it is damaged. */
export function readBlockHeader(bytes: Uint8Array): BlockHeader | null {
  if (bytes.length < BLOCK_HEADER_BYTES || u32(bytes, 4) !== MAGIC_BLOCK) return null;
  if (checksum(viewOf(bytes), 4, BLOCK_HEADER_BYTES) !== u32(bytes, 0)) return null;
  return { version: u32(bytes, 8), stream: u32(bytes, 12), block: u32(bytes, 16), firstSeq: u64(bytes, 24) };
}

/** A block's file, opened when needed. */
export class BlockFile {
  readonly number: number;
  readonly path: string;
  /** What is kept beside it so that opening need not read it. */
  readonly index: IndexFile;
  /** Bytes written that no completed sync covers. */
  dirty = false;
  /** A sync is under way. */
  get syncing(): boolean {
    return this.#syncs > 0;
  }

  /** The file is on the disk. */
  exists: boolean;
  #file: DiskFile | null = null;
  /** The newest sync that is under way. */
  #syncing: Promise<void> | null = null;
  #syncs = 0;
  #closing = false;
  /** The stream was deleted: the file is going, and is not opened any more. */
  #gone = false;
  #pool: FilePool;

  constructor(pool: FilePool, number: number, path: string, index: string, exists: boolean) {
    this.#pool = pool;
    this.number = number;
    this.path = path;
    this.index = new IndexFile(pool.disk, index);
    this.exists = exists;
  }

  /**
   * The open file; made when it is not there yet.
   *
   * @throws StoreError `CLOSED` when its stream was deleted.
   */
  file(): DiskFile {
    if (this.#file === null) {
      if (this.#gone) throw new StoreError("CLOSED", `Cannot use ${this.path}: its stream was deleted`);
      this.#file = this.#pool.disk.open(this.path, this.exists ? "write" : "create");
      this.exists = true;
    }
    this.#pool.used(this);
    return this.#file;
  }

  /** Makes durable what was written before: by a new sync, or, when one is under way that covers it, by that. */
  sync(): Promise<void> {
    if (!this.dirty) return this.#syncing ?? Promise.resolve();
    this.dirty = false;
    const running = this.#sync(this.file());
    this.#syncing = running;
    return running;
  }

  async #sync(file: DiskFile): Promise<void> {
    const before = this.#syncing;
    this.#syncs++;
    try {
      await Promise.all([before, file.sync()]);
    } catch (error) {
      this.dirty = true;
      throw error;
    } finally {
      this.#syncs--;
      if (this.#syncs === 0) {
        this.#syncing = null;
        if (this.#closing) this.close();
      }
    }
  }

  /** Settles when no sync is under way. */
  idle(): Promise<void> {
    return this.#syncing ?? Promise.resolve();
  }

  /** Closes the file, or has it closed by the end of the sync that is under way. */
  close(): void {
    this.#closing = this.#syncs > 0;
    if (this.#closing) return;
    this.#file?.close();
    this.#file = null;
    this.#pool.forget(this);
  }

  /** Closes the file for good. */
  closeForGood(): void {
    this.#gone = true;
    this.close();
  }

  /** Closes and removes the file, and what is kept beside it. Who still has it, a checkpoint say, finds nothing to sync. */
  remove(): void {
    this.dirty = false;
    this.close();
    this.index.remove();
    if (this.exists) this.#pool.disk.remove(this.path);
  }

  /** For the pool: closes the file if that can be done without losing track of a failed write. */
  closeIfClean(): boolean {
    if (this.dirty || this.#syncs > 0) return false;
    this.close();
    return true;
  }
}

/** When many files wait for a sync, so many are asked whether they can be closed: asking all each time would take too long. */
const LOOKS_MAX = 16;

/** Where others need files, so many of those that were used least recently are asked first. */
const CLOSED_AT_ONCE = 64;

/** Keeps the number of open block files in bounds. */
export class FilePool {
  readonly disk: Disk;
  #open: Set<BlockFile> = new Set();
  #max: number;

  constructor(disk: Disk, max: number) {
    this.disk = disk;
    this.#max = max;
  }

  used(file: BlockFile): void {
    this.#open.delete(file);
    this.#open.add(file);
    if (this.#open.size <= this.#max) return;
    let looks = 0;
    for (const oldest of this.#open) {
      if ((oldest !== file && oldest.closeIfClean()) || ++looks === LOOKS_MAX) return;
    }
  }

  /** Too many files are open, not only of this pool: closes what can be closed; returns whether that was any. */
  closeSome(): boolean {
    let closed = false;
    for (const file of [...this.#open].slice(0, CLOSED_AT_ONCE)) closed = file.closeIfClean() || closed;
    return closed || (this.#open.size > CLOSED_AT_ONCE && this.closeClean());
  }

  /** Closes every file that can be closed; returns whether there was any. */
  closeClean(): boolean {
    let closed = false;
    for (const file of [...this.#open]) closed = file.closeIfClean() || closed;
    return closed;
  }

  forget(file: BlockFile): void {
    this.#open.delete(file);
  }

  /** Closes all files, once the syncs that are under way have ended. */
  async closeAll(): Promise<void> {
    const files = [...this.#open];
    for (const file of files) file.close();
    await Promise.allSettled(files.map((file) => file.idle()));
  }
}
