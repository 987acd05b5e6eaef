// What the journal says besides messages. Each begins with the part that all records share (record.ts): checksum, length, stream; the
// kind says what follows at byte 24. Where messages have block and offset, at byte 12, there is a u64: of kinds 1 and 2 the last record
// that the stream had, on which it depends. It counts only where that record is there, too: a message that was written to its
// block may be lost when the journal's batch is not, and must not have taken anything away then. 0: it always counts.
//
//   1 removed     runs of sequences, 12 bytes each: u53 first, u43 count; of the count, the upper 11 bits stand first, above the sequence's
//   2 bounds      u64 first sequence: everything below is gone; u64 last sequence given, or 0: as the messages say; u64 time of the last
//                 message stored, as in a record; all bits set: as the messages say
//   3 truncated   u64 last sequence: everything after it is gone
//   4 deleted     the stream is gone
//   5 consumer    u16 length of the name, u8 1 when a state follows (0: deleted), u8 0, name, state; sealed in an encrypted store: then
//                 flag 32 is set. The others tell nothing but sequences and numbers, which stand in the clear in every record.
//   6 described   u64 generation of the description (meta) that is durable

import { viewOf } from "../checksum.ts";
import {
  aligned,
  COMMON_HEADER_BYTES,
  FLAG_SEALED,
  type LastTime,
  putTime,
  putU16,
  putU32,
  putU64,
  sealRecord,
  timeMsAt,
  timeSubNsAt,
  u16,
  u32,
  u64,
} from "../record.ts";
import { SEAL_BYTES, type Sealer } from "../seal/sealer.ts";
import type { Slices } from "../slices.ts";
import type { SeqRuns } from "./seq-runs.ts";

export const KIND_REMOVED = 1;
export const KIND_BOUNDS = 2;
export const KIND_TRUNCATED = 3;
export const KIND_DELETED = 4;
export const KIND_CONSUMER = 5;
export const KIND_DESCRIBED = 6;

/** Where it stands which record of the stream has to be there. */
const AFTER = 12;
const RUN_BYTES = 12;
const BOUNDS_BYTES = 24;
/** What the seals of consumers' states are for. */
const CONSUMER = Buffer.from("consumer");
/** Sequences in one run: its count has so many bits in the upper word of its first sequence, and 32 behind. */
const COUNT_HIGH_BITS = 11;
const RUN_MAX = 2 ** (COUNT_HIGH_BITS + 32) - 1;
/** Bits of a sequence in that word. */
const SEQ_HIGH_BITS = 32 - COUNT_HIGH_BITS;
const SEQ_HIGH_MASK = (1 << SEQ_HIGH_BITS) - 1;
const WORD = 0x1_0000_0000;
/** Runs in one record: keeps records small enough for a batch. */
const RUNS_MAX = 512;

/** What a record of kind {@link KIND_BOUNDS} says. */
export interface Bounds {
  /** Everything below is gone. */
  readonly firstSeq: number;
  /** Last sequence given; 0: as the messages say. */
  readonly lastSeq: number;
  /** None: as the messages say. */
  readonly lastTime: LastTime;
}

/** Control records of a turn, waiting to be put into a batch. */
export class ControlBuffer {
  bytes: Uint8Array = new Uint8Array(1024);
  length = 0;
  /** The record of runs that is being made: how many it has, where it begins and ends. */
  #runs = 0;
  #runsStart = 0;
  #runsEnd = 0;

  /**
   * Sequences that were taken away.
   *
   * @param after - The stream's last record.
   */
  removed(stream: number, seqs: SeqRuns, after: number): void {
    for (let run = 0; run < seqs.length; run++) this.addRun(stream, seqs.first(run), seqs.count(run), after);
    this.endRuns();
  }

