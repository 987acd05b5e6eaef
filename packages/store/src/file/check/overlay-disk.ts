// A disk on top of another one: what is written stays in memory, and the disk below is only read. So the recovery of a store can be
// tried without touching its folder.

import type { Disk, DiskClaim, DiskEntry, DiskEntryKind, DiskFile, DiskStat, OpenMode } from "@myelin/platform";
import { readAround } from "../read-around.ts";

const PAGE_BYTES = 4096;

/** A file or folder as it is above. */
class Node {
  readonly kind: DiskEntryKind;
  /** Where it is below; null: it was made above. */
  readonly below: string | null;
  /** Of a folder, once somebody has looked. */
  entries: Map<string, Node> | null = null;
  size: number;
  /** Bytes from here on are not those below. */
  ownFrom: number;
  /** What was written, by number of the page. */
  readonly pages: Map<number, Uint8Array> = new Map();

  constructor(kind: DiskEntryKind, below: string | null, size: number) {
    this.kind = kind;
    this.below = below;
    this.size = size;
    this.ownFrom = below === null ? 0 : size;
  }
}

class OverlayFile implements DiskFile {
  readonly path: string;
  readonly #node: Node;
  readonly #base: DiskFile | null;

  constructor(path: string, node: Node, base: DiskFile | null) {
    this.path = path;
    this.#node = node;
    this.#base = base;
  }

  size(): number {
    return this.#node.size;
  }

  read(into: Uint8Array, start: number, length: number, position: number): number {
    const node = this.#node;
    const end = Math.min(position + length, node.size);
    if (end <= position) return 0;
    const fromBase = Math.max(0, Math.min(end, node.ownFrom) - position);
    into.fill(0, start + fromBase, start + end - position);
    if (fromBase > 0) this.#base!.read(into, start, fromBase, position);
    if (node.pages.size === 0) return end - position;
    for (let page = Math.floor(position / PAGE_BYTES); page * PAGE_BYTES < end; page++) {
      const bytes = node.pages.get(page);
      if (bytes === undefined) continue;
      const from = Math.max(position, page * PAGE_BYTES);
      const to = Math.min(end, (page + 1) * PAGE_BYTES);
      into.set(bytes.subarray(from - page * PAGE_BYTES, to - page * PAGE_BYTES), start + from - position);
    }
    return end - position;
  }

  write(bytes: Uint8Array, start: number, end: number, position: number): void {
    const node = this.#node;
    for (let at = start; at < end; ) {
      const place = position + at - start;
      const page = Math.floor(place / PAGE_BYTES);
      const offset = place % PAGE_BYTES;
      const count = Math.min(end - at, PAGE_BYTES - offset);
      this.#page(page).set(bytes.subarray(at, at + count), offset);
      at += count;
    }
    node.size = Math.max(node.size, position + end - start);
  }

  truncate(size: number): void {
    const node = this.#node;
    if (size < node.size) {
      node.ownFrom = Math.min(node.ownFrom, size);
      for (const [page, bytes] of node.pages) {
        if (page * PAGE_BYTES >= size) node.pages.delete(page);
        else if ((page + 1) * PAGE_BYTES > size) bytes.fill(0, size - page * PAGE_BYTES);
      }
    }
    node.size = size;
  }

  async sync(): Promise<void> {}

  close(): void {
    this.#base?.close();
  }

  /** The page to write to: as it was, at first. */
  #page(page: number): Uint8Array {
    const { pages } = this.#node;
    let bytes = pages.get(page);
    if (bytes === undefined) {
      bytes = new Uint8Array(PAGE_BYTES);
      readAround(this, bytes, 0, PAGE_BYTES, page * PAGE_BYTES); // it may be written over because it cannot be read
      pages.set(page, bytes);
    }
    return bytes;
  }
}

/** See the head of this file. Everything is as durable as it will ever be. */
export class OverlayDisk implements Disk {
  readonly name: string;
  readonly #below: Disk;
  readonly #root: Node = new Node("folder", "", 0);

  /** @param below - Not changed by anybody meanwhile. */
  constructor(below: Disk) {
    this.#below = below;
    this.name = below.name;
  }

  open(path: string, mode: OpenMode): DiskFile {
    if (mode === "create") return new OverlayFile(path, this.#add(path, new Node("file", null, 0)), null);
    const node = this.#need(path);
    if (node.kind !== "file") throw diskError("EISDIR", path);
    return new OverlayFile(path, node, node.below === null ? null : this.#below.open(node.below, "read"));
  }

  async openLater(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.open(path, mode);
  }

  async createZeroed(path: string, size: number): Promise<DiskFile> {
    return new OverlayFile(path, this.#add(path, new Node("file", null, size)), null);
  }

  makeFolder(path: string): void {
    this.#add(path, new Node("folder", null, 0)).entries = new Map();
  }

  rename(from: string, to: string): void {
    const node = this.#need(from);
    const target = place(to);
    this.#folder(target.folder).set(target.name, node);
    const source = place(from);
    this.#folder(source.folder).delete(source.name);
  }

  remove(path: string): void {
    this.#need(path);
    const { folder, name } = place(path);
    this.#folder(folder).delete(name);
  }

  removeFolder(path: string): void {
    if (this.#folder(path).size > 0) throw diskError("ENOTEMPTY", path);
    this.remove(path);
  }

  list(path: string): DiskEntry[] {
    const entries = [...this.#folder(path)].map(([name, { kind }]) => ({ name, kind }));
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  stat(path: string): DiskStat | null {
    const node = this.#find(path);
    return node === null ? null : { kind: node.kind, size: node.size };
  }

  async syncFolder(path: string): Promise<void> {
    this.#folder(path);
  }

  /** Claims the disk below: what another process changes meanwhile would be seen half. */
  claim(path: string): Promise<DiskClaim> {
    return this.#below.claim(path);
  }

  freeBytes(): number {
    return Number.MAX_SAFE_INTEGER;
  }

  #add(path: string, node: Node): Node {
    const { folder, name } = place(path);
    const entries = this.#folder(folder);
    if (entries.has(name)) throw diskError("EEXIST", path);
    entries.set(name, node);
    return node;
  }

  #need(path: string): Node {
    const node = this.#find(path);
    if (node === null) throw diskError("ENOENT", path);
    return node;
  }

  #find(path: string): Node | null {
    if (path === "") return this.#root;
    const { folder, name } = place(path);
    const parent = this.#find(folder);
    if (parent === null || parent.kind !== "folder") return null;
    return this.#entriesOf(parent).get(name) ?? null;
  }

  #folder(path: string): Map<string, Node> {
    const node = this.#need(path);
    if (node.kind !== "folder") throw diskError("ENOTDIR", path);
    return this.#entriesOf(node);
  }

  #entriesOf(node: Node): Map<string, Node> {
    node.entries ??= new Map(
      this.#below.list(node.below!).map(({ name, kind }) => {
        const below = node.below === "" ? name : `${node.below}/${name}`;
        return [name, new Node(kind, below, this.#below.stat(below)?.size ?? 0)];
      }),
    );
    return node.entries;
  }
}

function place(path: string): { folder: string; name: string } {
  const slash = path.lastIndexOf("/");
  return { folder: path.slice(0, Math.max(0, slash)), name: path.slice(slash + 1) };
}

function diskError(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}
