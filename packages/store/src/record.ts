// One message as bytes: the same in a stream's block, in the journal and in memory. All numbers are little-endian.
//
//    0  u32  checksum of bytes 4 to `length`
//    4  u32  length of the record, padding left out; the next record begins at the next multiple of 8
//    8  u32  stream: the incarnation, a number that the store never gives twice
//   12  u32  block: number of the block the record belongs in
//   16  u32  offset: where in that block the record begins
//   20  u16  length of the subject
//   22  u8   flags: 1 has headers, 2 has a time to live, 4 follows a gap, 8 took away all earlier messages of its subject,
//            16 took away all earlier messages: kept with the message, so that the two are one; 32 what is behind the header is
//            sealed; 64 headers and payload are compressed, their lengths are those of the plain bytes
//   23  u8   kind: 0 for a message; the journal's own kinds are in file/control.ts
//   24  u64  sequence
//   32  u64  time: milliseconds since 1970 in bits 0 to 43, nanoseconds within the millisecond in bits 44 to 63
//   40  u32  length of the headers
//   44  u32  synced: how far the block was known to be durable when the record was made (file/block.ts)
//  [48  u64  how many sequences before this one never had a message   when flag 4 is set]
//  [..  u32  time to live in seconds, 0xffffffff: never expires; u32 0  when flag 2 is set]
//  then subject, headers, payload
//
// Invariant: a record is only believed when stream, block and offset say that it is where it was put and the checksum
// agrees, so that stale, misplaced and foreign bytes are noticed like damaged ones.

import { checksum } from "./checksum.ts";

export const RECORD_HEADER_BYTES = 48;
/** The part that all kinds of records share. */
export const COMMON_HEADER_BYTES = 24;

export const FLAG_HEADERS = 1;
export const FLAG_TTL = 2;
export const FLAG_GAP = 4;
export const FLAG_ROLLUP_SUBJECT = 8;
export const FLAG_ROLLUP_ALL = 16;
/** Subject, headers and payload are sealed: seal/sealer.ts. */
export const FLAG_SEALED = 32;
/** Headers and payload are one compressed block of Snappy. */
export const FLAG_COMPRESSED = 64;

export const KIND_MESSAGE = 0;

/** Longest record: what a length field may say before it is taken for damage. */
export const RECORD_BYTES_MAX: number = 128 * 1024 * 1024;
export const SUBJECT_BYTES_MAX = 0xffff;
/** As in the reference: headers of a stored message. */
export const HEADERS_BYTES_MAX = 0xffff;

/** A time to live that means "never expires, not even by age". */
export const TTL_NEVER = -1;
const TTL_NEVER_ON_DISK = 0xffffffff;
/** The longest time to live, 136 years. */
export const TTL_SECONDS_MAX: number = TTL_NEVER_ON_DISK - 1;
/** Times are kept in 44 bits of milliseconds and 20 of nanoseconds: up to the year 2527. */
export const TIME_MS_MAX: number = 2 ** 44 - 1;
export const TIME_SUB_NS_MAX = 999_999;

/** Rounds up to where the next record may begin. */
export function aligned(length: number): number {
  return length + (-length & 7);
}

/** Bytes of a record, padding left out. */
export function recordLength(dataBytes: number, gap: number, ttlSeconds: number): number {
  return RECORD_HEADER_BYTES + (gap > 0 ? 8 : 0) + (ttlSeconds !== 0 ? 8 : 0) + dataBytes;
}

/** Reads an unsigned 32-bit number. */
export function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

/** Reads a 64-bit number, exact up to 2^53. */
export function u64(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) + u32(bytes, at + 4) * 0x1_0000_0000;
}

export function putU64(bytes: Uint8Array, at: number, value: number): void {
  putU32(bytes, at, value >>> 0);
  putU32(bytes, at + 4, Math.floor(value / 0x1_0000_0000));
}

/** Where a record has its time. */
export const RECORD_TIME = 32;

/** When the last message of a stream was stored, whether or not it is still there. */
export interface LastTime {
  /** -1: there never was one. */
  readonly lastTimeMs: number;
  /** Nanoseconds within the millisecond. */
  readonly lastTimeSubNs: number;
}

/** No message was ever stored. */
export const NO_LAST_TIME: LastTime = Object.freeze({ lastTimeMs: -1, lastTimeSubNs: 0 });

/** What {@link putTime} writes for a time of -1: no time has that many nanoseconds. */
const NO_TIME = 0xffffffff;

