// Reads what a journal holds after the store was not stopped in order, and decides how far it can be believed.
//
// The batches that count are those of the epoch that the checkpoint names, from the number it names, without a break. A break is the
// torn end of the journal, unless a later batch proves that what is missing had been durable: each batch says how far the journal was
// synced when it was written. Then it is damage: what can still be read is replayed, and what is missing is reported.

import type { Disk } from "@myelin/platform";
import { checksum } from "../checksum.ts";
import { aligned, soundRecord, u32, u64 } from "../record.ts";
import { MAGIC_BATCH } from "./format.ts";
import { BATCH_HEADER_BYTES } from "./journal.ts";

/** A batch that was found, sound or not. */
interface FoundBatch {
  readonly number: number;
  readonly synced: number;
  readonly previousChecksum: number;
  readonly ownChecksum: number;
  readonly path: string;
  /** Where in its segment it begins. */
  readonly position: number;
  readonly body: Uint8Array;
  readonly bodySound: boolean;
}

/** What a journal has to say. */
export interface JournalContent {
  /** Bodies to replay, in order. */
  readonly batches: readonly { readonly body: Uint8Array; readonly damaged: boolean }[];
  /** Something that had been durable cannot be read: streams may have holes. */
  readonly damaged: boolean;
  /** One line for each piece of damage. */
  readonly reports: readonly string[];
  /** Higher than the number of any batch found. */
  readonly nextBatch: number;
}

/**
 * Reads all segments.
 *
 * @param paths - The segments.
 * @param firstBatch - The first batch that the checkpoint does not cover.
 */
export function readJournal(
  disk: Disk,
  paths: readonly string[],
  store: number,
  epoch: number,
  firstBatch: number,
): JournalContent {
  const found = new Map<number, FoundBatch>();
  let highest = firstBatch - 1;
  let synced = 0;
  for (const path of paths) {
    for (const batch of readSegment(disk, path, store, epoch)) {
      if (batch.number < firstBatch) continue;
      found.set(batch.number, batch);
      highest = Math.max(highest, batch.number);
      synced = Math.max(synced, batch.synced);
    }
  }
  const batches: { body: Uint8Array; damaged: boolean }[] = [];
  const reports: string[] = [];
  let previous: FoundBatch | null = null;
  for (let number = firstBatch; number <= highest; number++) {
    const batch = found.get(number);
    const follows = batch !== undefined && (previous === null || batch.previousChecksum === previous.ownChecksum);
    if (batch !== undefined && follows && batch.bodySound) {
      batches.push({ body: batch.body, damaged: false });
      previous = batch;
      continue;
    }
    if (number > synced) break; // the torn end: nothing of it was ever acknowledged
    previous = null;
    if (batch === undefined) {
      reports.push(`journal: batch ${number} of epoch ${epoch} cannot be found, although it had been synced`);
    } else {
      reports.push(`${batch.path}: batch ${number} at ${batch.position} is damaged; its sound records are kept`);
      batches.push({ body: batch.body, damaged: true });
    }
  }
  return { batches, damaged: reports.length > 0, reports, nextBatch: highest + 1 };
}

/** Visits the sound records of a batch; in a damaged one, looks for the next sound one after each piece of damage. */
export function visitRecords(body: Uint8Array, visit: (at: number, length: number) => void): void {
  for (let at = 0; at < body.length; ) {
    const length = soundRecord(body, at, body.length);
    if (length > 0) visit(at, length);
    at += length > 0 ? aligned(length) : 8;
  }
}

function* readSegment(disk: Disk, path: string, store: number, epoch: number): Generator<FoundBatch> {
  const file = disk.open(path, "read");
  const bytes = new Uint8Array(file.size());
  try {
    file.read(bytes, 0, bytes.length, 0);
  } finally {
    file.close();
  }
  for (let at = 0; at + BATCH_HEADER_BYTES <= bytes.length; ) {
    const bodyBytes = soundHeader(bytes, at, store, epoch);
    if (bodyBytes < 0) {
      at += 8;
      continue;
    }
    const start = at + BATCH_HEADER_BYTES;
    yield {
      number: u64(bytes, at + 16),
      synced: u64(bytes, at + 24),
      previousChecksum: u32(bytes, at + 40),
      ownChecksum: checksum(bytes, at, at + 4),
      path,
      position: at,
      body: bytes.subarray(start, start + bodyBytes),
      bodySound: checksum(bytes, start, start + bodyBytes) === u32(bytes, at + 36),
    };
    // What follows a body that is not sound need not be its batch's neighbour: look at every place.
    at = checksum(bytes, start, start + bodyBytes) === u32(bytes, at + 36) ? start + bodyBytes : start;
  }
}

/** Length of the body, or -1 when there is no sound header of that store and epoch. */
function soundHeader(bytes: Uint8Array, at: number, store: number, epoch: number): number {
  if (u32(bytes, at + 4) !== MAGIC_BATCH || u32(bytes, at + 8) !== store || u32(bytes, at + 12) !== epoch) return -1;
  if (checksum(bytes, at + 4, at + BATCH_HEADER_BYTES) !== u32(bytes, at)) return -1;
  const bodyBytes = u32(bytes, at + 32);
  return bodyBytes % 8 === 0 && at + BATCH_HEADER_BYTES + bodyBytes <= bytes.length ? bodyBytes : -1;
}
