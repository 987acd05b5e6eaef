// Reads a file whose writer nobody knows.

import type { Disk } from "@myelin/platform";

/**
 * Reads a whole file.
 *
 * @param bytesMax - A larger file is not read.
 * @returns Null when there is none.
 * @throws The platform's error; or an error that says why it is not read.
 */
export function readFile(disk: Disk, path: string, bytesMax: number): Uint8Array | null {
  const stat = disk.stat(path);
  if (stat === null) return null;
  if (stat.kind !== "file") throw new Error("it is no file");
  if (stat.size > bytesMax) throw new Error(`it has ${stat.size} bytes, more than ${bytesMax}`);
  const file = disk.open(path, "read");
  try {
    const bytes = new Uint8Array(stat.size);
    return bytes.subarray(0, file.read(bytes, 0, bytes.length, 0));
  } finally {
    file.close();
  }
}
