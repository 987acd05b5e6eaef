// A disk that makes do with the open files that a process may have: when there are too many, files that can be closed are closed, and the
// call is made again. Nothing was done by a call that got no file.

import type { Disk, DiskClaim, DiskEntry, DiskFile, DiskStat, OpenMode } from "@myelin/platform";

/** Whether a call failed because the process, or the system, has too many files open. */
export function isOutOfFiles(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EMFILE" || code === "ENFILE";
}

/** See the head of this file. */
export class PatientDisk implements Disk {
  readonly name: string;
  /** Closes files that can be closed; returns whether there were any. */
  closeSome: () => boolean = () => false;
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
    this.name = disk.name;
  }

  open(path: string, mode: OpenMode): DiskFile {
    return this.#try(() => this.#disk.open(path, mode));
  }

  openLater(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.#tryLater(() => this.#disk.openLater(path, mode));
  }

  createZeroed(path: string, size: number): Promise<DiskFile> {
    return this.#tryLater(() => this.#disk.createZeroed(path, size));
  }

  makeFolder(path: string): void {
    this.#disk.makeFolder(path);
  }

  rename(from: string, to: string): void {
    this.#disk.rename(from, to);
  }

  remove(path: string): void {
    this.#disk.remove(path);
  }

  removeFolder(path: string): void {
    this.#disk.removeFolder(path);
  }

  list(path: string): DiskEntry[] {
    return this.#try(() => this.#disk.list(path));
  }

  stat(path: string): DiskStat | null {
    return this.#disk.stat(path);
  }

  /** Opens the folder, which fails before anything is synced, or does not. */
  syncFolder(path: string): Promise<void> {
    return this.#tryLater(() => this.#disk.syncFolder(path));
  }

  claim(path: string): Promise<DiskClaim> {
    return this.#disk.claim(path);
  }

  freeBytes(): number {
    return this.#disk.freeBytes();
  }

  #try<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      if (!isOutOfFiles(error) || !this.closeSome()) throw error;
      return call();
    }
  }

  async #tryLater<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!isOutOfFiles(error) || !this.closeSome()) throw error;
      return call();
    }
  }
}
