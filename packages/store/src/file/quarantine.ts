// Copies of damaged bytes, for a person to look at. The bytes themselves stay where they are as long as their block does, so that a few
// copies of a block that is damaged all over are enough.

import type { Disk } from "@myelin/platform";
import { hex8, QUARANTINE_FOLDER } from "./format.ts";
import { readAround } from "./read-around.ts";

/** So many copies are kept of one block's bytes. What continues one makes it longer. */
export const COPIES_PER_BLOCK = 64;

/** Stream, block and offset. */
const COPY_NAME = /^([0-9a-f]{8}-[0-9a-f]{8})-([0-9a-f]{8})\.bad$/;

/** The bytes `[offset, end)` of a block. */
interface Copy {
  readonly path: string;
  readonly offset: number;
  end: number;
}

/** The copies in a store's folder. */
export class Quarantine {
  #disk: Disk;
  /** By stream and block; null: not looked for yet. */
  #copies: Map<string, Copy[]> | null = null;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Whether there is a copy of what stands at that place of a block, or as many of the block as are kept. */
  has(stream: number, block: number, offset: number): boolean {
    const copies = this.#of(stream, block);
    return copies.length >= COPIES_PER_BLOCK || copies.some((copy) => copy.offset <= offset && offset < copy.end);
  }

  /** Keeps a copy of damaged bytes under a name that tells where they were, unless there is one or there are enough. */
  keep(stream: number, path: string, block: number, offset: number, length: number): void {
    const disk = this.#disk;
    if (disk.stat(path) === null || length <= 0) return;
    const copies = this.#of(stream, block);
    const continued = copies.find((copy) => copy.offset <= offset && offset <= copy.end);
    if (continued === undefined && copies.length >= COPIES_PER_BLOCK) return;
    const start = continued?.end ?? offset;
    const end = offset + length;
    if (start >= end) return;
    const bytes = readFrom(disk, path, start, end - start);
    if (disk.stat(QUARANTINE_FOLDER) === null) disk.makeFolder(QUARANTINE_FOLDER);
    const name = `${hex8(stream)}-${hex8(block)}-${hex8(offset)}.bad`;
    const copy = continued ?? { path: `${QUARANTINE_FOLDER}/${name}`, offset, end: offset };
    const file = disk.open(copy.path, continued === undefined ? "create" : "write");
    if (continued === undefined) copies.push(copy);
    try {
      file.write(bytes, 0, bytes.length, start - copy.offset);
      copy.end = start + bytes.length;
    } finally {
      file.close();
    }
  }

  #of(stream: number, block: number): Copy[] {
    this.#copies ??= this.#found();
    const key = `${hex8(stream)}-${hex8(block)}`;
    const copies = this.#copies.get(key) ?? [];
    this.#copies.set(key, copies);
    return copies;
  }

  #found(): Map<string, Copy[]> {
    const found = new Map<string, Copy[]>();
    if (this.#disk.stat(QUARANTINE_FOLDER)?.kind !== "folder") return found;
    for (const { name } of this.#disk.list(QUARANTINE_FOLDER)) {
      const [, key, place] = COPY_NAME.exec(name) ?? [];
      if (key === undefined || place === undefined) continue;
      const path = `${QUARANTINE_FOLDER}/${name}`;
      const offset = Number.parseInt(place, 16);
      const copies = found.get(key) ?? [];
      copies.push({ path, offset, end: offset + (this.#disk.stat(path)?.size ?? 0) });
      found.set(key, copies);
    }
    return found;
  }
}

/** Bytes of a file, as far as there are any; what the device cannot read is zeros. */
function readFrom(disk: Disk, path: string, offset: number, length: number): Uint8Array {
  const file = disk.open(path, "read");
  try {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readAround(file, bytes, 0, length, offset));
  } finally {
    file.close();
  }
}
