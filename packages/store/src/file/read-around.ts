// Reads files on a device that has gone bad in places: what the system cannot read becomes zeros, which no checksum agrees with, so
// that a bad sector is damage like a flipped bit, and costs what is in it.

import type { Disk, DiskFile } from "@myelin/platform";
import { StoreError } from "../errors.ts";

/** What the system reads, and cannot read, at once. */
const SECTOR_BYTES = 4096;

/** Whether a read failed because of the device, for good; anything else (too many open files, say) tells nothing about the bytes. */
export function isUnreadable(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EIO";
}

/** The device cannot read what may have been confirmed, and might pass for a torn end: the folder is not opened. */
export function unreadableConfirmed(disk: Disk, path: string, offset: number, error: unknown): StoreError {
  return new StoreError(
    "DAMAGED",
    `Cannot open the store in ${disk.name}: ${path} cannot be read at ${offset} (${(error as Error).message}), and what is there may have been confirmed. Copy the folder to a sound device, as far as it can be read, and open it there`,
    { cause: error },
  );
}

/**
 * Reads as `DiskFile.read` does, but around what cannot be read.
 *
 * @param unreadable - Told of each sector that became zeros; may throw the error that it gets.
 */
export function readAround(
  file: DiskFile,
  into: Uint8Array,
  start: number,
  length: number,
  position: number,
  unreadable: (offset: number, length: number, error: unknown) => void = () => {},
): number {
  try {
    return file.read(into, start, length, position);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
  }
  const end = Math.min(position + length, file.size());
  for (let at = position; at < end; ) {
    const count = Math.min(end, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES) - at;
    const to = start + at - position;
    try {
      file.read(into, to, count, at);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      unreadable(at, count, error);
      into.fill(0, to, to + count);
    }
    at += count;
  }
  return Math.max(0, end - position);
}
