// Small things that must never be lost are kept twice: two files of the same content, written and synced one after the other, so that
// at every moment one of them is whole, and one flipped bit costs nothing.
//
//    0  u32  checksum of bytes 4 to the end of the body
//    4  u32  magic: what this is
//    8  u32  format version
//   12  u32  owner: the store or stream it belongs to, so that another's copy is noticed
//   16  u64  generation: grows with each write; the higher one counts
//   24  u32  length of the body
//   28  u32  0
//   32  body

import type { Disk, DiskFile } from "@myelin/platform";
import { checksum, viewOf } from "../checksum.ts";
import { StoreError } from "../errors.ts";
import { putU32, putU64, u32, u64 } from "../record.ts";
import { FORMAT_VERSION } from "./format.ts";
import { readAround } from "./read-around.ts";

const HEADER_BYTES = 32;
const COPIES = [0, 1] as const;

/** What a twin file said. */
export interface TwinContent {
  readonly owner: number;
  readonly generation: number;
  /** Generation of each copy; -1: it cannot be used. */
  readonly generations: readonly [number, number];
  readonly body: Uint8Array;
  /** Copies that could not be used, by name, and why. */
  readonly unusable: readonly string[];
}

/**
 * Reads a twin file.
 *
 * @param owner - Whom it must belong to; null when that is what we want to know.
 * @returns Null when it was never completely written.
 * @throws StoreError `UNSUPPORTED_VERSION`, or `DAMAGED` when no copy can be used.
 */
export function readTwin(disk: Disk, path: string, magic: number, owner: number | null): TwinContent | null {
  let best: { owner: number; generation: number; body: Uint8Array } | null = null;
  const damaged: string[] = [];
  const missing: string[] = [];
  const generations: [number, number] = [-1, -1];
  let found = 0;
  for (const copy of COPIES) {
    const name = `${path}.${copy}`;
    const stat = disk.stat(name);
    if (stat === null) {
      missing.push(name);
      continue;
    }
    found++;
    const content = stat.kind === "file" ? readCopy(disk, name, stat.size, magic, owner) : null;
    generations[copy] = content?.generation ?? -1;
    if (content === null) damaged.push(name);
    else if (best === null || content.generation > best.generation) best = content;
  }
  if (best !== null) {
    const unusable = [...damaged.map((name) => `${name}: not whole`), ...missing.map((name) => `${name}: missing`)];
    return { ...best, generations, unusable };
  }
  // One copy alone, and not whole: its very first write was interrupted, and nothing was ever confirmed.
  if (found < 2) return null;
  throw new StoreError(
    "DAMAGED",
    `Cannot read ${damaged.join(" and ")} in ${disk.name}: no copy is whole. Restore one of them from a backup`,
  );
}

/**
 * Generation of one copy, by its full name; -1: it cannot be used.
 *
 * @throws StoreError `UNSUPPORTED_VERSION`.
 */
export function copyGeneration(disk: Disk, name: string, magic: number, owner: number | null): number {
  const stat = disk.stat(name);
  const copy = stat?.kind === "file" ? readCopy(disk, name, stat.size, magic, owner) : null;
  return copy?.generation ?? -1;
}

function readCopy(
  disk: Disk,
  name: string,
  size: number,
  magic: number,
  owner: number | null,
): { owner: number; generation: number; body: Uint8Array } | null {
  if (size < HEADER_BYTES) return null;
  const bytes = new Uint8Array(size);
  const file = disk.open(name, "read");
  try {
    if (readAround(file, bytes, 0, size, 0) < size) return null;
  } finally {
    file.close();
  }
  const end = HEADER_BYTES + u32(bytes, 24);
  if (end > size || u32(bytes, 4) !== magic) return null;
  if (checksum(viewOf(bytes), 4, end) !== u32(bytes, 0)) return null;
  if (u32(bytes, 8) > FORMAT_VERSION) {
    const version = u32(bytes, 8);
    throw new StoreError(
      "UNSUPPORTED_VERSION",
      `Cannot read ${name} in ${disk.name}: format version ${version}, this program reads up to ${FORMAT_VERSION}. Use a newer one`,
    );
  }
  if (owner !== null && u32(bytes, 12) !== owner) return null;
  return { owner: u32(bytes, 12), generation: u64(bytes, 16), body: bytes.subarray(HEADER_BYTES, end) };
}

/**
 * Writes both copies. When it resolves, the content is durable, apart from the names of copies that were not there before.
 *
 * @param generation - Higher than any that was written or read before. 1: what may be there is no whole copy, and goes.
 */
export async function writeTwin(
  disk: Disk,
  path: string,
  magic: number,
  owner: number,
  generation: number,
  body: Uint8Array,
): Promise<void> {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  putU32(bytes, 4, magic);
  putU32(bytes, 8, FORMAT_VERSION);
  putU32(bytes, 12, owner);
  putU64(bytes, 16, generation);
  putU32(bytes, 24, body.length);
  bytes.set(body, HEADER_BYTES);
  putU32(bytes, 0, checksum(viewOf(bytes), 4, bytes.length));
  if (generation === 1) await removeLeft(disk, path);
  for (const copy of COPIES) {
    const name = `${path}.${copy}`;
    const file: DiskFile = disk.open(name, disk.stat(name) === null ? "create" : "write");
    try {
      file.write(bytes, 0, bytes.length, 0);
      await file.sync();
    } finally {
      file.close();
    }
  }
}

/**
 * Removes what an interrupted first write left: not whole, and alone because the name of the other copy was not durable. Were the next first
 * write interrupted as well, there would be two copies, none of them whole, as after damage.
 */
async function removeLeft(disk: Disk, path: string): Promise<void> {
  const left = COPIES.map((copy) => `${path}.${copy}`).filter((name) => disk.stat(name) !== null);
  if (left.length === 0) return;
  for (const name of left) disk.remove(name);
  await disk.syncFolder(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
}
