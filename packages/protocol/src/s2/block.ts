// One block of S2: what the reference's `compression: s2` names. Written is the part of it that is Snappy, which every reader of
// either reads. By our own code, because messages are compressed one by one: zlib takes 20 us and more for a message of some
// hundred bytes before it has done anything.
//
//   length of the plain bytes, seven bits per byte, lowest first; then elements:
//     ......00  literal: length - 1 in the upper six bits (60 to 63: in the next 1 to 4 bytes), then the bytes
//     oooLLL01  copy of LLL + 4 bytes, offset in ooo and the next byte
//     000LLL01 00000000  the same with the offset of the copy before; LLL 5 to 7: more length in the next 1 to 3 bytes. S2 only: read,
//               never written
//     LLLLLL10  copy of LLLLLL + 1 bytes, offset in the next two bytes
//     LLLLLL11  the same, offset in the next four bytes: read, never written
//
// Formats: https://github.com/google/snappy/blob/main/format_description.txt, https://github.com/klauspost/compress/tree/master/s2

import { u32 } from "../bytes.ts";

const LITERAL = 0;
const COPY_1 = 1;
const COPY_2 = 2;
const TABLE_BITS_MIN = 8;
const TABLE_BITS_MAX = 14;
const OFFSET_MAX = 65_535;
/** The end of the input is left to a literal: so far behind it nothing has to be checked while looking for copies. */
const MARGIN_BYTES = 15;
const VARINT_BYTES_MAX = 5;
/** Shorter ranges are copied byte by byte: a call costs more than that. */
const COPY_LOOP_BYTES_MAX = 48;
/** Length of a repeated copy, less what its 0 to 3 bytes of length say. The first is in the element itself. */
const REPEAT_LENGTHS: readonly number[] = [0, 8, 260, 65_540];

/** Room that compressed bytes may need. */
export function compressedBytesMax(plainBytes: number): number {
  return 32 + plainBytes + Math.floor(plainBytes / 6);
}

/** Compresses to blocks of Snappy. Keeps its table between calls. */
export class SnappyEncoder {
  /** Where four bytes with that hash stood last, plus one. */
  readonly #table: Int32Array = new Int32Array(1 << TABLE_BITS_MAX);
  #into: Uint8Array = new Uint8Array(0);
  #at = 0;

  /**
   * Compresses `bytes[start, end)` into `into[0...]`, which has room for {@link compressedBytesMax}.
   *
   * @returns How many bytes that took.
   */
  encode(bytes: Uint8Array, start: number, end: number, into: Uint8Array): number {
    this.#into = into;
    this.#at = 0;
    this.#putLength(end - start);
    let literal = start;
    if (end - start > MARGIN_BYTES) literal = this.#copies(bytes, start, end);
    if (literal < end) this.#putLiteral(bytes, literal, end);
    return this.#at;
  }

  /** Returns where the bytes begin that are left. */
  #copies(bytes: Uint8Array, start: number, end: number): number {
    const bits = Math.min(TABLE_BITS_MAX, Math.max(TABLE_BITS_MIN, 32 - Math.clz32(end - start - 1)));
    const shift = 32 - bits;
    const table = this.#table.fill(0, 0, 1 << bits);
    const limit = end - MARGIN_BYTES;
    let literal = start;
    let at = start;
    while (at < limit) {
      // The longer nothing is found, the larger the steps: what cannot be compressed takes little time.
      let candidate = -1;
      for (let steps = 32; at < limit; at += steps++ >> 5) {
        const four = u32(bytes, at);
        const slot = Math.imul(four, 0x1e35a7bd) >>> shift;
        candidate = start + table[slot]! - 1;
        table[slot] = at - start + 1;
        if (candidate >= start && at - candidate <= OFFSET_MAX && u32(bytes, candidate) === four) break;
        candidate = -1;
      }
      if (candidate < 0) break;
      if (literal < at) this.#putLiteral(bytes, literal, at);
      let length = 4;
      while (at + length < end && bytes[at + length] === bytes[candidate + length]) length++;
      this.#putCopy(at - candidate, length);
      at += length;
      literal = at;
    }
    return literal;
  }

  #putLength(length: number): void {
    let rest = length;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#into[this.#at++] = (rest & 0x7f) | 0x80;
    this.#into[this.#at++] = rest;
  }

  #putLiteral(bytes: Uint8Array, start: number, end: number): void {
    const into = this.#into;
    const rest = end - start - 1;
    if (rest < 60) {
      into[this.#at++] = (rest << 2) | LITERAL;
    } else {
      const more = rest < 0x100 ? 1 : rest < 0x1_0000 ? 2 : rest < 0x100_0000 ? 3 : 4;
      into[this.#at++] = ((59 + more) << 2) | LITERAL;
      for (let i = 0; i < more; i++) into[this.#at++] = rest >>> (8 * i);
    }
    copyBytes(bytes, start, end, into, this.#at);
    this.#at += end - start;
  }

  #putCopy(offset: number, length: number): void {
    let rest = length;
    // What is left last must be 4 bytes or more: it may take the short form.
    for (; rest >= 68; rest -= 64) this.#putLongCopy(offset, 64);
    if (rest > 64) {
      this.#putLongCopy(offset, 60);
      rest -= 60;
    }
    if (rest >= 12 || offset >= 2048) {
      this.#putLongCopy(offset, rest);
    } else {
      this.#into[this.#at++] = ((offset >>> 8) << 5) | ((rest - 4) << 2) | COPY_1;
      this.#into[this.#at++] = offset;
    }
  }

  #putLongCopy(offset: number, length: number): void {
    this.#into[this.#at++] = ((length - 1) << 2) | COPY_2;
    this.#into[this.#at++] = offset;
    this.#into[this.#at++] = offset >>> 8;
  }
}

