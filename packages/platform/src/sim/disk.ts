// A disk in memory that remembers every operation, fails when told to, and can show what a loss of power would have left.
//
// What programs see is the operating system's view: every write is there at once. The trace holds what the device was
// asked, in order, so that `crashImage` can rebuild each state that a crash may leave (see sim/crash.ts).

import type { Disk, DiskClaim, DiskEntry, DiskFile, DiskStat, OpenMode } from "../disk.ts";

/** One operation on the simulated disk. Files and folders are numbered; folder 0 is the disk itself. */
export type DiskOp =
  | { readonly kind: "write"; readonly file: number; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly file: number; readonly size: number }
  | { readonly kind: "sync-begin"; readonly file: number; readonly sync: number }
  | { readonly kind: "sync-end"; readonly file: number; readonly sync: number }
  | { readonly kind: "folder-sync-begin"; readonly folder: number; readonly sync: number }
  | { readonly kind: "folder-sync-end"; readonly folder: number; readonly sync: number }
  | { readonly kind: "create"; readonly folder: number; readonly name: string; readonly file: number }
  | { readonly kind: "make-folder"; readonly folder: number; readonly name: string; readonly made: number }
  | { readonly kind: "remove"; readonly folder: number; readonly name: string }
  | {
      readonly kind: "rename";
      readonly folder: number;
      readonly name: string;
      readonly toFolder: number;
      readonly toName: string;
    };

/** What a disk holds, by path: bytes of files, null for folders. Parents come before what is in them. */
export type DiskImage = ReadonlyMap<string, Uint8Array | null>;

/** Kinds of calls that can be made to fail. */
export type DiskCall = "open" | "read" | "write" | "truncate" | "sync" | "sync-folder" | "rename" | "remove" | "make";

/**
 * Decides whether a call fails.
 *
 * @returns An error code such as `EIO` or `ENOSPC`, or null to let it pass.
 */
export type DiskFault = (call: DiskCall, path: string) => string | null;

/** How a simulated disk begins. */
export interface SimDiskOptions {
  readonly image?: DiskImage | undefined;
  /** Bytes that all files together may hold; unlimited by default. */
  readonly capacityBytes?: number | undefined;
  /** False: no trace is kept, for tests that write much and never crash. */
  readonly record?: boolean | undefined;
  /** How many turns of the event loop a sync of that file or folder takes, at least 1; always 1 by default. */
  readonly syncTurns?: ((path: string) => number) | undefined;
}

class Inode {
  readonly id: number;
  /** Null for a file. */
  readonly entries: Map<string, Inode> | null;
  bytes: Uint8Array = new Uint8Array(0);
  size = 0;

  constructor(id: number, folder: boolean) {
    this.id = id;
    this.entries = folder ? new Map() : null;
  }
}

class SimFile implements DiskFile {
  readonly path: string;
  #disk: SimDisk;
  #inode: Inode;
  #mode: OpenMode;
  #open = true;

  constructor(disk: SimDisk, path: string, inode: Inode, mode: OpenMode) {
    this.#disk = disk;
    this.path = path;
    this.#inode = inode;
    this.#mode = mode;
    disk.openFiles++;
  }

  size(): number {
    this.#check();
    return this.#inode.size;
  }

