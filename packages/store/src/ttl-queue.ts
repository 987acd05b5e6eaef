// The messages of one stream that have a time to live of their own, earliest first: no longer than what is stored asks for, however many
// messages came and went.
//
// A message that goes for another reason stays in the heap. When such entries are most of it, the heap is swept: a new one takes its
// place, and what the old one has is looked at from its end, an entry at a time. Both are heaps all the while, so that expiry goes on.

import type { RecordIndex } from "./index/record-index.ts";
import { TtlHeap } from "./ttl-heap.ts";

/** Entries without a message that are not worth a sweep. */
const STALE_MAX = 1024;
/** Entries that are looked at for each change of the stream while a sweep is under way: it ends before the stream has changed much. */
const ENTRIES_PER_CHANGE = 4;
/** Of a change of many messages at once: the rest follows. */
const ENTRIES_PER_STEP = 4096;

/** Sequences by the (monotonic) time they expire. */
export class TtlQueue {
  #records: RecordIndex;
  #heap: TtlHeap = new TtlHeap();
  /** What is being swept; null: nothing is. */
  #old: TtlHeap | null = null;
  /** Messages that came or went since the heap was last found short enough. */
  #changes = 0;

  /** @param records - Of the stream: who is there. */
  constructor(records: RecordIndex) {
    this.#records = records;
  }

  /** Entries: of messages that are there, and of some that went. */
  get size(): number {
    return this.#heap.size + (this.#old?.size ?? 0);
  }

  /** There is something for {@link sweep} to do. */
  get sweeping(): boolean {
    return this.#old !== null;
  }

  /** When the earliest expires; Infinity when there is none. */
  get nextDueMs(): number {
    return this.#earliest.nextDueMs;
  }

  /** The sequence that expires earliest; 0: none does. Its message may be gone. */
  get nextSeq(): number {
    const heap = this.#earliest;
    return heap.size === 0 ? 0 : heap.nextSeq;
  }

  /** Takes the earliest out. There must be one. */
  take(): void {
    this.#earliest.take();
    this.#endSweep();
  }

  /** Adds a message that is there. */
  add(dueMs: number, seq: number): void {
    this.#heap.add(dueMs, seq);
    this.changed(1);
  }

  /** So many messages came or went: sweeps some, when it is time to. */
  changed(count: number): void {
    this.#changes += count;
    if (this.#old === null && this.#changes * 2 > this.#heap.size + STALE_MAX) {
      this.#changes = 0;
      if (this.#heap.size <= 2 * this.#records.liveTtls + STALE_MAX) return;
      this.#old = this.#heap;
      this.#heap = new TtlHeap();
    }
    if (this.#old !== null) this.sweep(Math.min(count * ENTRIES_PER_CHANGE, ENTRIES_PER_STEP));
  }

  /** Looks at so many entries and keeps those whose messages are there. Costs about 0.1 us for each. */
  sweep(entries: number): void {
    const old = this.#old;
    for (let left = entries; left > 0 && old !== null && old.size > 0; left--) {
      const seq = old.lastSeq;
      const block = this.#records.find(seq);
      if (block !== null && block.hasTtl(seq - block.firstSeq)) this.#heap.add(old.lastDueMs, seq);
      old.takeLast();
    }
    this.#endSweep();
  }

  /** Takes the heap over, in place of what there was. */
  restore(heap: TtlHeap): void {
    this.clear();
    this.#heap = heap;
    this.changed(heap.size);
  }

  clear(): void {
    this.#heap.clear();
    this.#old = null;
    this.#changes = 0;
  }

  get #earliest(): TtlHeap {
    return this.#old !== null && this.#old.nextDueMs < this.#heap.nextDueMs ? this.#old : this.#heap;
  }

  #endSweep(): void {
    if (this.#old?.size !== 0) return;
    this.#old = null;
    this.#changes = 0;
  }
}
