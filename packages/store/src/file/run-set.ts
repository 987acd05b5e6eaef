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

  /** The highest sequence in the set, or 0. */
  get max(): number {
    return this.#lasts.at(-1) ?? 0;
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

  /** The same question for sequences that only grow, without a search for each. */
  cursor(from: number): RunCursor {
    let run = 0;
    while (run < this.#firsts.length && this.#lasts[run]! < from) run++;
    return new RunCursor(this.#firsts, this.#lasts, run);
  }
}

/** Walks along a {@link RunSet}. */
export class RunCursor {
  #firsts: readonly number[];
  #lasts: readonly number[];
  #run: number;
  #first: number;
  #last: number;

  constructor(firsts: readonly number[], lasts: readonly number[], run: number) {
    this.#firsts = firsts;
    this.#lasts = lasts;
    this.#run = run;
    this.#first = firsts[run] ?? Number.POSITIVE_INFINITY;
    this.#last = lasts[run] ?? Number.POSITIVE_INFINITY;
  }

  /** Whether the set has `seq`, which is not below that of the call before. */
  has(seq: number): boolean {
    while (seq > this.#last) {
      this.#run++;
      this.#first = this.#firsts[this.#run] ?? Number.POSITIVE_INFINITY;
      this.#last = this.#lasts[this.#run] ?? Number.POSITIVE_INFINITY;
    }
    return seq >= this.#first;
  }
}
