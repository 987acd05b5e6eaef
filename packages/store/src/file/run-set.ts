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
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#lasts[middle]! < seq) low = middle + 1;
      else high = middle;
    }
    return low < this.#firsts.length && this.#firsts[low]! <= seq;
  }
}
