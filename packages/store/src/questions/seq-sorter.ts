// Sorts sequences in slices: short runs as they come, then runs are merged.

/** Sequences of a run: sorting it takes half a millisecond. */
const RUN_SEQS = 8192;
/** Sequences merged between two places to pause. */
const SEQS_PER_STEP = 512;

/** Takes sequences in any order and gives them back in theirs. Takes 16 bytes per sequence, without a limit. */
export class SeqSorter {
  #runs: Float64Array[] = [];
  /** The run that is being filled, how far, and whether it is in order. */
  #newest: Float64Array = new Float64Array(0);
  #used = 0;
  #isOrdered = true;

  add(seq: number): void {
    if (this.#used === this.#newest.length) this.#begin();
    if (this.#used > 0 && seq < this.#newest[this.#used - 1]!) this.#isOrdered = false;
    this.#newest[this.#used++] = seq;
  }

  /** All that were added, in order; nothing can be added any more. */
  *sorted(): Generator<void, Float64Array> {
    const last = this.#newest.slice(0, this.#used).sort();
    if (this.#runs.length === 0) return last;
    const count = this.#runs.length * RUN_SEQS + last.length;
    let [from, into] = [new Float64Array(count), new Float64Array(count)];
    for (const [i, run] of this.#runs.entries()) {
      from.set(run, i * RUN_SEQS);
      yield;
    }
    from.set(last, count - last.length);
    this.#runs = [];
    for (let width = RUN_SEQS; width < count; width *= 2) {
      for (let begin = 0; begin < count; begin += 2 * width)
        yield* merge(from, into, begin, Math.min(count, begin + width), Math.min(count, begin + 2 * width));
      [from, into] = [into, from];
    }
    return from;
  }

  #begin(): void {
    if (this.#used > 0) {
      if (!this.#isOrdered) this.#newest.sort();
      this.#runs.push(this.#newest);
    }
    this.#newest = new Float64Array(RUN_SEQS);
    this.#used = 0;
    this.#isOrdered = true;
  }
}

/** Merges `[begin, middle)` and `[middle, end)`. */
function* merge(
  from: Float64Array,
  into: Float64Array,
  begin: number,
  middle: number,
  end: number,
): Generator<void, void> {
  let left = begin;
  let right = middle;
  const isOrdered = middle === end || from[middle - 1]! <= from[middle]!;
  for (let at = begin; at < end; ) {
    const stop = Math.min(end, at + SEQS_PER_STEP);
    if (isOrdered) {
      into.set(from.subarray(at, stop), at);
      at = stop;
    }
    for (; at < stop; at++) {
      if (right === end || (left < middle && from[left]! <= from[right]!)) into[at] = from[left++]!;
      else into[at] = from[right++]!;
    }
    yield;
  }
}
