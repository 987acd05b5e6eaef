// A chunk of an index file (index-chunk.ts) in an encrypted store: what follows its header is sealed, subjects above all. The header, which
// is bound to the seal, and the checksum, which is that of the sealed bytes, work as they do in the clear.

import { checksum, viewOf } from "../checksum.ts";
import { putU32, u32 } from "../record.ts";
import { SEAL_BYTES, type Sealer } from "../seal/sealer.ts";

export const CHUNK_HEADER_BYTES = 80;
/** Zeros that are sealed with the rest, so that chunks stay multiples of 8. */
const PADDING_BYTES = 4;

/** The sealed form of a chunk. */
export function sealChunk(chunk: Uint8Array, sealer: Sealer): Uint8Array {
  const bytes = new Uint8Array(chunk.length + PADDING_BYTES + SEAL_BYTES);
  bytes.set(chunk);
  putU32(bytes, 24, bytes.length);
  sealer.seal(bytes, CHUNK_HEADER_BYTES, bytes.length - SEAL_BYTES, bytes.subarray(4, CHUNK_HEADER_BYTES));
  putU32(bytes, 0, checksum(viewOf(bytes), 4, bytes.length));
  return bytes;
}

/**
 * Opens a chunk where it stands; its checksum has been checked.
 *
 * @returns False when its seal is broken.
 */
export function openChunk(bytes: Uint8Array, at: number, sealer: Sealer): boolean {
  const start = at + CHUNK_HEADER_BYTES;
  const end = at + u32(bytes, at + 24) - SEAL_BYTES;
  return end >= start && sealer.open(bytes, start, end, bytes.subarray(at + 4, start), bytes, start);
}
