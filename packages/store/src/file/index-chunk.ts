// What the index knows of a stretch of a block, as bytes: the chunks of an index file (index-file.ts).
//
//    0  u32  checksum of bytes 4 to `length`
//    4  u32  magic
//    8  u32  version of this file
//   12  u32  store
//   16  u32  stream: the incarnation
//   20  u32  block
//   24  u32  length of the chunk, a multiple of 8
//   28  u32  where in the block its first slot begins, and
//   32  u32  one past its last record
//   36  u32  slots: sequences from the first one on, the last of which has a record
//   40  u64  sequence of the first slot
//   48  u32  offset and
//   52  u32  checksum of its first record
//   56  u32  offset and
//   60  u32  checksum of its last record
//   64  u32  subjects
//   68  u32  bytes of the subjects
//   72  u32  records with a time to live
//   76  u32  0
//   80  u32 for each slot: bits 0-22 offset / 8, 23 no record, 24 has headers, 25-27 padding, 28 has a time to live, 29 follows a gap
//       u32 for each slot: number of its subject in this chunk; 0xffffffff: the record has to be looked at
//       u16 for each subject: its length; then the subjects; then zeros up to a multiple of 8
//       u32 slot, u32 0, u64 milliseconds since 1970 when it expires, for each record with a time to live
//
// Invariant: it says where records are, never whether they were taken away: tombstones, bounds and the journal alone say that. A record
// that had no message when the chunk was written has no subject in it, so that an erased subject is nowhere.

import type { DiskFile } from "@myelin/platform";
import { checksum, viewOf } from "../checksum.ts";
import { copyBytes } from "../copy-bytes.ts";
import { ABSENT, type IndexBlock, OFFSET_MASK } from "../index/record-index.ts";
import type { SubjectTable } from "../index/subject-table.ts";
import {
  aligned,
  putU16,
  putU32,
  putU64,
  RECORD_HEADER_BYTES,
  RECORD_TIME,
  recordTtlSeconds,
  timeMsAt,
  u16,
  u32,
  u64,
} from "../record.ts";
import type { Sealer } from "../seal/sealer.ts";
import { MAGIC_INDEX } from "./format.ts";
import { CHUNK_HEADER_BYTES, openChunk } from "./sealed-chunk.ts";

/** Of another version is made anew. */
const INDEX_VERSION = 1;
const TTL_BYTES = 16;
/** Slots in one chunk: keeps the time for one well below a turn's. */
const CHUNK_SLOTS_MAX = 8 * 1024;
/** The same where each slot costs up to 1 us: subjects that are not in the processor's cache, times to live that stand in the records. */
const COSTLY_SLOTS_MAX = 2 * 1024;
/** More subjects are not in the cache. */
const SUBJECTS_CACHED = 16 * 1024;

/** How many slots of a block make a chunk. */
export function chunkSlots(block: IndexBlock, subjects: SubjectTable): number {
  return block.liveTtls > 0 || subjects.size > SUBJECTS_CACHED ? COSTLY_SLOTS_MAX : CHUNK_SLOTS_MAX;
}
/** The subject of a record that has to be looked at. */
const LOOK_AT_RECORD = 0xffffffff;
const LITTLE_ENDIAN: boolean = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
/** What the head of a record takes, its optional parts included. */
const RECORD_HEAD_BYTES = RECORD_HEADER_BYTES + 16;

/** One end of a chunk: a record that must be where the chunk says. */
export interface ChunkEnd {
  readonly seq: number;
  readonly offset: number;
  /** Bytes in the block, padding included. */
  readonly bytes: number;
  readonly checksum: number;
}

/** A chunk that was read. */
export interface IndexChunk {
  readonly from: number;
  readonly to: number;
  readonly slots: number;
  readonly firstSeq: number;
  readonly first: ChunkEnd;
  readonly last: ChunkEnd;
  /** Where in its file it ends. */
  readonly fileEnd: number;
  /** Bits of a slot's place. */
  place(slot: number): number;
  /** Bytes from a slot's record to the next; 0 where there is none. */
  slotBytes(slot: number): number;
  /** Number of the slot's subject; -1: look at the record. */
  subject(slot: number): number;
  /** Where a subject's bytes are in `bytes`. */
  readonly bytes: Uint8Array;
  subjectStart(subject: number): number;
  subjectEnd(subject: number): number;
  readonly subjects: number;
  /** Visits the records that expire. */
  visitTtls(visit: (slot: number, expiresMs: number) => void): void;
}

