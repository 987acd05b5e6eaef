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
  /** Numbers of the pages in order; null: not sorted yet. */
  #pageNumbers: number[] | null = null;
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
        this.#pageNumbers = null;
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

  /** The first sequence at or after `seq` that is in the set; Infinity when there is none. Costs little, however far away it is. */
  next(seq: number): number {
    this.#longRuns ??= new RunSet(this.#long);
    const long = this.#longRuns.next(seq);
    this.#pageNumbers ??= [...this.#pages.keys()].sort((a, b) => a - b);
    const numbers = this.#pageNumbers;
    for (let i = lowerBound(numbers, Math.floor(seq / PAGE_SEQS)); i < numbers.length; i++) {
      const base = numbers[i]! * PAGE_SEQS;
      if (base >= long) break;
      const at = nextBit(this.#pages.get(numbers[i]!)!, Math.max(0, seq - base), true);
      if (at < PAGE_SEQS) return Math.min(long, base + at);
    }
    return long;
  }

  /** The first sequence at or after `seq` that is not in the set. Steps over runs, however long they are. */
  nextOutside(seq: number): number {
    this.#longRuns ??= new RunSet(this.#long);
    for (let at = seq; ; ) {
      const begin = at;
      const last = this.#longRuns.lastFrom(at);
      if (last >= 0) at = last + 1;
      const number = Math.floor(at / PAGE_SEQS);
      const page = this.#pageOf(number);
      if (page !== undefined) at = number * PAGE_SEQS + nextBit(page, at % PAGE_SEQS, false);
      if (at === begin) return at;
    }
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

/** Position of the first number that is not below `value`. */
function lowerBound(numbers: readonly number[], value: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first place at or after `from` where a page has such a bit; `PAGE_SEQS` when there is none. */
function nextBit(page: Uint32Array, from: number, set: boolean): number {
  const skipped = set ? 0 : 0xffffffff;
  for (let at = from; at < PAGE_SEQS; ) {
    // Whole words at a time, as far as they have none.
    if ((at & 31) === 0 && page[at >>> 5] === skipped) at += 32;
    else if (((page[at >>> 5]! >>> (at & 31)) & 1) === (set ? 1 : 0)) return at;
    else at++;
  }
  return PAGE_SEQS;
}
