// Where the sublist keeps the bytes of its tokens: one growing array with free lists, instead of an object per token.

const BLOCK = 8;
const START_BYTES = 1024;

/** Keeps byte strings by offset. Offsets stay valid until released; the array itself is replaced when it grows. */
export class ByteHeap {
  /** Read anew after each `keep`: growing replaces it. */
  view: DataView = new DataView(new ArrayBuffer(START_BYTES));
  #top = 0;
  /** Free offsets, by length in blocks. */
  readonly #free: Map<number, number[]> = new Map();

  /** Copies the bytes `[start, end)` of `source` in; costs O(length), amortised. */
  keep(source: DataView, start: number, end: number): number {
    const offset = this.#allocate(blocksOf(end - start));
    const { view } = this;
    for (let i = start, to = offset; i < end; i++, to++) view.setUint8(to, source.getUint8(i));
    return offset;
  }

  /** Gives back what `keep` returned for this many bytes. */
  release(offset: number, length: number): void {
    const blocks = blocksOf(length);
    const free = this.#free.get(blocks);
    if (free === undefined) this.#free.set(blocks, [offset]);
    else free.push(offset);
  }

  #allocate(blocks: number): number {
    const reused = this.#free.get(blocks)?.pop();
    if (reused !== undefined) return reused;
    const offset = this.#top;
    this.#top += blocks * BLOCK;
    if (this.#top > this.view.byteLength) this.#grow();
    return offset;
  }

  #grow(): void {
    let size = this.view.byteLength;
    while (size < this.#top) size *= 2;
    const bytes = new Uint8Array(size);
    bytes.set(new Uint8Array(this.view.buffer));
    this.view = new DataView(bytes.buffer);
  }
}

function blocksOf(length: number): number {
  return (length + BLOCK - 1) >>> 3;
}