/** Heads of records that are neighbours are read together: a call for each would hold the event loop. */
const WINDOW_BYTES = 64 * 1024;

/** Writes chunks. One per store: it keeps what it needs between calls. */
export class ChunkEncoder {
  #store: number;
  readonly #window: Uint8Array = new Uint8Array(WINDOW_BYTES);
  /** For each subject id its number in the chunk plus one. */
  #numbers: Int32Array = new Int32Array(256);
  #ids: number[] = [];

  constructor(store: number) {
    this.#store = store;
  }

  /**
   * Encodes `slots` slots from `slot` on.
   *
   * @param file - The block: everything up to the end of the last slot is in it.
   * @returns Null when a record is not where it should be.
   */
  encode(
    incarnation: number,
    block: IndexBlock,
    slot: number,
    slots: number,
    subjects: SubjectTable,
    file: DiskFile,
  ): Uint8Array | null {
    const end = slot + slots;
    const from = block.offset(slot);
    const to = block.offset(end - 1) + block.slotBytes(end - 1);
    const firstSlot = firstRecord(block, slot);
    const first = recordHead(file, incarnation, block, firstSlot);
    const last = recordHead(file, incarnation, block, end - 1);
    if (first === null || last === null) return null;
    const ttls = this.#ttls(block, slot, end, file, incarnation);
    if (ttls === null) return null;
    const subjectBytes = this.#number(block, slot, end, subjects);
    const ids = this.#ids;
    const ttlStart = aligned(CHUNK_HEADER_BYTES + slots * 8 + ids.length * 2 + subjectBytes);
    const bytes = new Uint8Array(ttlStart + (ttls.length / 2) * TTL_BYTES);
    putU32(bytes, 4, MAGIC_INDEX);
    putU32(bytes, 8, INDEX_VERSION);
    putU32(bytes, 12, this.#store);
    putU32(bytes, 16, incarnation);
    putU32(bytes, 20, block.number);
    putU32(bytes, 24, bytes.length);
    putU32(bytes, 28, from);
    putU32(bytes, 32, to);
    putU32(bytes, 36, slots);
    putU64(bytes, 40, block.firstSeq + slot);
    putU32(bytes, 48, block.offset(firstSlot));
    putU32(bytes, 52, u32(first, 0));
    putU32(bytes, 56, block.offset(end - 1));
    putU32(bytes, 60, u32(last, 0));
    putU32(bytes, 64, ids.length);
    putU32(bytes, 68, subjectBytes);
    putU32(bytes, 72, ttls.length / 2);
    this.#putSlots(bytes, block, slot, end);
    this.#putSubjects(bytes, CHUNK_HEADER_BYTES + slots * 8, subjects);
    for (let i = 0; i < ttls.length; i += 2) {
      const at = ttlStart + (i / 2) * TTL_BYTES;
      putU32(bytes, at, ttls[i]!);
      putU64(bytes, at + 8, ttls[i + 1]!);
    }
    putU32(bytes, 0, checksum(viewOf(bytes), 4, bytes.length));
    return bytes;
  }

  /** Numbers the subjects of the messages in the chunk; returns how many bytes they have. */
  #number(block: IndexBlock, slot: number, end: number, subjects: SubjectTable): number {
    if (this.#numbers.length < subjects.idEnd) this.#numbers = new Int32Array(subjects.idEnd * 2);
    for (const id of this.#ids) this.#numbers[id] = 0;
    this.#ids = [];
    let bytes = 0;
    for (let i = slot; i < end; i++) {
      if (!block.isLive(i)) continue;
      const id = block.subject(i);
      if (this.#numbers[id] !== 0) continue;
      this.#ids.push(id);
      this.#numbers[id] = this.#ids.length;
      bytes += subjects.keyLength(id);
    }
    return bytes;
  }

  #putSlots(bytes: Uint8Array, block: IndexBlock, slot: number, end: number): void {
    let places = CHUNK_HEADER_BYTES;
    let numbers = CHUNK_HEADER_BYTES + (end - slot) * 4;
    for (let i = slot; i < end; i++, places += 4, numbers += 4) {
      const place = block.place(i);
      const live = (place & ABSENT) === 0;
      const exists = live || block.slotBytes(i) > 0;
      putU32(bytes, places, exists ? place & ~ABSENT : place);
      putU32(bytes, numbers, live ? this.#numbers[block.subject(i)]! - 1 : LOOK_AT_RECORD);
    }
  }

  #putSubjects(bytes: Uint8Array, start: number, subjects: SubjectTable): void {
    const ids = this.#ids;
    let at = start + ids.length * 2;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const length = subjects.keyLength(id);
      putU16(bytes, start + i * 2, length);
      const key = subjects.keyStart(id);
      copyBytes(subjects.keyBytes(id), key, key + length, bytes, at);
      at += length;
    }
  }

  /** Slots of messages that expire, each followed by when; null when a record is not where it should be. */
  #ttls(block: IndexBlock, slot: number, end: number, file: DiskFile, incarnation: number): number[] | null {
    const ttls: number[] = [];
    const window = this.#window;
    let from = 0;
    let to = 0;
    for (let i = slot; i < end; i++) {
      if (!block.isLive(i) || !block.hasTtl(i)) continue;
      const offset = block.offset(i);
      if (offset < from || offset + RECORD_HEAD_BYTES > to) {
        from = offset;
        to = offset + file.read(window, 0, WINDOW_BYTES, offset);
      }
      const head = checkedHead(window.subarray(offset - from, to - from), incarnation, block, i);
      if (head === null) return null;
      const seconds = recordTtlSeconds(head, 0);
      if (seconds > 0) ttls.push(i - slot, timeMsAt(head, RECORD_TIME) + seconds * 1000);
    }
    return ttls;
  }
}

