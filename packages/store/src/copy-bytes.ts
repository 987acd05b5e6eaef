// Copies bytes. Most of what is copied here is short, and a call costs more than that.

/** Shorter ranges are copied byte by byte. */
const COPY_LOOP_BYTES_MAX = 48;

/** Copies `from[start, end)` to `into[at...]`; the two do not overlap. */
export function copyBytes(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): void {
  if (end - start <= COPY_LOOP_BYTES_MAX) for (let i = start, to = at; i < end; i++, to++) into[to] = from[i]!;
  else if (end - start === from.length) into.set(from, at);
  // Not `subarray`: that of a Buffer makes another Buffer, which takes a third longer.
  else into.set(new Uint8Array(from.buffer, from.byteOffset + start, end - start), at);
}
