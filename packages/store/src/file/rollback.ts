// Notices files that are older than the checkpoint vouches for, or missing: somebody, or a device, has put an older copy in their place.
//
// What the checkpoint names was durable before it was written, so no crash makes it older. What has changed since the checkpoint may be
// newer. Of the journal, what is older than its last batches cannot be told from a torn end.

import type { Disk } from "@myelin/platform";
import { StoreError } from "../errors.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { STORE_FILE } from "./format.ts";
import { BATCH_HEADER_BYTES, segmentPath } from "./journal.ts";
import { epochOf } from "./journal-reader.ts";
import { readAround } from "./read-around.ts";
import type { TwinContent } from "./twin-file.ts";

const REMEDY =
  "put an empty file in the place of each of them, and the rest opens: what was confirmed since the last checkpoint may be lost then, and its sequences given again";

/**
 * Compares the journal's segments with the checkpoint, before anything is changed.
 *
 * @returns A line for each segment that is not whole.
 * @throws StoreError `DAMAGED` when segments are missing that may hold what was confirmed, or the store file is older than they are.
 */
export function checkJournal(
  disk: Disk,
  storeId: number,
  checkpoint: Checkpoint,
  segments: readonly number[],
): string[] {
  const newer = segments.map(segmentPath).filter((path) => epochAt(disk, path, storeId) > checkpoint.epoch);
  if (newer.length > 0) {
    throw new StoreError(
      "DAMAGED",
      `Cannot open ${disk.name}: ${STORE_FILE}.0 and ${STORE_FILE}.1 are older than the journal. Restore a newer copy of one of them. If there is none, move ${newer.join(", ")} away and ${REMEDY}`,
    );
  }
  if (checkpoint.clean) return [];
  const { numbers, bytes } = checkpoint.segments;
  const missing = numbers.filter((number) => !segments.includes(number)).map(segmentPath);
  if (missing.length > 0) {
    throw new StoreError(
      "DAMAGED",
      `Cannot open ${disk.name}: the store was not stopped in order, and ${missing.join(", ")} of its journal is missing. Restore it; if it is gone for good, ${REMEDY}`,
    );
  }
  const reports: string[] = [];
  for (const path of numbers.map(segmentPath)) {
    const size = disk.stat(path)?.size ?? 0;
    if (size >= bytes) continue;
    reports.push(`${path}: ${size} bytes long instead of ${bytes}: what was confirmed last may be lost`);
  }
  return reports;
}

/** Epoch of a segment's first batch, with which each opening begins those it writes to; -1: there is none. */
function epochAt(disk: Disk, path: string, storeId: number): number {
  const header = new Uint8Array(BATCH_HEADER_BYTES);
  const file = disk.open(path, "read");
  try {
    return readAround(file, header, 0, header.length, 0) < header.length ? -1 : epochOf(header, storeId);
  } finally {
    file.close();
  }
}

/**
 * Compares a stream's twin file with the checkpoint.
 *
 * @param twin - Null: there is none.
 * @param vouched - The generation that was durable; 0: none.
 * @param cost - What it means when both copies are older, for a person.
 * @returns A line for each file that is older.
 */
export function olderCopies(twin: TwinContent | null, path: string, vouched: number, cost: string): string[] {
  if (vouched === 0) return [];
  if (twin === null) return [`${path}.0 and ${path}.1: missing: ${cost}`];
  if (twin.generation < vouched) return [`${path}.0 and ${path}.1: older than the checkpoint: ${cost}`];
  return twin.generations.flatMap((generation, copy) =>
    generation >= 0 && generation < vouched
      ? [`${path}.${copy}: older than the checkpoint; the newer copy counts`]
      : [],
  );
}

/** The generation of a twin file that is durable, as far as that can be known when it is read. */
export function durableGeneration(twin: TwinContent | null, vouched: number): number {
  if (twin === null) return 0;
  // The second copy is written once the first one is durable. One alone may not have been synced.
  return Math.max(Math.min(...twin.generations), Math.min(twin.generation, vouched));
}
