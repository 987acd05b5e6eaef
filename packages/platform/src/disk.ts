// The disk as Myelin sees it: one folder and what is in it. The one seam through which anything becomes durable,
// so that a test can list every point at which the power may go. Real form in `./node`, recording form in `./sim`.
//
// What survives a loss of power, and what a caller may rely on:
//   - bytes of a file: those written before a `sync` of it began, once that `sync` has resolved;
//   - the name of a file or folder (made, renamed, removed): once a `syncFolder` of its folder, begun later, has resolved;
//   - everything else may be there, or not, or in part (in pieces of 512 bytes), in any order.
//
// Calls that only touch the operating system's memory are synchronous: they take microseconds, and a store decides on
// what they return. Syncs and zero-filling take as long as the device does; they run off the event loop, and so does `openLater`.
//
// Paths are relative to the folder, with "/" between names, "" for the folder itself. A path that would leave it is refused.

/** What a name stands for; `other` is anything but a plain file or a folder: a link, a socket, a device. */
export type DiskEntryKind = "file" | "folder" | "other";

/** One name in a folder. */
export interface DiskEntry {
  readonly name: string;
  readonly kind: DiskEntryKind;
}

/** What is known about a path. */
export interface DiskStat {
  readonly kind: DiskEntryKind;
  /** Bytes; 0 for anything but a file. */
  readonly size: number;
}

/**
 * How a file is opened: `read` an existing one; `write` to an existing one (and read it); `create` one that must not exist yet
 * (and write and read it).
 */
export type OpenMode = "read" | "write" | "create";

/** An open file. Errors are the platform's, with `code` (`EIO`, `ENOSPC`, ...); none is ever swallowed. */
export interface DiskFile {
  readonly path: string;

  /** Bytes in the file now. */
  size(): number;

  /**
   * Reads up to `length` bytes at `position` into `into[start...]`.
   *
   * @returns How many bytes were read: fewer than asked only at the end of the file.
   */
  read(into: Uint8Array, start: number, length: number, position: number): number;

  /**
   * Writes all of `bytes[start, end)` at `position`, growing the file where needed; a hole reads as zeros.
   * When it throws, any part may have been written. Durable only after {@link sync}.
   */
  write(bytes: Uint8Array, start: number, end: number, position: number): void;

  /** Sets the size: cuts the end off, or adds zeros. Durable only after {@link sync}. */
  truncate(size: number): void;

  /**
   * Makes durable what was written before this call (data and size, as `fdatasync` does), off the event loop.
   * After a rejection nobody knows what is on the device, and asking again may report success wrongly: the caller must not.
   */
  sync(): Promise<void>;

  /** Releases the file. Implies no sync. Closing twice is a caller bug. */
  close(): void;
}

/** What became of an attempt to claim a folder; see {@link Disk.claim}. */
export type DiskClaim =
  | {
      readonly held: true;
      /** Null, or why the claim keeps nobody out: the file system cannot do it. */
      readonly weakness: string | null;
      /** Gives the folder up. */
      release(): Promise<void>;
    }
  | {
      readonly held: false;
      /** Who has the folder: `process 4711`, say. */
      readonly holder: string;
      /** What to do when nobody has it in fact. */
      readonly remedy: string;
    };

/** One folder on a disk. */
export interface Disk {
  /** The folder as a person would name it, for messages. */
  readonly name: string;

  /** @throws The platform's error: `ENOENT`, `EEXIST`, `EACCES`, `EISDIR`, `EMFILE`, ... */
  open(path: string, mode: OpenMode): DiskFile;

  /**
   * The same, off the event loop: while syncs are under way, making a name waits for the file system's journal, some tenths of a
   * millisecond.
   */
  openLater(path: string, mode: OpenMode): Promise<DiskFile>;

  /**
   * Makes a file of `size` zeros whose blocks are really allocated, and syncs it, off the event loop.
   * Overwriting such a file syncs in about half the time that appending takes, and cannot run out of room.
   *
   * @returns The open file, writable. Its name is durable only after {@link syncFolder}.
   */
  createZeroed(path: string, size: number): Promise<DiskFile>;

  /** Makes one folder; "" makes the disk's own, and those above it where there are none. */
  makeFolder(path: string): void;
  /** Renames a file or folder, replacing a file of that name, in one step. */
  rename(from: string, to: string): void;
  /** Removes a file. */
  remove(path: string): void;
  /** Removes an empty folder. */
  removeFolder(path: string): void;

  /** Names in a folder, sorted. */
  list(path: string): DiskEntry[];
  /** What `path` is, without following a link; null when there is nothing. */
  stat(path: string): DiskStat | null;

  /** Makes the names in a folder durable, off the event loop. See {@link DiskFile.sync} on failure. */
  syncFolder(path: string): Promise<void>;

  /**
   * Claims this folder for one owner, until the claim is released or the process ends, however it ends: the claim of a process that
   * was killed stands in nobody's way. Of several that try at the same moment, none may succeed.
   *
   * @param path - Name of a folder that the claim may keep in this one; it is made, and removed on release.
   */
  claim(path: string): Promise<DiskClaim>;

  /** Bytes that could still be written, as far as the platform tells. */
  freeBytes(): number;
}
