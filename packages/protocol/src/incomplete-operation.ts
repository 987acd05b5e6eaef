// The beginning of an operation whose rest has not come yet: copies of what was read, in the order it came, or the end of a
// block, where the next read may lie right behind it.

/** So many parts are put together: very many very small ones would cost more than their bytes. */
const PARTS_MAX = 1024;

/** What a parser could not parse yet. Empty between operations. */
export class IncompleteOperation {
  readonly #allocate: (size: number) => Uint8Array;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  /** Where the only part lies, when it did not have to be copied. */
  #block: Uint8Array | null = null;
  #blockEnd = 0;
  /** Bytes of the whole message; 0 while its line is not complete. */
  wantBytes = 0;

  /** @param allocate - Gives a block of exactly that many bytes, of any content. */
  constructor(allocate: (size: number) => Uint8Array) {
    this.#allocate = allocate;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether what stands in `block` from `start` on continues the only part, without a copy. */
  goesOnAt(block: Uint8Array, start: number): boolean {
    return this.#block === block && this.#blockEnd === start;
  }

  /** Begins with, or is now, `block[start, end)`, which nobody overwrites. */
  setTail(block: Uint8Array, start: number, end: number): void {
    this.#parts = [block.subarray(start, end)];
    this.#bytes = end - start;
    this.#block = block;
    this.#blockEnd = end;
  }

  /** Copies it to the front of a fresh block, if it fits there; returns its bytes, or 0. See `MessageParser.carryOver`. */
  carryOver(block: Uint8Array): number {
    const bytes = this.#bytes;
    // A line, whose length is not known yet, leaves half of the block for the rest of it.
    const roomBytes = this.wantBytes > 0 ? this.wantBytes : bytes * 2;
    if (this.#block === null || roomBytes > block.length) return 0;
    block.set(this.#parts[0] as Uint8Array, 0);
    this.setTail(block, 0, bytes);
    return bytes;
  }

  /** Adds bytes that nobody overwrites. */
  add(part: Uint8Array): void {
    this.#block = null;
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#parts.length >= PARTS_MAX) this.#parts = [this.#concat(0)];
  }

  /** Its first bytes, four at least if it has so many. */
  first(): Uint8Array {
    if ((this.#parts[0] as Uint8Array).length < 4) this.#parts = [this.#concat(0)];
    return this.#parts[0] as Uint8Array;
  }

  /** Takes everything out as one block with `room` more bytes at its end. */
  take(room: number): Uint8Array {
    const block = this.#concat(room);
    this.clear();
    return block;
  }

  clear(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#block = null;
    this.wantBytes = 0;
  }

  #concat(room: number): Uint8Array {
    const block = this.#allocate(this.#bytes + room);
    let at = 0;
    for (const part of this.#parts) {
      block.set(part, at);
      at += part.length;
    }
    return block;
  }
}