/** How many bytes a block in `bytes[start, end)` has when it is plain; -1 when it is no block. */
export function plainBytesOf(bytes: Uint8Array, start: number, end: number): number {
  return readLength(bytes, start, end).length;
}

function readLength(bytes: Uint8Array, start: number, end: number): { length: number; next: number } {
  let length = 0;
  for (let i = 0; i < VARINT_BYTES_MAX && start + i < end; i++) {
    const byte = bytes[start + i]!;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return length > 0xffffffff ? { length: -1, next: end } : { length, next: start + i + 1 };
  }
  return { length: -1, next: end };
}

/**
 * Makes a block in `bytes[start, end)` plain, into `into[at...]`, which has room for {@link plainBytesOf}.
 *
 * @returns False when it is no block: then `into` may hold anything there.
 */
export function decompress(bytes: Uint8Array, start: number, end: number, into: Uint8Array, at: number): boolean {
  const { length, next } = readLength(bytes, start, end);
  if (length < 0) return false;
  const stop = at + length;
  let from = next;
  let to = at;
  let offset = 0;
  while (from < end) {
    const tag = bytes[from++]!;
    if ((tag & 3) === LITERAL) {
      let count = tag >>> 2;
      if (count >= 60) {
        const more = count - 59;
        if (from + more > end) return false;
        count = numberAt(bytes, from, more);
        from += more;
      }
      count++;
      if (from + count > end || to + count > stop) return false;
      copyBytes(bytes, from, from + count, into, to);
      from += count;
      to += count;
      continue;
    }
    const more = (tag & 3) === COPY_1 ? 1 : (tag & 3) === COPY_2 ? 2 : 4;
    if (from + more > end) return false;
    const distance = (more === 1 ? (tag >>> 5) * 256 : 0) + numberAt(bytes, from, more);
    from += more;
    let count = more === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    if (distance === 0 && more === 1) {
      const lengthBytes = Math.max(0, count - 8);
      if (from + lengthBytes > end) return false;
      if (lengthBytes > 0) count = REPEAT_LENGTHS[lengthBytes]! + numberAt(bytes, from, lengthBytes);
      from += lengthBytes;
    } else {
      offset = distance;
    }
    if (offset === 0 || offset > to - at || to + count > stop) return false;
    // Byte by byte: a copy may reach into what it makes.
    for (const past = to + count; to < past; to++) into[to] = into[to - offset]!;
  }
  return to === stop;
}

/** A number of 1 to 4 bytes, lowest first. */
function numberAt(bytes: Uint8Array, at: number, count: number): number {
  let number = 0;
  for (let i = 0; i < count; i++) number += bytes[at + i]! * 2 ** (8 * i);
  return number;
}

function copyBytes(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): void {
  if (end - start > COPY_LOOP_BYTES_MAX) into.set(from.subarray(start, end), at);
  else for (let i = start, to = at; i < end; i++, to++) into[to] = from[i]!;
}
