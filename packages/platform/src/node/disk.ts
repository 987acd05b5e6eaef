// The real disk, by `node:fs`.

import {
  closeSync,
  close as closeWithCallback,
  constants,
  fdatasync,
  fstatSync,
  fsync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  open as openWithCallback,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  type Stats,
  statfsSync,
  unlinkSync,
  writeSync,
  write as writeWithCallback,
} from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Disk, DiskClaim, DiskEntry, DiskEntryKind, DiskFile, DiskStat, OpenMode } from "../disk.ts";
import { claimFolder } from "./folder-claim.ts";

/** Zeros are written in pieces of this size: large enough for the device, small enough not to crowd the page cache. */
const ZERO_CHUNK_BYTES = 1024 * 1024;

// A link in place of a file would lead out of the folder, hence O_NOFOLLOW (absent on Windows, where it is undefined).
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY | NO_FOLLOW,
  write: constants.O_RDWR | NO_FOLLOW,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
};

class NodeDiskFile implements DiskFile {
  readonly path: string;
  #fd: number;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  read(into: Uint8Array, start: number, length: number, position: number): number {
    let done = 0;
    try {
      while (done < length) {
        const count = readSync(this.#fd, into, start + done, length - done, position + done);
        if (count === 0) break;
        done += count;
      }
    } catch (error) {
      throw named(error, this.path);
    }
    return done;
  }

  write(bytes: Uint8Array, start: number, end: number, position: number): void {
    let at = start;
    try {
      while (at < end) at += writeSync(this.#fd, bytes, at, end - at, position + at - start);
    } catch (error) {
      throw named(error, this.path);
    }
  }

  truncate(size: number): void {
    try {
      ftruncateSync(this.#fd, size);
    } catch (error) {
      throw named(error, this.path);
    }
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => (error === null ? resolve() : reject(named(error, this.path))));
    });
  }

  close(): void {
    const fd = this.#fd;
    this.#fd = -1; // a later use fails instead of touching whatever file gets the number next
    closeSync(fd);
  }
}

/** A real folder. Two disks on one folder know nothing of each other. */
export class NodeDisk implements Disk {
  readonly name: string;

  /** @param folder - An absolute path, or one relative to the working folder of this moment. Nothing is done there yet. */
  constructor(folder: string) {
    this.name = isAbsolute(folder) ? folder : join(process.cwd(), folder);
  }

  open(path: string, mode: OpenMode): DiskFile {
    return new NodeDiskFile(path, openSync(this.#resolve(path), OPEN_FLAGS[mode], 0o640));
  }

  async openLater(path: string, mode: OpenMode): Promise<DiskFile> {
    return new NodeDiskFile(path, await openFile(this.#resolve(path), OPEN_FLAGS[mode], 0o640));
  }

  async createZeroed(path: string, size: number): Promise<DiskFile> {
    const fd = await openFile(this.#resolve(path), OPEN_FLAGS.create, 0o640);
    try {
      const zeros = new Uint8Array(Math.min(size, ZERO_CHUNK_BYTES));
      for (let at = 0; at < size; ) at += await writePiece(fd, zeros, Math.min(zeros.length, size - at), at);
      const file = new NodeDiskFile(path, fd);
      await file.sync();
      return file;
    } catch (error) {
      await closeFile(fd);
      throw error;
    }
  }

  makeFolder(path: string): void {
    mkdirSync(this.#resolve(path), { mode: 0o750, recursive: path === "" });
  }

  rename(from: string, to: string): void {
    renameSync(this.#resolve(from), this.#resolve(to));
  }

  remove(path: string): void {
    unlinkSync(this.#resolve(path));
  }

  removeFolder(path: string): void {
    rmdirSync(this.#resolve(path));
  }

  list(path: string): DiskEntry[] {
    const entries: DiskEntry[] = readdirSync(this.#resolve(path), { withFileTypes: true }).map((entry) => ({
      name: entry.name,
      kind: entry.isFile() ? "file" : entry.isDirectory() ? "folder" : "other",
    }));
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  stat(path: string): DiskStat | null {
    const stats = lstatSync(this.#resolve(path), { throwIfNoEntry: false });
    if (stats === undefined) return null;
    const kind = kindOf(stats);
    return { kind, size: kind === "file" ? stats.size : 0 };
  }

  async syncFolder(path: string): Promise<void> {
    if (process.platform === "win32") return; // NTFS journals names by itself and cannot sync a folder
    const fd = await openFile(this.#resolve(path), constants.O_RDONLY, 0);
    try {
      await new Promise<void>((resolve, reject) => {
        fsync(fd, (error) => (error === null ? resolve() : reject(error)));
      });
    } finally {
      await closeFile(fd);
    }
  }

  claim(path: string): Promise<DiskClaim> {
    return claimFolder(this.#resolve(path));
  }

  freeBytes(): number {
    const stats = statfsSync(this.name);
    return stats.bavail * stats.bsize;
  }

  #resolve(path: string): string {
    if (path === "") return this.name;
    for (const part of path.split("/")) {
      if (part === "" || part === "." || part === ".." || part.includes("\\") || part.includes("\0")) {
        throw new RangeError(`Cannot use the path ${JSON.stringify(path)}: it does not stay below ${this.name}`);
      }
    }
    return join(this.name, path);
  }
}

/** The same error with the file in it: the system only knows a number. */
function named(error: unknown, path: string): Error {
  const own = error as NodeJS.ErrnoException;
  own.path = path;
  own.message += ` '${path}'`;
  return own;
}

function kindOf(stats: Stats): DiskEntryKind {
  return stats.isFile() ? "file" : stats.isDirectory() ? "folder" : "other";
}

function openFile(path: string, flags: number, mode: number): Promise<number> {
  return new Promise((resolve, reject) => {
    openWithCallback(path, flags, mode, (error, fd) => (error === null ? resolve(fd) : reject(error)));
  });
}

function closeFile(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    closeWithCallback(fd, (error) => (error == null ? resolve() : reject(error)));
  });
}

function writePiece(fd: number, bytes: Uint8Array, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writeWithCallback(fd, bytes, 0, length, position, (error, count) =>
      error === null ? resolve(count) : reject(error),
    );
  });
}
