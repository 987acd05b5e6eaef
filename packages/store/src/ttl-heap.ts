// Messages with a time to live of their own, earliest first: a binary heap in two typed arrays, 16 bytes per message.
// Messages that were removed meanwhile stay in it until their time; the owner finds them gone.

/** Sequences by the (monotonic) time they expire. */
export class TtlHeap {
  #due: Float64Array = new Float64Array(16);
  #seqs: Float64Array = new Float64Array(16);
  size = 0;

  add(dueMs: number, seq: number): void {
    if (this.size === this.#due.length) this.#grow();
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#due[parent]! <= dueMs) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#due[at] = dueMs;
    this.#seqs[at] = seq;
  }

  /** When the earliest expires; Infinity when there is none. */
  get nextDueMs(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.#due[0]!;
  }

  /** The sequence that expires earliest. There must be one. */
  get nextSeq(): number {
    return this.#seqs[0]!;
  }

  /** Takes the earliest out. There must be one. */
  take(): void {
    const dueMs = this.#due[--this.size]!;
    const moved = this.#seqs[this.size]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && this.#due[child + 1]! < this.#due[child]!) child++;
      if (this.#due[child]! >= dueMs) break;
      this.#move(child, at);
      at = child;
    }
    this.#due[at] = dueMs;
    this.#seqs[at] = moved;
  }

  /** Moves all times by so much. */
  shift(byMs: number): void {
    for (let i = 0; i < this.size; i++) this.#due[i]! += byMs;
  }

  clear(): void {
    this.size = 0;
  }

  #move(from: number, to: number): void {
    this.#due[to] = this.#due[from]!;
    this.#seqs[to] = this.#seqs[from]!;
  }

  #grow(): void {
    const due = new Float64Array(this.#due.length * 2);
    const seqs = new Float64Array(this.#due.length * 2);
    due.set(this.#due);
    seqs.set(this.#seqs);
    this.#due = due;
    this.#seqs = seqs;
  }
}
