// The index file of a block, `<block>.idx`: a row of chunks (index-chunk.ts), each for a stretch of the block that a checkpoint had made
// durable when the chunk was written, so that opening a store reads these instead of the records. A cache and nothing more: it is
// never synced, and what is missing, torn, damaged or does not fit the block is read from the block.
//
// Invariant: a block is never written to below the end of its index file. Where a block has been cut, the file goes first; recovery makes
// that durable before it goes on with the block.

import type { Disk } from "@myelin/platform";
import { readAround } from "./read-around.ts";

/** The index file of one block. */
export class IndexFile {
  readonly path: string;
  /** Up to where it covers its block; 0: there is no such file that counts. */
  coveredTo = 0;
  #disk: Disk;
  /** Length of the file. */
  #bytes = 0;
  /** Grows with each removal. */
  #removals = 0;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.path = path;
  }

  /** Reads the file; null when there is none. */
  read(): Uint8Array | null {
    const stat = this.#disk.stat(this.path);
    if (stat === null || stat.kind !== "file") return null;
    const file = this.#disk.open(this.path, "read");
    try {
      const bytes = new Uint8Array(stat.size);
      return bytes.subarray(0, readAround(file, bytes, 0, bytes.length, 0));
    } finally {
      file.close();
    }
  }

  /** What was read covers the block up to there. */
  found(bytes: number, coveredTo: number): void {
    this.#bytes = bytes;
    this.coveredTo = coveredTo;
  }

  /**
   * Adds a chunk; one at a time. Rejects when the disk does; then there is no such file.
   *
   * @returns False when the file was removed meanwhile, or its folder: the block is not what it was.
   */
  async append(chunk: Uint8Array, coveredTo: number): Promise<boolean> {
    const fresh = this.coveredTo === 0;
    if (fresh) this.remove();
    const removals = this.#removals;
    try {
      const file = await this.#disk.openLater(this.path, fresh ? "create" : "write");
      try {
        if (removals === this.#removals) file.write(chunk, 0, chunk.length, this.#bytes);
      } finally {
        file.close();
      }
    } catch (error) {
      this.remove();
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false; // it went meanwhile, or its folder did
      throw error;
    }
    if (removals !== this.#removals) {
      this.remove(); // it may have been made after that
      return false;
    }
    this.#bytes += chunk.length;
    this.coveredTo = coveredTo;
    return true;
  }

  /** Removes the file; returns whether there was one. */
  remove(): boolean {
    this.#removals++;
    this.found(0, 0);
    if (this.#disk.stat(this.path) === null) return false;
    this.#disk.remove(this.path);
    return true;
  }

  /** Removes the file so that nothing of it can be found on the device. */
  async wipe(): Promise<void> {
    this.#removals++; // nothing is added any more
    const size = this.#disk.stat(this.path)?.size ?? 0;
    if (size > 0) {
      const file = this.#disk.open(this.path, "write");
      try {
        file.write(new Uint8Array(size), 0, size, 0);
        await file.sync();
      } finally {
        file.close();
      }
    }
    this.remove();
  }
}
