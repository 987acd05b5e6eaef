// Ids that are free, newest first, in chunks: a JavaScript array of a million copies itself where it grows, which holds the event loop.

const CHUNK_BITS = 12;
const CHUNK_IDS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_IDS - 1;
/** The first chunk begins with so many and doubles: most streams have few. */
const CHUNK_IDS_START = 8;

/** A stack of ids. */
export class IdStack {
  #chunks: Int32Array[] = [];
  #length = 0;

  push(id: number): void {
    const number = this.#length >>> CHUNK_BITS;
    const place = this.#length & CHUNK_MASK;
    const chunk = this.#chunks[number];
    if (chunk === undefined) this.#chunks.push(new Int32Array(number === 0 ? CHUNK_IDS_START : CHUNK_IDS));
    else if (place === chunk.length) this.#grow(number, chunk);
    this.#chunks[number]![place] = id;
    this.#length++;
  }

  /** Takes the newest one; undefined when there is none. */
  pop(): number | undefined {
    if (this.#length === 0) return undefined;
    this.#length--;
    return this.#chunks[this.#length >>> CHUNK_BITS]![this.#length & CHUNK_MASK];
  }

  #grow(number: number, chunk: Int32Array): void {
    const larger = new Int32Array(chunk.length * 2);
    larger.set(chunk);
    this.#chunks[number] = larger;
  }
}
