// A set of sequences that is built in slices and asked for neighbours: bitmaps of 65,536 sequences each, and long runs as they are.

import { RunSet } from "./run-set.ts";

const PAGE_BITS = 16;
const PAGE_SEQS = 1 << PAGE_BITS;
/** Longer runs are kept as runs. */
const RUN_LONG = 512;

/** Sequences, in no order; they come out as runs, those of one page in order. */
export class SeqSet {
  #pages: Map<number, Uint32Array> = new Map();
  #long: [first: number, count: number][] = [];
  /** The same, to be searched; null: not made yet. */
  #longRuns: RunSet | null = null;
  /** The page that was asked for last. */
  #pageNumber = -1;
  #page: Uint32Array | undefined;
  /** The highest sequence in the set, or 0. */
  max = 0;

  add(first: number, count: number): void {
    this.max = Math.max(this.max, first + count - 1);
    if (count > RUN_LONG) {
      this.#long.push([first, count]);
      this.#longRuns = null;
      return;
    }
    for (let seq = first; seq < first + count; seq++) {
      const number = Math.floor(seq / PAGE_SEQS);
      let page = this.#pageOf(number);
      if (page === undefined) {
        page = new Uint32Array(PAGE_SEQS / 32);
        this.#pages.set(number, page);
        this.#page = page;
      }
      const at = seq % PAGE_SEQS;
      page[at >>> 5]! |= 1 << (at & 31);
    }
  }

  has(seq: number): boolean {
    const page = this.#pageOf(Math.floor(seq / PAGE_SEQS));
    const at = seq % PAGE_SEQS;
    if (page !== undefined && (page[at >>> 5]! & (1 << (at & 31))) !== 0) return true;
    if (this.#long.length === 0) return false;
    this.#longRuns ??= new RunSet(this.#long);
    return this.#longRuns.has(seq);
  }

  #pageOf(number: number): Uint32Array | undefined {
    if (number === this.#pageNumber) return this.#page;
    this.#pageNumber = number;
    this.#page = this.#pages.get(number);
    return this.#page;
  }

  /** What is in the set at or after `from`, neighbours joined as far as they are on one page. */
  *runs(from: number): Generator<readonly [first: number, count: number]> {
    for (const [first, count] of this.#long) {
      const begin = Math.max(first, from);
      if (begin < first + count) yield [begin, first + count - begin];
    }
    for (const [number, page] of this.#pages) {
      const base = number * PAGE_SEQS;
      let first = -1;
      for (let at = Math.max(0, Math.min(PAGE_SEQS, from - base)); at <= PAGE_SEQS; at++) {
        // Whole words at a time, as far as they say the same.
        const word = (at & 31) === 0 && at < PAGE_SEQS ? page[at >>> 5]! : 1;
        if (word === (first < 0 ? 0 : 0xffffffff)) {
          at += 31;
          continue;
        }
        const has = at < PAGE_SEQS && (page[at >>> 5]! & (1 << (at & 31))) !== 0;
        if (has && first < 0) first = at;
        if (has || first < 0) continue;
        yield [base + first, at - first];
        first = -1;
      }
    }
  }
}
