// Scanning and comparing bytes four at a time. A typed array's element costs V8 some 1.5 ns with its checks; a DataView's
// 32-bit read costs the same for four bytes, aligned or not. Measured on subjects of 38 bytes: 58 ns against 14.

import { CR, LF, SPACE, TAB } from "./bytes.ts";

const ONES = 0x01010101;
const HIGH_BITS = 0x80808080;
/** One more than a blank, in each byte. */
const ABOVE_SPACE = 0x21212121;

/** A view of the same bytes as `bytes`, with the same offsets. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Where the word at `start` ends: at a blank, a tab or a line end, or at `end`.
 * Other control characters may stand in a word.
 */
export function wordEnd(view: DataView, start: number, end: number): number {
  let at = start;
  const last = end - 4;
  for (;;) {
    while (at <= last) {
      const word = view.getInt32(at, true);
      // The lowest bit set marks the first byte below 0x21; bits above it may be wrong (a borrow), it is not.
      const low = (word - ABOVE_SPACE) & ~word & HIGH_BITS;
      if (low !== 0) {
        at += (31 - Math.clz32(low & -low)) >>> 3;
        break;
      }
      at += 4;
    }
    if (at >= end) return end;
    const byte = view.getUint8(at);
    if (byte === SPACE || byte === CR || byte === LF || byte === TAB) return at;
    at++;
  }
}

/** Where the first `byte` stands from `start` on, or `end`. */
export function indexOfByte(view: DataView, byte: number, start: number, end: number): number {
  const pattern = Math.imul(byte, ONES);
  let at = start;
  const last = end - 4;
  while (at <= last) {
    const word = view.getInt32(at, true) ^ pattern;
    const zero = (word - ONES) & ~word & HIGH_BITS;
    if (zero !== 0) return at + ((31 - Math.clz32(zero & -zero)) >>> 3);
    at += 4;
  }
  while (at < end && view.getUint8(at) !== byte) at++;
  return at;
}

/** Whether `length` bytes are the same in both. Compares from the end: subjects with a common beginning mostly differ there. */
export function sameBytes(a: DataView, aStart: number, b: DataView, bStart: number, length: number): boolean {
  let left = length;
  while (left >= 4) {
    left -= 4;
    if (a.getInt32(aStart + left, true) !== b.getInt32(bStart + left, true)) return false;
  }
  while (left > 0) {
    left--;
    if (a.getUint8(aStart + left) !== b.getUint8(bStart + left)) return false;
  }
  return true;
}

/** Whether a 32-bit word read from bytes holds a byte equal to that in each byte of `pattern`. */
export function wordHas(word: number, pattern: number): boolean {
  const difference = word ^ pattern;
  return ((difference - ONES) & ~difference & HIGH_BITS) !== 0;
}
