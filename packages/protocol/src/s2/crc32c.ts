// CRC-32C (Castagnoli), the checksum of S2 streams. Node's zlib has the other CRC-32 only.

/** The polynomial, its lowest bit first. */
const POLYNOMIAL = 0x82f63b78;
const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? POLYNOMIAL : 0);
  return rest;
});

/** The checksum of `bytes[start, end)`, about 2 ns a byte. @returns 0 to 2^32 - 1. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let rest = 0xffffffff;
  for (let i = start; i < end; i++) rest = (rest >>> 8) ^ TABLE[(rest ^ bytes[i]!) & 0xff]!;
  return (rest ^ 0xffffffff) >>> 0;
}