/** Milliseconds of the time at `at`; -1: there is none. */
export function timeMsAt(bytes: Uint8Array, at: number): number {
  const high = u32(bytes, at + 4);
  return high === NO_TIME ? -1 : u32(bytes, at) + (high & 0xfff) * 0x1_0000_0000;
}

/** Nanoseconds within the millisecond of the time at `at`. */
export function timeSubNsAt(bytes: Uint8Array, at: number): number {
  const high = u32(bytes, at + 4);
  return high === NO_TIME ? 0 : high >>> 12;
}

/** Writes a time, in eight bytes. Through a view, because every append does it. */
export function putTime(numbers: DataView, at: number, timeMs: number, subNs: number): void {
  numbers.setUint32(at, timeMs, true);
  numbers.setUint32(at + 4, Math.floor(timeMs / 0x1_0000_0000) | (subNs << 12), true);
}

/** Sequences before the record's that never had a message. */
export function recordGap(bytes: Uint8Array, at: number): number {
  return (bytes[at + 22]! & FLAG_GAP) === 0 ? 0 : u64(bytes, at + RECORD_HEADER_BYTES);
}

/** Seconds; 0 when the record has none, {@link TTL_NEVER} for never. */
export function recordTtlSeconds(bytes: Uint8Array, at: number): number {
  const flags = bytes[at + 22]!;
  if ((flags & FLAG_TTL) === 0) return 0;
  const ttl = u32(bytes, at + RECORD_HEADER_BYTES + (flags & FLAG_GAP ? 8 : 0));
  return ttl === TTL_NEVER_ON_DISK ? TTL_NEVER : ttl;
}

/** Where the subject begins, counted from the record. */
export function recordDataOffset(flags: number): number {
  return RECORD_HEADER_BYTES + (flags & FLAG_GAP ? 8 : 0) + (flags & FLAG_TTL ? 8 : 0);
}

/** Writes the header's optional parts. The flags must have been put already. */
export function putRecordOptions(bytes: Uint8Array, at: number, gap: number, ttlSeconds: number): void {
  let p = at + RECORD_HEADER_BYTES;
  if (gap > 0) {
    putU64(bytes, p, gap);
    p += 8;
  }
  if (ttlSeconds !== 0) {
    putU32(bytes, p, ttlSeconds === TTL_NEVER ? TTL_NEVER_ON_DISK : ttlSeconds);
    putU32(bytes, p + 4, 0);
  }
}

/** Fills in length and checksum of a record that is otherwise complete, and zeroes the padding. */
export function sealRecord(view: DataView, at: number, length: number): void {
  view.setUint32(at + 4, length, true);
  for (let p = at + length, end = at + aligned(length); p < end; p++) view.setUint8(p, 0);
  view.setUint32(at, checksum(view, at + 4, at + length), true);
}

/**
 * Checks the framing and checksum of a record of any kind.
 *
 * @param limit - One past the last byte that may belong to it.
 * @returns Its length, or 0 when there is no sound record at `at`.
 */
export function soundRecord(view: DataView, at: number, limit: number): number {
  if (at + COMMON_HEADER_BYTES > limit) return 0;
  const length = view.getUint32(at + 4, true);
  if (length < COMMON_HEADER_BYTES || length > RECORD_BYTES_MAX || at + length > limit) return 0;
  return checksum(view, at + 4, at + length) === view.getUint32(at, true) ? length : 0;
}

/**
 * Checks a message's record, its place included.
 *
 * @returns Its length, or 0 when it is damaged or belongs somewhere else.
 */
export function soundMessage(
  view: DataView,
  at: number,
  limit: number,
  stream: number,
  block: number,
  offset: number,
): number {
  if (at + RECORD_HEADER_BYTES > limit) return 0;
  // The cheap comparisons first: when looking for the next sound record, nearly every place fails here.
  if (view.getUint32(at + 8, true) !== stream || view.getUint32(at + 12, true) !== block) return 0;
  if (view.getUint32(at + 16, true) !== offset || view.getUint8(at + 23) !== KIND_MESSAGE) return 0;
  const length = soundRecord(view, at, limit);
  if (length === 0) return 0;
  const flags = view.getUint8(at + 22);
  const headersBytes = (flags & FLAG_COMPRESSED) === 0 ? view.getUint32(at + 40, true) : 0;
  return recordDataOffset(flags) + view.getUint16(at + 20, true) + headersBytes <= length ? length : 0;
}
