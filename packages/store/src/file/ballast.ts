// Room that is kept for a disk that is full: a file of zeros, given up so that removals and checkpoints still find room.

import type { Disk } from "@myelin/platform";
import { BALLAST_FILE } from "./format.ts";

/** The ballast of one store. */
export class Ballast {
  #disk: Disk;
  #bytes: number;
  #report: (line: string) => void;

  constructor(disk: Disk, bytes: number, report: (line: string) => void) {
    this.#disk = disk;
    this.#bytes = bytes;
    this.#report = report;
  }

  /** Frees the room that was kept for this moment. Returns whether there was any. */
  drop(): boolean {
    try {
      if (this.#disk.stat(BALLAST_FILE) === null) return false;
      this.#disk.remove(BALLAST_FILE);
      return true;
    } catch (error) {
      this.#report(`${BALLAST_FILE}: could not be removed (${(error as Error).message})`);
      return false;
    }
  }

  /** Returns whether there is room for it and as much again. Never rejects. */
  async make(): Promise<boolean> {
    try {
      const there = this.#disk.stat(BALLAST_FILE);
      if (there !== null && there.size >= this.#bytes) return true;
      // Its making was interrupted, or it was made for less.
      if (there !== null) this.#disk.remove(BALLAST_FILE);
      if (this.#disk.freeBytes() < 2 * this.#bytes) return false;
      (await this.#disk.createZeroed(BALLAST_FILE, this.#bytes)).close();
      return true;
    } catch (error) {
      this.#report(`${BALLAST_FILE}: could not be made (${(error as Error).message})`);
      this.drop();
      return false;
    }
  }
}
