// The block files of one stream, and how durable their names are.

import type { FilePool } from "./block-file.ts";
import { BlockFile } from "./block-file.ts";
import { blockPath, indexPath, streamFolder } from "./format.ts";

/** The block files of one stream. */
export class BlockFiles {
  readonly incarnation: number;
  readonly byNumber: Map<number, BlockFile> = new Map();
  /** Number of the newest block ever made. */
  last = 0;
  /** Number of an empty file that waits to become that block; its name is durable. 0: there is none. */
  prepared = 0;
  /** A file was made, renamed or removed, and its name is not durable. */
  folderDirty = false;
  #pool: FilePool;
  #folderSyncing: Promise<void> | null = null;

  constructor(pool: FilePool, incarnation: number) {
    this.#pool = pool;
    this.incarnation = incarnation;
  }

  get newest(): BlockFile | null {
    return this.byNumber.get(this.last) ?? null;
  }

  /** A new block. Its file is made by the first write, unless it was prepared. */
  begin(number: number): BlockFile {
    return this.add(number, number === this.prepared);
  }

  /** A block of this stream, on the disk or yet to be made there. */
  add(number: number, exists: boolean): BlockFile {
    const file = new BlockFile(
      this.#pool,
      number,
      blockPath(this.incarnation, number),
      indexPath(this.incarnation, number),
      exists,
    );
    this.byNumber.set(number, file);
    return file;
  }

  /** Makes everything durable that was written to any block, and the names of new ones. */
  syncAll(): Promise<unknown> {
    return Promise.all([...[...this.byNumber.values()].map((file) => file.sync()), this.syncFolder()]);
  }

  /** Makes the names of new blocks durable: by a new sync, or by the one that is under way. */
  syncFolder(): Promise<void> {
    if (!this.folderDirty) return this.#folderSyncing ?? Promise.resolve();
    this.folderDirty = false;
    const running = this.#pool.disk.syncFolder(streamFolder(this.incarnation)).catch((error: unknown) => {
      this.folderDirty = true;
      throw error;
    });
    this.#folderSyncing = running;
    return running;
  }

  /** Whether all blocks before the newest one are durable as far as they were written. */
  othersClean(): boolean {
    for (const file of this.byNumber.values())
      if ((file.dirty || file.syncing) && file.number < this.last) return false;
    return true;
  }

  /** The stream's folder is going. */
  close(): void {
    for (const file of this.byNumber.values()) file.closeForGood();
  }
}