  /** The same, a run at a time; {@link endRuns} comes after the last one. */
  addRun(stream: number, first: number, count: number, after = 0): void {
    for (let done = 0; done < count; done += RUN_MAX) {
      if (this.#runs === RUNS_MAX) this.endRuns();
      if (this.#runs === 0) {
        this.#runsStart = this.#begin(KIND_REMOVED, stream, RUNS_MAX * RUN_BYTES, after);
        this.#runsEnd = this.#runsStart + COMMON_HEADER_BYTES;
      }
      putRun(this.bytes, this.#runsEnd, first + done, Math.min(RUN_MAX, count - done));
      this.#runsEnd += RUN_BYTES;
      this.#runs++;
    }
  }

  /** A record without any runs. */
  noRuns(stream: number): void {
    const start = this.#begin(KIND_REMOVED, stream, 0);
    this.#end(start, start + COMMON_HEADER_BYTES);
  }

  /** Ends what {@link addRun} began. */
  endRuns(): void {
    if (this.#runs > 0) this.#end(this.#runsStart, this.#runsEnd);
    this.#runs = 0;
  }

  bounds(stream: number, { firstSeq, lastSeq, lastTime }: Bounds, after: number): void {
    const start = this.#begin(KIND_BOUNDS, stream, BOUNDS_BYTES, after);
    const at = start + COMMON_HEADER_BYTES;
    putU64(this.bytes, at, firstSeq);
    putU64(this.bytes, at + 8, lastSeq);
    putTime(viewOf(this.bytes), at + 16, lastTime.lastTimeMs, lastTime.lastTimeSubNs);
    this.#end(start, at + BOUNDS_BYTES);
  }

  truncated(stream: number, lastSeq: number): void {
    const start = this.#begin(KIND_TRUNCATED, stream, 8);
    putU64(this.bytes, start + COMMON_HEADER_BYTES, lastSeq);
    this.#end(start, start + COMMON_HEADER_BYTES + 8);
  }

  deleted(stream: number): void {
    const start = this.#begin(KIND_DELETED, stream, 0);
    this.#end(start, start + COMMON_HEADER_BYTES);
  }

  /** @param generation - Of the description, which is durable. */
  described(stream: number, generation: number): void {
    const start = this.#begin(KIND_DESCRIBED, stream, 8);
    putU64(this.bytes, start + COMMON_HEADER_BYTES, generation);
    this.#end(start, start + COMMON_HEADER_BYTES + 8);
  }

  /** @param sealer - Null: the store is not encrypted. */
  consumer(stream: number, name: string, state: Uint8Array | null, sealer: Sealer | null): void {
    const nameBytes = Buffer.from(name);
    const start = this.#begin(KIND_CONSUMER, stream, 4 + nameBytes.length + (state?.length ?? 0) + SEAL_BYTES);
    let at = start + COMMON_HEADER_BYTES;
    putU16(this.bytes, at, nameBytes.length);
    this.bytes[at + 2] = state === null ? 0 : 1;
    this.bytes[at + 3] = 0;
    this.bytes.set(nameBytes, at + 4);
    at += 4 + nameBytes.length;
    if (state !== null) {
      this.bytes.set(state, at);
      at += state.length;
    }
    if (sealer !== null) {
      this.bytes[start + 22] = FLAG_SEALED;
      sealer.seal(this.bytes, start + COMMON_HEADER_BYTES, at, CONSUMER);
      at += SEAL_BYTES;
    }
    this.#end(start, at);
  }

  clear(): void {
    this.length = 0;
  }

  #begin(kind: number, stream: number, bodyBytes: number, after = 0): number {
    const start = this.length;
    const needed = start + aligned(COMMON_HEADER_BYTES + bodyBytes);
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes.fill(0, start + 8, start + COMMON_HEADER_BYTES);
    putU32(this.bytes, start + 8, stream);
    putU64(this.bytes, start + AFTER, after);
    this.bytes[start + 23] = kind;
    return start;
  }

  #end(start: number, end: number): void {
    sealRecord(viewOf(this.bytes), start, end - start);
    this.length = start + aligned(end - start);
  }
}

/**
 * Gives the records of a tombstone file their numbers, each with that of the record before it: they depend on nothing, and have them where
 * it would say on what.
 *
 * @param number - Of the first of them.
 * @param previous - Of the record before that; 0: there is none.
 * @returns The next number.
 */
export async function numberRecords(
  { bytes, length }: ControlBuffer,
  number: number,
  previous: number,
  slices: Slices,
): Promise<number> {
  const view = viewOf(bytes);
  let [own, before] = [number, previous];
  for (let at = 0; at < length; at += aligned(u32(bytes, at + 4))) {
    if (slices.due) await slices.pause();
    putU32(bytes, at + AFTER, own);
    putU32(bytes, at + AFTER + 4, before);
    sealRecord(view, at, u32(bytes, at + 4));
    before = own++;
  }
  return own;
}

/** What {@link numberRecords} gave the record at `at`. */
export function recordNumbers(bytes: Uint8Array, at: number): { readonly number: number; readonly previous: number } {
  return { number: u32(bytes, at + AFTER), previous: u32(bytes, at + AFTER + 4) };
}

/** The sequence that a stream has to have for a record of kind {@link KIND_REMOVED} or {@link KIND_BOUNDS} to count; 0: any. */
export function dependsOn(bytes: Uint8Array, at: number): number {
  return u64(bytes, at + AFTER);
}

/** Visits the runs of a record of kind {@link KIND_REMOVED} whose framing has been checked. */
export function visitRuns(
  bytes: Uint8Array,
  at: number,
  length: number,
  visit: (first: number, count: number) => void,
): void {
  for (let p = at + COMMON_HEADER_BYTES; p + RUN_BYTES <= at + length; p += RUN_BYTES) {
    const high = u32(bytes, p + 4);
    visit(u32(bytes, p) + (high & SEQ_HIGH_MASK) * WORD, u32(bytes, p + 8) + (high >>> SEQ_HIGH_BITS) * WORD);
  }
}

function putRun(bytes: Uint8Array, at: number, first: number, count: number): void {
  putU32(bytes, at, first >>> 0);
  putU32(bytes, at + 4, (Math.floor(first / WORD) | (Math.floor(count / WORD) << SEQ_HIGH_BITS)) >>> 0);
  putU32(bytes, at + 8, count >>> 0);
}

/** Reads a record of kind {@link KIND_BOUNDS} whose framing has been checked. */
export function readBounds(bytes: Uint8Array, at: number): Bounds {
  const data = at + COMMON_HEADER_BYTES;
  const lastTime = { lastTimeMs: timeMsAt(bytes, data + 16), lastTimeSubNs: timeSubNsAt(bytes, data + 16) };
  return { firstSeq: u64(bytes, data), lastSeq: u64(bytes, data + 8), lastTime };
}

/**
 * Reads a record of kind {@link KIND_CONSUMER} whose framing has been checked.
 *
 * @param sealer - Null: the store is not encrypted.
 * @returns Null when its seal is broken.
 */
export function readConsumer(
  sealed: Uint8Array,
  start: number,
  sealedLength: number,
  sealer: Sealer | null,
): { name: string; state: Uint8Array | null } | null {
  let [bytes, at, length] = [sealed, start, sealedLength];
  if (sealer !== null) {
    length -= SEAL_BYTES;
    bytes = new Uint8Array(Math.max(length, COMMON_HEADER_BYTES));
    at = 0;
    const body = start + COMMON_HEADER_BYTES;
    if (length < COMMON_HEADER_BYTES + 4 || sealed[start + 22] !== FLAG_SEALED) return null;
    if (!sealer.open(sealed, body, start + length, CONSUMER, bytes, COMMON_HEADER_BYTES)) return null;
  }
  const nameStart = at + COMMON_HEADER_BYTES + 4;
  const nameEnd = nameStart + u16(bytes, at + COMMON_HEADER_BYTES);
  const name = Buffer.from(bytes.subarray(nameStart, nameEnd)).toString();
  const state = bytes[at + COMMON_HEADER_BYTES + 2] === 0 ? null : new Uint8Array(bytes.subarray(nameEnd, at + length));
  return { name, state };
}
