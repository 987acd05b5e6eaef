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

/** What one copies from again and again. Asking an array where its memory is takes as long as copying 200 bytes of it: here once. */
export class CopySource {
  bytes: Uint8Array = new Uint8Array(0);
  #memory: ArrayBufferLike = this.bytes.buffer;
  #offset = 0;

  /** From now on. Keeps the array. */
  use(bytes: Uint8Array): void {
    if (bytes === this.bytes) return;
    this.bytes = bytes;
    this.#memory = bytes.buffer;
    this.#offset = bytes.byteOffset;
  }

  /** Copies `bytes[start, end)` to `into[at...]`; the two do not overlap. */
  copy(start: number, end: number, into: Uint8Array, at: number): void {
    const { bytes } = this;
    if (end - start <= COPY_LOOP_BYTES_MAX) for (let i = start, to = at; i < end; i++, to++) into[to] = bytes[i]!;
    else if (end - start === bytes.length) into.set(bytes, at);
    else into.set(new Uint8Array(this.#memory, this.#offset + start, end - start), at);
  }
}
