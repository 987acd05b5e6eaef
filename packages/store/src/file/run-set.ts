// A set of sequences, as sorted runs.

/** Sequences as runs that do not touch each other, in order. */
export class RunSet {
  #firsts: number[] = [];
  #lasts: number[] = [];

  /** @param runs - First sequence and count, in any order; they may overlap. */
  constructor(runs: Iterable<readonly [first: number, count: number]>) {
    const sorted = [...runs].sort((a, b) => a[0] - b[0]);
    for (const [first, count] of sorted) {
      const last = first + count - 1;
      const end = this.#lasts.length - 1;
      if (end >= 0 && first <= this.#lasts[end]! + 1) {
        this.#lasts[end] = Math.max(this.#lasts[end]!, last);
      } else {
        this.#firsts.push(first);
        this.#lasts.push(last);
      }
    }
  }

  has(seq: number): boolean {
    return this.lastFrom(seq) >= 0;
  }

  /** Last sequence of the run that `seq` is in; -1: it is in none. */
  lastFrom(seq: number): number {
    const at = this.#position(seq);
    return at < this.#firsts.length && this.#firsts[at]! <= seq ? this.#lasts[at]! : -1;
  }

  /** The first sequence in the set at or after `seq`; Infinity when there is none. */
  next(seq: number): number {
    const first = this.#firsts[this.#position(seq)];
    return first === undefined ? Number.POSITIVE_INFINITY : Math.max(first, seq);
  }

  /** Position of the first run that ends at or after `seq`. */
  #position(seq: number): number {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#lasts[middle]! < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