  read(into: Uint8Array, start: number, length: number, position: number): number {
    this.#check();
    this.#disk.maybeFail("read", this.path);
    const end = Math.min(position + length, this.#inode.size);
    if (end <= position) return 0;
    into.set(this.#inode.bytes.subarray(position, end), start);
    return end - position;
  }

  write(bytes: Uint8Array, start: number, end: number, position: number): void {
    this.#check(true);
    this.#disk.maybeFail("write", this.path);
    // Not slice(): a Buffer's shares its memory.
    this.#disk.writeInode(this.#inode, new Uint8Array(bytes.subarray(start, end)), position, this.path);
  }

  truncate(size: number): void {
    this.#check(true);
    this.#disk.maybeFail("truncate", this.path);
    this.#disk.truncateInode(this.#inode, size, this.path);
  }

  sync(): Promise<void> {
    this.#check();
    return this.#disk.syncInode(this.#inode, this.path);
  }

  close(): void {
    this.#check();
    this.#open = false;
    this.#disk.openFiles--;
  }

  #check(writes = false): void {
    if (!this.#open) throw diskError("EBADF", "use", this.path);
    if (writes && this.#mode === "read") throw diskError("EBADF", "write", this.path);
  }
}

/** The simulated disk; see the head of this file. */
export class SimDisk implements Disk {
  readonly name = "(simulated disk)";
  /** Every operation so far, oldest first; pass it to `crashImage`. */
  readonly trace: DiskOp[] = [];
  /** What the disk held at the beginning of the trace. */
  readonly startImage: DiskImage;
  /** Asked before each call; replace it to make calls fail. */
  fault: DiskFault = () => null;
  /** While true, syncs begin and do not end; setting it to false lets them end. */
  #held = false;
  #heldSyncs: (() => void)[] = [];
  /** Files open now: for tests that look for leaks. */
  openFiles = 0;
  /** Claims that are held: they end with the process, so no image has them. */
  #claims: Set<string> = new Set();
  /** Calls that could have failed, so far. */
  calls = 0;

  #root: Inode = new Inode(0, true);
  #nextInode = 1;
  #nextSync = 1;
  #usedBytes = 0;
  #capacityBytes: number;
  #record: boolean;
  #syncTurns: (path: string) => number;

  constructor(options: SimDiskOptions = {}) {
    this.#syncTurns = options.syncTurns ?? (() => 1);
    this.#capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#record = options.record ?? true;
    this.startImage = options.image ?? new Map();
    for (const [path, bytes] of this.startImage) {
      const { folder, name } = this.#locate(path, "make");
      const inode = new Inode(this.#nextInode++, bytes === null);
      (folder.entries as Map<string, Inode>).set(name, inode);
      if (bytes !== null) {
        inode.bytes = new Uint8Array(bytes);
        inode.size = bytes.length;
        this.#usedBytes += bytes.length;
      }
    }
  }

  /** Holds all syncs back, or lets go those that are held. */
  set holdSyncs(held: boolean) {
    this.#held = held;
    if (held) return;
    const waiting = this.#heldSyncs;
    this.#heldSyncs = [];
    for (const release of waiting) release();
  }

  /** Syncs that have begun and are held back. */
  get heldSyncs(): number {
    return this.#heldSyncs.length;
  }

  set capacityBytes(bytes: number) {
    this.#capacityBytes = bytes;
  }

  /** What programs would read now, crash aside. */
  image(): DiskImage {
    const image = new Map<string, Uint8Array | null>();
    const walk = (folder: Inode, prefix: string): void => {
      for (const [name, inode] of folder.entries as Map<string, Inode>) {
        image.set(prefix + name, inode.entries === null ? inode.bytes.slice(0, inode.size) : null);
        if (inode.entries !== null) walk(inode, `${prefix}${name}/`);
      }
    };
    walk(this.#root, "");
    return image;
  }

  open(path: string, mode: OpenMode): DiskFile {
    this.maybeFail(mode === "create" ? "make" : "open", path);
    const { folder, name, inode } = this.#locate(path, "open");
    if (mode === "create") {
      if (inode !== null) throw diskError("EEXIST", "open", path);
      return new SimFile(this, path, this.#createFile(folder, name), mode);
    }
    if (inode === null) throw diskError("ENOENT", "open", path);
    if (inode.entries !== null) throw diskError("EISDIR", "open", path);
    return new SimFile(this, path, inode, mode);
  }

  async openLater(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.open(path, mode);
  }

  async createZeroed(path: string, size: number): Promise<DiskFile> {
    const file = this.open(path, "create");
    try {
      file.write(new Uint8Array(size), 0, size, 0);
      await file.sync();
    } catch (error) {
      file.close();
      throw error;
    }
    return file;
  }

  makeFolder(path: string): void {
    this.maybeFail("make", path);
    const { folder, name, inode } = this.#locate(path, "mkdir");
    if (inode !== null) throw diskError("EEXIST", "mkdir", path);
    const made = new Inode(this.#nextInode++, true);
    (folder.entries as Map<string, Inode>).set(name, made);
    this.#note({ kind: "make-folder", folder: folder.id, name, made: made.id });
  }

  rename(from: string, to: string): void {
    this.maybeFail("rename", from);
    const source = this.#locate(from, "rename");
    const target = this.#locate(to, "rename");
    if (source.inode === null) throw diskError("ENOENT", "rename", from);
    if (target.inode !== null && target.inode.entries !== null) throw diskError("EISDIR", "rename", to);
    (source.folder.entries as Map<string, Inode>).delete(source.name);
    (target.folder.entries as Map<string, Inode>).set(target.name, source.inode);
    const toName = target.name;
    this.#note({ kind: "rename", folder: source.folder.id, name: source.name, toFolder: target.folder.id, toName });
  }

  remove(path: string): void {
    this.maybeFail("remove", path);
    const { folder, name, inode } = this.#locate(path, "unlink");
    if (inode === null) throw diskError("ENOENT", "unlink", path);
    if (inode.entries !== null) throw diskError("EISDIR", "unlink", path);
    this.#usedBytes -= inode.size;
    this.#removeEntry(folder, name);
  }

  removeFolder(path: string): void {
    this.maybeFail("remove", path);
    const { folder, name, inode } = this.#locate(path, "rmdir");
    if (inode === null) throw diskError("ENOENT", "rmdir", path);
    if (inode.entries === null) throw diskError("ENOTDIR", "rmdir", path);
    if (inode.entries.size > 0) throw diskError("ENOTEMPTY", "rmdir", path);
    this.#removeEntry(folder, name);
  }

  list(path: string): DiskEntry[] {
    const folder = path === "" ? this.#root : this.#locate(path, "scandir").inode;
    if (folder === null) throw diskError("ENOENT", "scandir", path);
    if (folder.entries === null) throw diskError("ENOTDIR", "scandir", path);
    const entries: DiskEntry[] = [];
    for (const [name, inode] of folder.entries)
      entries.push({ name, kind: inode.entries === null ? "file" : "folder" });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  stat(path: string): DiskStat | null {
    if (path === "") return { kind: "folder", size: 0 };
    let inode: Inode | null;
    try {
      inode = this.#locate(path, "stat").inode;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
    if (inode === null) return null;
    return inode.entries === null ? { kind: "file", size: inode.size } : { kind: "folder", size: 0 };
  }

  async syncFolder(path: string): Promise<void> {
    this.maybeFail("sync-folder", path);
    const folder = path === "" ? this.#root : this.#locate(path, "open").inode;
    if (folder === null) throw diskError("ENOENT", "fsync", path);
    const sync = this.#nextSync++;
    this.#note({ kind: "folder-sync-begin", folder: folder.id, sync });
    await this.#syncTime(path);
    this.#note({ kind: "folder-sync-end", folder: folder.id, sync });
  }

  async claim(path: string): Promise<DiskClaim> {
    if (this.#claims.has(path)) return { held: false, holder: "this process", remedy: "stop it there first" };
    this.#claims.add(path);
    return {
      held: true,
      weakness: null,
      release: async () => {
        this.#claims.delete(path);
      },
    };
  }

  freeBytes(): number {
    return this.#capacityBytes - this.#usedBytes;
  }

  /** For `SimFile`: throws when the fault function says so. */
  maybeFail(call: DiskCall, path: string): void {
    this.calls++;
    const code = this.fault(call, path);
    if (code !== null) throw diskError(code, call, path);
  }

  /** For `SimFile`. */
  writeInode(inode: Inode, bytes: Uint8Array, position: number, path: string): void {
    this.#resize(inode, Math.max(inode.size, position + bytes.length), path);
    inode.bytes.set(bytes, position);
    this.#note({ kind: "write", file: inode.id, position, bytes });
  }

  /** For `SimFile`. */
  truncateInode(inode: Inode, size: number, path: string): void {
    if (size < inode.size) inode.bytes.fill(0, size, inode.size);
    this.#resize(inode, size, path);
    this.#note({ kind: "truncate", file: inode.id, size });
  }

  /** For `SimFile`. */
  async syncInode(inode: Inode, path: string): Promise<void> {
    this.maybeFail("sync", path);
    const sync = this.#nextSync++;
    this.#note({ kind: "sync-begin", file: inode.id, sync });
    await this.#syncTime(path);
    this.#note({ kind: "sync-end", file: inode.id, sync });
  }

  async #syncTime(path: string): Promise<void> {
    if (this.#held) await new Promise<void>((resolve) => this.#heldSyncs.push(resolve));
    // A turn of the loop or more, so that programs run on while a sync is under way, as on a real disk.
    for (let turns = this.#syncTurns(path); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
  }

  #resize(inode: Inode, size: number, path: string): void {
    if (this.#usedBytes + size - inode.size > this.#capacityBytes) throw diskError("ENOSPC", "write", path);
    this.#usedBytes += size - inode.size;
    inode.size = size;
    if (size <= inode.bytes.length) return;
    const grown = new Uint8Array(Math.max(size, inode.bytes.length * 2));
    grown.set(inode.bytes);
    inode.bytes = grown;
  }

  #createFile(folder: Inode, name: string): Inode {
    const inode = new Inode(this.#nextInode++, false);
    (folder.entries as Map<string, Inode>).set(name, inode);
    this.#note({ kind: "create", folder: folder.id, name, file: inode.id });
    return inode;
  }

  #removeEntry(folder: Inode, name: string): void {
    (folder.entries as Map<string, Inode>).delete(name);
    this.#note({ kind: "remove", folder: folder.id, name });
  }

  #note(op: DiskOp): void {
    if (this.#record) this.trace.push(op);
  }

  #locate(path: string, call: string): { folder: Inode; name: string; inode: Inode | null } {
    const parts = path.split("/");
    const name = parts.pop() as string;
    let folder = this.#root;
    for (const part of parts) {
      const next = (folder.entries as Map<string, Inode>).get(part);
      if (next === undefined) throw diskError("ENOENT", call, path);
      if (next.entries === null) throw diskError("ENOTDIR", call, path);
      folder = next;
    }
    return { folder, name, inode: (folder.entries as Map<string, Inode>).get(name) ?? null };
  }
}

function diskError(code: string, call: string, path: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${code}: ${call} ${JSON.stringify(path)} (simulated)`);
  error.code = code;
  return error;
}
