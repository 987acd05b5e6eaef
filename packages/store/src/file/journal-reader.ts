// Reads what a journal holds after the store was not stopped in order, and decides how far it can be believed.
//
// The batches that count are those of the epoch that the checkpoint names, from the number it names, without a break. A break is the
// torn end of the journal, unless a later batch proves that what is missing had been durable: each batch says how far the journal was
// synced when it was written. Then it is damage: what can still be read is replayed, and what is missing is reported.
//
// A header in which one bit is wrong is put right: its checksum says which one.

import type { Disk } from "@myelin/platform";
import { checksum, viewOf } from "../checksum.ts";
import { aligned, soundRecord, u32, u64 } from "../record.ts";
import type { Slices } from "../slices.ts";
import { MAGIC_BATCH, STORE_FILE } from "./format.ts";
import { BATCH_HEADER_BYTES } from "./journal.ts";
import { readAround, unreadableConfirmed } from "./read-around.ts";
import { readWholeInSlices } from "./read-file.ts";
import { hasChain } from "./record-chain.ts";

/** A batch that was found, sound or not. */
interface FoundBatch {
  readonly number: number;
  readonly synced: number;
  readonly generation: number;
  readonly previousChecksum: number;
  readonly ownChecksum: number;
  readonly path: string;
  /** Where in its segment it begins. */
  readonly position: number;
  readonly body: Uint8Array;
  readonly bodySound: boolean;
  /** A bit of its header was put right. */
  readonly corrected: boolean;
}

/** The records of a batch. */
export interface JournalBatch {
  readonly body: Uint8Array;
  /** Some of them cannot be read. */
  readonly damaged: boolean;
  /** Everything that happened up to it is known to have been durable, in whatever file. */
  readonly synced: boolean;
}

/** What a journal has to say that the checkpoint does not cover. */
export interface JournalContent {
  /** Bodies to replay, in order. */
  readonly batches: readonly JournalBatch[];
  /** Something that had been durable cannot be read: streams may have holes. */
  readonly damaged: boolean;
  /** One line for each piece of damage. */
  readonly reports: readonly string[];
  /** Higher than the number of any batch found. */
  readonly nextBatch: number;
}

/** Records that are walked over between two looks at the clock. */
const RECORDS_PER_LOOK = 8;

/** Segments are searched in pieces of this size: the event loop goes on between them. */
const PIECE_BYTES = 512 * 1024;

/**
 * Reads all segments.
 *
 * @param paths - The segments.
 * @param firstBatch - The first batch that the checkpoint does not cover.
 * @param generation - Of the store file.
 * @throws StoreError `DAMAGED` where the device cannot read a segment.
 */
export async function readJournal(
  disk: Disk,
  paths: readonly string[],
  store: number,
  epoch: number,
  firstBatch: number,
  generation: number,
  slices: Slices,
): Promise<JournalContent> {
  const found = new Map<number, FoundBatch>();
  let highest = firstBatch - 1;
  let synced = 0;
  let newest = generation;
  for (const path of paths) {
    for await (const batch of readSegment(disk, path, store, epoch, slices)) {
      found.set(batch.number, batch);
      newest = Math.max(newest, batch.generation);
      if (batch.number < firstBatch) continue;
      highest = Math.max(highest, batch.number);
      synced = Math.max(synced, batch.synced);
    }
  }
  const batches: JournalBatch[] = [];
  const reports: string[] = [];
  if (newest > generation) {
    const between = "what was taken away in between may be back, or be told as lost";
    reports.push(
      `${STORE_FILE}.0 and ${STORE_FILE}.1: older than the journal, which knows of a later checkpoint: ${between}`,
    );
  }
  let damaged = false;
  let previous: FoundBatch | null = null;
  for (let number = firstBatch; number <= highest; number++) {
    const batch = found.get(number);
    if (batch?.corrected === true)
      reports.push(
        `${batch.path}: a bit in the header of batch ${number} at ${batch.position} was wrong; it is put right`,
      );
    const follows = batch !== undefined && (previous === null || batch.previousChecksum === previous.ownChecksum);
    if (batch !== undefined && follows && batch.bodySound) {
      batches.push({ body: batch.body, damaged: false, synced: number <= synced });
      previous = batch;
      continue;
    }
    if (number > synced) break; // the torn end: nothing of it was ever acknowledged
    previous = null;
    damaged = true;
    if (batch === undefined) {
      const body = bodyBetween(found.get(number - 1), found.get(number + 1));
      if (body === null) {
        reports.push(`journal: batch ${number} of epoch ${epoch} cannot be found, although it had been synced`);
      } else {
        reports.push(`journal: the header of batch ${number} of epoch ${epoch} is damaged; its sound records are kept`);
        batches.push({ body, damaged: true, synced: true });
      }
    } else {
      reports.push(`${batch.path}: batch ${number} at ${batch.position} is damaged; its sound records are kept`);
      batches.push({ body: batch.body, damaged: true, synced: true });
    }
  }
  return { batches, damaged, reports, nextBatch: highest + 1 };
}

