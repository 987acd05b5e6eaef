// Views of the blocks that messages come in. `bytes.buffer` is a call into the engine, a fifth of what a message costs, so
// the last block's ArrayBuffer is remembered: messages are mostly read in the order they came.

/** A larger block is not remembered: it would be kept alive. */
const BLOCK_KEPT_BYTES_MAX = 256 * 1024;

/** Makes views of ranges. One belongs to each connection and keeps one block alive. */
export class BlockViews {
  #block: Uint8Array | null = null;
  #buffer: ArrayBufferLike = new ArrayBuffer(0);
  #offset = 0;

  /** A plain view of `block[start, end)`: no copy. */
  of(block: Uint8Array, start: number, end: number): Uint8Array {
    if (this.#block !== block) {
      if (block.length > BLOCK_KEPT_BYTES_MAX)
        return new Uint8Array(block.buffer, block.byteOffset + start, end - start);
      this.#block = block;
      this.#buffer = block.buffer;
      this.#offset = block.byteOffset;
    }
    return new Uint8Array(this.#buffer, this.#offset + start, end - start);
  }
}
