// Copies of damaged bytes, for a person to look at.

import type { Disk } from "@myelin/platform";
import { hex8, QUARANTINE_FOLDER } from "./format.ts";
import { readAround } from "./read-around.ts";

/** Keeps a copy of damaged bytes under a name that tells where they were. */
export function keepCopy(
  disk: Disk,
  stream: number,
  path: string,
  block: number,
  offset: number,
  length: number,
): void {
  if (disk.stat(path) === null || length <= 0) return;
  const copy = `${QUARANTINE_FOLDER}/${hex8(stream)}-${hex8(block)}-${hex8(offset)}.bad`;
  if (disk.stat(QUARANTINE_FOLDER) === null) disk.makeFolder(QUARANTINE_FOLDER);
  if (disk.stat(copy) !== null) return;
  const bytes = new Uint8Array(length);
  const from = disk.open(path, "read");
  const read = readAround(from, bytes, 0, length, offset);
  from.close();
  const to = disk.open(copy, "create");
  to.write(bytes, 0, read, 0);
  to.close();
}