/**
 * What one batch with a damaged header left between its neighbours: all of it, since a segment is written from its beginning
 * without holes. Null when one of the neighbours is missing, or the batch was the last of its segment, whose end is not known.
 */
function bodyBetween(before: FoundBatch | undefined, after: FoundBatch | undefined): Uint8Array | null {
  if (before === undefined || after === undefined) return null;
  const start = before.path === after.path ? before.position + BATCH_HEADER_BYTES + before.body.length : 0;
  if (after.position - start < BATCH_HEADER_BYTES) return null;
  const segmentAt = after.body.byteOffset - BATCH_HEADER_BYTES - after.position;
  const length = after.position - start - BATCH_HEADER_BYTES;
  return new Uint8Array(after.body.buffer, segmentAt + start + BATCH_HEADER_BYTES, length);
}

/** Walks along the sound records of a batch; in a damaged one, looks for the next sound one after each piece of damage. */
class RecordWalk {
  readonly body: Uint8Array;
  /** Where the record is. */
  at = 0;
  length = 0;
  #view: DataView;
  /** The records of a batch that is not damaged need no check. */
  #damaged: boolean;

  constructor({ body, damaged }: JournalBatch) {
    this.body = body;
    this.#view = viewOf(body);
    this.#damaged = damaged;
  }

  /** Goes to the next record, at first to the first one; returns whether there is one. */
  next(): boolean {
    const { body } = this;
    for (this.at += aligned(this.length); this.at < body.length; this.at += 8) {
      this.length = this.#damaged ? soundRecord(this.#view, this.at, body.length) : u32(body, this.at + 4);
      if (this.length > 0) return true;
    }
    return false;
  }
}

/** The records of a whole journal, in order. Whoever walks lets others run when it is {@link due}. */
export class JournalWalk {
  readonly #batches: Iterator<JournalBatch>;
  readonly #slices: Slices;
  #records = 0;
  #batch: JournalBatch | null = null;
  #walk: RecordWalk | null = null;

  constructor(content: JournalContent, slices: Slices) {
    this.#batches = content.batches.values();
    this.#slices = slices;
  }

  /** Goes to the next record, at first to the first one; returns whether there is one. */
  next(): boolean {
    this.#records++;
    while (this.#walk?.next() !== true) {
      const { value, done } = this.#batches.next();
      if (done === true) return false;
      this.#batch = value;
      this.#walk = new RecordWalk(value);
    }
    return true;
  }

  /** Whether it is time to pause; the clock is asked every few records. */
  get due(): boolean {
    return this.#records % RECORDS_PER_LOOK === 0 && this.#slices.due;
  }

  /** The batch that the record is in. */
  get batch(): JournalBatch {
    return this.#batch!;
  }

  /** Where in the batch's body the record is. */
  get at(): number {
    return this.#walk!.at;
  }