function firstRecord(block: IndexBlock, slot: number): number {
  let first = slot;
  while (block.slotBytes(first) === 0) first++;
  return first;
}

/** The head of a record as the block has it; null when it is not the record's. */
function recordHead(file: DiskFile, incarnation: number, block: IndexBlock, slot: number): Uint8Array | null {
  const head = new Uint8Array(RECORD_HEAD_BYTES);
  file.read(head, 0, RECORD_HEAD_BYTES, block.offset(slot));
  return checkedHead(head, incarnation, block, slot);
}

/** Bytes that begin with the head of a record; null when it is not that slot's. */
function checkedHead(bytes: Uint8Array, incarnation: number, block: IndexBlock, slot: number): Uint8Array | null {
  if (bytes.length < RECORD_HEADER_BYTES || !headFits(bytes, incarnation, block.number, block.offset(slot)))
    return null;
  return u64(bytes, 24) === block.firstSeq + slot ? bytes : null;
}

function headFits(head: Uint8Array, incarnation: number, block: number, offset: number): boolean {
  return u32(head, 8) === incarnation && u32(head, 12) === block && u32(head, 16) === offset;
}

/**
 * Reads the chunks of an index file, one at a time, up to the first one that cannot be used.
 *
 * @param bytes - The chunks keep them; sealed ones are opened in place.
 * @param sealer - Null: the store is not encrypted.
 */
export function* decodeChunks(
  bytes: Uint8Array,
  store: number,
  incarnation: number,
  block: number,
  sealer: Sealer | null,
): Generator<IndexChunk> {
  let at = 0;
  while (at + CHUNK_HEADER_BYTES <= bytes.length && isSound(bytes, at, store, incarnation, block)) {
    if (sealer !== null && !openChunk(bytes, at, sealer)) return;
    const chunk = new Chunk(bytes, at);
    if (!chunk.consistent()) return;
    yield chunk;
    at = chunk.fileEnd;
  }
}

/** Where in an index file its sound chunks end, whatever store, stream and block they are for. Needs no key. */
export function soundChunksEnd(bytes: Uint8Array): number {
  let at = 0;
  while (at + CHUNK_HEADER_BYTES <= bytes.length) {
    if (!isSound(bytes, at, u32(bytes, at + 12), u32(bytes, at + 16), u32(bytes, at + 20))) break;
    at += u32(bytes, at + 24);
  }
  return at;
}

function isSound(bytes: Uint8Array, at: number, store: number, incarnation: number, block: number): boolean {
  const length = u32(bytes, at + 24);
  if (u32(bytes, at + 4) !== MAGIC_INDEX || length < CHUNK_HEADER_BYTES || at + length > bytes.length) return false;
  if (checksum(viewOf(bytes), at + 4, at + length) !== u32(bytes, at) || u32(bytes, at + 8) !== INDEX_VERSION)
    return false;
  return u32(bytes, at + 12) === store && u32(bytes, at + 16) === incarnation && u32(bytes, at + 20) === block;
}

