// The sequences of a stream whose messages were lost to damage, as runs: one damaged place may cost a stretch of any length.

/** Sequences that follow each other, both ends included. */
export type SeqRun = readonly [first: number, last: number];

/** Runs in order, which neither overlap nor touch each other. */
export class LostRuns {
  #runs: SeqRun[] = [];

  /** Adds `[first, last]`; some of it may be there already. */
  add(first: number, last: number): void {
    // Those that it overlaps or touches become one with it.
    const from = this.#position(first - 1);
    let to = from;
    let [start, end] = [first, last];
    for (; to < this.#runs.length && this.#runs[to]![0] <= last + 1; to++) {
      start = Math.min(start, this.#runs[to]![0]);
      end = Math.max(end, this.#runs[to]![1]);
    }
    this.#runs.splice(from, to - from, [start, end]);
  }

  /** The first sequence in it; Infinity when there is none. */
  get first(): number {
    return this.#runs[0]?.[0] ?? Number.POSITIVE_INFINITY;
  }

  /** The last one; 0 when there is none. */
  get last(): number {
    return this.#runs.at(-1)?.[1] ?? 0;
  }

  /** Whether any of these sequences is in it. */
  overlaps(first: number, last: number): boolean {
    const run = this.#runs[this.#position(first)];
    return run !== undefined && run[0] <= last;
  }

  /** What of `[first, last]` is not in it, in order. */
  *outside(first: number, last: number): Generator<SeqRun> {
    let from = first;
    for (let i = this.#position(first); i < this.#runs.length && this.#runs[i]![0] <= last; i++) {
      if (this.#runs[i]![0] > from) yield [from, this.#runs[i]![0] - 1];
      from = this.#runs[i]![1] + 1;
    }
    if (from <= last) yield [from, last];
  }

  /** Forgets what is not in `[from, to]`; returns whether anything was. Costs nothing when nothing is. */
  keep(from: number, to: number): boolean {
    const runs = this.#runs;
    if (runs.length === 0 || (runs[0]![0] >= from && runs.at(-1)![1] <= to)) return false;
    this.#runs = runs
      .map(([first, last]) => [Math.max(first, from), Math.min(last, to)] as const)
      .filter(([first, last]) => first <= last);
    return true;
  }

  /** The runs as they are now. */
  list(): SeqRun[] {
    return [...this.#runs];
  }

  /** Position of the first run that ends at or after `seq`. */
  #position(seq: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]![1] < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
