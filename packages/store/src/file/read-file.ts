// Reads files whole.

import type { Disk, DiskFile } from "@myelin/platform";
import type { Slices } from "../slices.ts";
import { readAround } from "./read-around.ts";

/** What is read in one step: a slow device must not hold the event loop for long. */
const STEP_BYTES = 512 * 1024;

/** Reads some of a file, as `DiskFile.read` does; {@link readAround} is one. */
export type ReadStep = (file: DiskFile, into: Uint8Array, start: number, length: number, position: number) => number;

/** A file's content, in one go; what the device cannot read is zeros. */
export function readWhole(disk: Disk, path: string): Uint8Array {
  const file = disk.open(path, "read");
  try {
    const bytes = new Uint8Array(file.size());
    readAround(file, bytes, 0, bytes.length, 0);
    return bytes;
  } finally {
    file.close();
  }
}

/** A file's content, in slices. */
export async function readWholeInSlices(disk: Disk, path: string, slices: Slices, read: ReadStep): Promise<Uint8Array> {
  const file = disk.open(path, "read");
  try {
    return await readInSlices(file, 0, file.size(), slices, read);
  } finally {
    file.close();
  }
}

/** The bytes `[from, to)` of a file, in slices. */
export async function readInSlices(
  file: DiskFile,
  from: number,
  to: number,
  slices: Slices,
  read: ReadStep,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.max(0, to - from));
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    read(file, bytes, at, Math.min(STEP_BYTES, bytes.length - at), from + at);
    if (slices.due) await slices.pause();
  }
  return bytes;
}