  get length(): number {
    return this.#walk!.length;
  }
}

async function* readSegment(
  disk: Disk,
  path: string,
  store: number,
  epoch: number,
  slices: Slices,
): AsyncGenerator<FoundBatch> {
  const bytes = await readWholeInSlices(disk, path, slices, (file, into, start, length, position) =>
    readAround(file, into, start, length, position, (offset, _count, error) => {
      throw unreadableConfirmed(disk, path, offset, error);
    }),
  );
  const view = viewOf(bytes);
  let looked = 0;
  /** Where a batch must begin if there is another one. */
  let next = 0;
  for (let at = 0; at + BATCH_HEADER_BYTES <= bytes.length; ) {
    if (at - looked > PIECE_BYTES) {
      looked = at;
      if (slices.due) await slices.pause();
    }
    let bodyBytes = soundHeader(view, at, store, epoch);
    const corrected = bodyBytes < 0 && at === next && correctHeader(view, at, store, epoch);
    if (corrected) bodyBytes = soundHeader(view, at, store, epoch);
    if (bodyBytes < 0) {
      at += 8;
      continue;
    }
    const start = at + BATCH_HEADER_BYTES;
    const bodySound = hasChain(view, start, start + bodyBytes, u32(bytes, at + 36));
    yield {
      number: u64(bytes, at + 16),
      synced: u64(bytes, at + 24),
      generation: u32(bytes, at + 44),
      previousChecksum: u32(bytes, at + 40),
      ownChecksum: checksum(view, at, at + 4),
      path,
      position: at,
      body: bytes.subarray(start, start + bodyBytes),
      bodySound,
      corrected,
    };
    next = start + bodyBytes;
    // What follows a body that is not sound need not be its batch's neighbour: look at every place.
    at = bodySound ? start + bodyBytes : start;
  }
}

/** Length of the body, or -1 when there is no sound header of that store and epoch. */
function soundHeader(view: DataView, at: number, store: number, epoch: number): number {
  // The cheap comparison first.
  if (view.getUint32(at + 12, true) !== epoch || !isHeader(view, at, store)) return -1;
  const bodyBytes = view.getUint32(at + 32, true);
  return bodyBytes % 8 === 0 && at + BATCH_HEADER_BYTES + bodyBytes <= view.byteLength ? bodyBytes : -1;
}

function isHeader(view: DataView, at: number, store: number): boolean {
  if (view.getUint32(at + 4, true) !== MAGIC_BATCH || view.getUint32(at + 8, true) !== store) return false;
  return checksum(view, at + 4, at + BATCH_HEADER_BYTES) === view.getUint32(at, true);
}

/** Epoch of the batch whose header this is; -1: it is not that of a batch of the store. */
export function epochOf(header: Uint8Array, store: number): number {
  return isHeader(viewOf(header), 0, store) ? u32(header, 12) : -1;
}

/** Finds the one wrong bit of a header of that store and epoch and puts it right; returns whether there is just one. */
function correctHeader(view: DataView, at: number, store: number, epoch: number): boolean {
  // Nearly everywhere something else stands there: a header that is no batch's of this epoch has more bits wrong than one.
  const wrong = [MAGIC_BATCH, store, epoch].map((value, i) => bitCount(view.getUint32(at + 4 + i * 4, true) ^ value));
  if (wrong.reduce((sum, bits) => sum + bits, 0) > 1) return false;
  for (let bit = 0; bit < BATCH_HEADER_BYTES * 8; bit++) {
    flip(view, at, bit);
    if (soundHeader(view, at, store, epoch) >= 0) return true;
    flip(view, at, bit);
  }
  return false;
}

function flip(view: DataView, at: number, bit: number): void {
  view.setUint8(at + (bit >>> 3), view.getUint8(at + (bit >>> 3)) ^ (1 << (bit & 7)));
}

function bitCount(value: number): number {
  let count = 0;
  for (let left = value; left !== 0; left &= left - 1) count++;
  return count;
}