class Chunk implements IndexChunk {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly slots: number;
  readonly firstSeq: number;
  readonly first: ChunkEnd;
  readonly last: ChunkEnd;
  readonly fileEnd: number;
  readonly subjects: number;
  readonly #places: Uint32Array;
  readonly #numbers: Uint32Array;
  readonly #subjectStarts: Uint32Array;
  readonly #ttls: number;
  readonly #ttlStart: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.fileEnd = at + u32(bytes, at + 24);
    this.from = u32(bytes, at + 28);
    this.to = u32(bytes, at + 32);
    this.slots = u32(bytes, at + 36);
    this.firstSeq = u64(bytes, at + 40);
    this.subjects = u32(bytes, at + 64);
    const lengths = at + CHUNK_HEADER_BYTES + this.slots * 8;
    this.#places = words(bytes, at + CHUNK_HEADER_BYTES, this.slots);
    this.#numbers = words(bytes, at + CHUNK_HEADER_BYTES + this.slots * 4, this.slots);
    let start = lengths + this.subjects * 2;
    this.#subjectStarts = new Uint32Array(this.subjects + 1);
    for (let i = 0; i < this.subjects; i++) {
      this.#subjectStarts[i] = start;
      start += u16(bytes, lengths + i * 2);
    }
    this.#subjectStarts[this.subjects] = start;
    let first = 0;
    while (first < this.slots && this.slotBytes(first) === 0) first++;
    this.first = this.#end(first, u32(bytes, at + 48), u32(bytes, at + 52));
    this.last = this.#end(this.slots - 1, u32(bytes, at + 56), u32(bytes, at + 60));
    this.#ttls = u32(bytes, at + 72);
    this.#ttlStart = at + aligned(start - at);
  }

  place(slot: number): number {
    return this.#places[slot]!;
  }

  slotBytes(slot: number): number {
    return this.#offset(slot + 1) - this.#offset(slot);
  }

  subject(slot: number): number {
    const number = this.#numbers[slot]!;
    return number === LOOK_AT_RECORD ? -1 : number;
  }

  subjectStart(subject: number): number {
    return this.#subjectStarts[subject]!;
  }

  subjectEnd(subject: number): number {
    return this.#subjectStarts[subject + 1]!;
  }

  visitTtls(visit: (slot: number, expiresMs: number) => void): void {
    for (let i = 0, at = this.#ttlStart; i < this.#ttls; i++, at += TTL_BYTES)
      visit(u32(this.bytes, at), u64(this.bytes, at + 8));
  }

  /** Whether offsets follow each other and subjects are there: a sound checksum alone does not say so. */
  consistent(): boolean {
    if (this.slots === 0 || this.#offset(0) !== this.from || this.first.offset !== this.from) return false;
    if (this.last.offset !== this.#offset(this.slots - 1)) return false;
    const places = this.#places;
    const numbers = this.#numbers;
    let offset = this.from;
    for (let slot = 0; slot < places.length; slot++) {
      const next = this.#offset(slot + 1);
      const exists = (places[slot]! & ABSENT) === 0;
      if (exists ? next - offset < RECORD_HEADER_BYTES : next !== offset) return false;
      if (numbers[slot]! >= this.subjects && numbers[slot] !== LOOK_AT_RECORD) return false;
      offset = next;
    }
    return true;
  }

  #end(slot: number, offset: number, checksum: number): ChunkEnd {
    return { seq: this.firstSeq + slot, offset, bytes: this.slotBytes(slot), checksum };
  }

  #offset(slot: number): number {
    return slot === this.slots ? this.to : (this.#places[slot]! & OFFSET_MASK) * 8;
  }
}

/** Reads little-endian numbers; as one copy where that is the machine's own order. */
function words(bytes: Uint8Array, at: number, count: number): Uint32Array {
  const result = new Uint32Array(count);
  if (LITTLE_ENDIAN) new Uint8Array(result.buffer).set(bytes.subarray(at, at + count * 4));
  else for (let i = 0; i < count; i++) result[i] = u32(bytes, at + i * 4);
  return result;
}
