// Messages with a time to live of their own, earliest first: a binary heap in typed arrays, 16 bytes per message, in pages, so that
// growing never copies millions. Messages that were removed meanwhile stay in it; the owner finds them gone (ttl-queue.ts).

/** A message is two numbers: when it expires, and its sequence. */
const NUMBERS = 2;
const PAGE_BITS = 13;
const PAGE_MESSAGES = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_MESSAGES - 1;
/** The first page begins with so many messages and doubles. */
const PAGE_MESSAGES_START = 16;

/** Sequences by the (monotonic) time they expire. */
export class TtlHeap {
  #pages: Float64Array[] = [new Float64Array(PAGE_MESSAGES_START * NUMBERS)];
  /** What times in the pages are short of. */
  #shiftMs = 0;
  size = 0;

  add(dueMs: number, seq: number): void {
    const kept = dueMs - this.#shiftMs;
    let at = this.size++;
    if (at >>> PAGE_BITS === this.#pages.length) this.#pages.push(new Float64Array(PAGE_MESSAGES * NUMBERS));
    else if ((at & PAGE_MASK) * NUMBERS === this.#pages[at >>> PAGE_BITS]!.length) this.#growFirst();
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#due(parent) <= kept) break;
      this.#put(at, this.#due(parent), this.#seq(parent));
      at = parent;
    }
    this.#put(at, kept, seq);
  }

  /** When the earliest expires; Infinity when there is none. */
  get nextDueMs(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.#due(0) + this.#shiftMs;
  }

  /** The sequence that expires earliest. There must be one. */
  get nextSeq(): number {
    return this.#seq(0);
  }

  /** Takes the earliest out. There must be one. */
  take(): void {
    const due = this.#due(--this.size);
    const seq = this.#seq(this.size);
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && this.#due(child + 1) < this.#due(child)) child++;
      if (this.#due(child) >= due) break;
      this.#put(at, this.#due(child), this.#seq(child));
      at = child;
    }
    this.#put(at, due, seq);
    this.#trim();
  }

  /** An entry that nothing comes after: it can be taken out at once. There must be one. */
  get lastDueMs(): number {
    return this.#due(this.size - 1) + this.#shiftMs;
  }

  /** The sequence of the same. */
  get lastSeq(): number {
    return this.#seq(this.size - 1);
  }

  /** Takes the same out. */
  takeLast(): void {
    this.size--;
    this.#trim();
  }

  /** Moves all times by so much. */
  shift(byMs: number): void {
    this.#shiftMs += byMs;
  }

  clear(): void {
    this.size = 0;
    this.#pages.length = 1;
  }

  #trim(): void {
    // One page more than needed is kept: messages may come and go around its edge.
    const pages = (this.size >>> PAGE_BITS) + 2;
    if (this.#pages.length > pages) this.#pages.length = pages;
  }

  #due(at: number): number {
    return this.#pages[at >>> PAGE_BITS]![(at & PAGE_MASK) * NUMBERS]!;
  }

  #seq(at: number): number {
    return this.#pages[at >>> PAGE_BITS]![(at & PAGE_MASK) * NUMBERS + 1]!;
  }

  #put(at: number, due: number, seq: number): void {
    const page = this.#pages[at >>> PAGE_BITS]!;
    page[(at & PAGE_MASK) * NUMBERS] = due;
    page[(at & PAGE_MASK) * NUMBERS + 1] = seq;
  }

  #growFirst(): void {
    const larger = new Float64Array(this.#pages[0]!.length * 2);
    larger.set(this.#pages[0]!);
    this.#pages[0] = larger;
  }
}
