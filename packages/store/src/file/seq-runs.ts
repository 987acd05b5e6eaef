// Sequences in the order in which they were added, as runs: first sequence and count, in chunks of typed arrays. A purge adds
// millions; a JavaScript array of them, or an object for each, would keep the garbage collector at work for longer than a turn may take.

/** A run is two numbers: its first sequence and how many. */
const RUN_NUMBERS = 2;
const CHUNK_BITS = 12;
const CHUNK_RUNS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_RUNS - 1;
/** The first chunk begins with so many runs and doubles: most streams take away little. */
const CHUNK_RUNS_START = 8;

/** A list of runs. A sequence that continues the newest run, at either end, makes it longer. */
export class SeqRuns {
  /** Runs in the list. */
  length = 0;
  #chunks: Float64Array[] = [];
  /** The newest run: `[#first, #end)`. Both are NaN while there is none. */
  #first: number = Number.NaN;
  #end: number = Number.NaN;

  /** Adds one sequence. */
  add(seq: number): void {
    if (seq === this.#end) this.#setNewest(this.#first, seq + 1);
    else if (seq === this.#first - 1) this.#setNewest(seq, this.#end);
    else this.#push(seq, 1);
  }

  /** Adds `count` sequences from `first` on. */
  addRun(first: number, count: number): void {
    if (count <= 0) return;
    if (first === this.#end) this.#setNewest(this.#first, first + count);
    else this.#push(first, count);
  }

  /** The first sequence of a run. */
  first(run: number): number {
    return this.#chunks[run >>> CHUNK_BITS]![(run & CHUNK_MASK) * RUN_NUMBERS]!;
  }

  /** How many sequences a run has. */
  count(run: number): number {
    return this.#chunks[run >>> CHUNK_BITS]![(run & CHUNK_MASK) * RUN_NUMBERS + 1]!;
  }

  /** The runs, without what is below `seq`. */
  *from(seq: number): Generator<readonly [first: number, count: number]> {
    for (let run = 0; run < this.length; run++) {
      const first = this.first(run);
      const end = first + this.count(run);
      if (end > seq) yield [Math.max(first, seq), end - Math.max(first, seq)];
    }
  }

  /** Forgets all runs. */
  clear(): void {
    this.length = 0;
    if (this.#chunks.length > 1) this.#chunks.length = 1;
    this.#first = Number.NaN;
    this.#end = Number.NaN;
  }

  /** Adds all runs of another list. */
  addAll(other: SeqRuns): void {
    for (let run = 0; run < other.length; run++) this.addRun(other.first(run), other.count(run));
  }

  /** A list of the same sequences without those above `seq`. */
  upTo(seq: number): SeqRuns {
    const kept = new SeqRuns();
    for (let run = 0; run < this.length; run++) {
      const first = this.first(run);
      kept.addRun(first, Math.min(this.count(run), seq - first + 1));
    }
    return kept;
  }

  #setNewest(first: number, end: number): void {
    this.#first = first;
    this.#end = end;
    const run = this.length - 1;
    const chunk = this.#chunks[run >>> CHUNK_BITS]!;
    const at = (run & CHUNK_MASK) * RUN_NUMBERS;
    chunk[at] = first;
    chunk[at + 1] = end - first;
  }

  #push(first: number, count: number): void {
    const number = this.length >>> CHUNK_BITS;
    const place = this.length & CHUNK_MASK;
    const chunk = this.#chunks[number];
    if (chunk === undefined)
      this.#chunks.push(new Float64Array((number === 0 ? CHUNK_RUNS_START : CHUNK_RUNS) * RUN_NUMBERS));
    else if (place * RUN_NUMBERS === chunk.length) this.#grow(number, chunk);
    this.length++;
    this.#setNewest(first, first + count);
  }

  #grow(number: number, chunk: Float64Array): void {
    const larger = new Float64Array(chunk.length * 2);
    larger.set(chunk);
    this.#chunks[number] = larger;
  }
}
