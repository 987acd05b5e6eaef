// How questions go over the messages of a snapshot, in order.

import type { IndexSnapshot } from "../index/index-snapshot.ts";
import type { SubjectMatches } from "../index/subject-matches.ts";

/** Slots that are looked at in one step: a few microseconds. */
const SLOTS_PER_STEP = 512;

/** Goes over the matching messages of the sequences `[from, to]`, a step at a time: 3 ns per sequence, 60 for a subject's first. */
export class RangeWalk {
  /** What the last step found: the distance of each from {@link firstSeq}, and its subject. */
  readonly slots: Int32Array = new Int32Array(SLOTS_PER_STEP);
  readonly ids: Int32Array = new Int32Array(SLOTS_PER_STEP);
  /** How many. */
  count = 0;
  firstSeq = 0;
  #snapshot: IndexSnapshot;
  #matches: SubjectMatches | null;
  #to: number;
  #next: number;
  /** Position of the block that comes next. */
  #at: number;

  constructor(snapshot: IndexSnapshot, from: number, to: number) {
    this.#snapshot = snapshot;
    this.#matches = snapshot.matches;
    this.#next = from;
    this.#to = to;
    this.#at = snapshot.records.position(from);
  }

  /** Looks at some more; returns whether there were any. Whoever asks may pause then, while there is {@link more}. */
  step(): boolean {
    this.count = 0;
    const { blocks } = this.#snapshot.records;
    for (; this.#at < blocks.length; this.#at++) {
      const block = blocks[this.#at]!;
      this.firstSeq = block.firstSeq;
      if (this.firstSeq > this.#to) return false;
      const begin = Math.max(0, this.#next - this.firstSeq);
      const end = Math.min(block.slots, this.#to - this.firstSeq + 1, begin + SLOTS_PER_STEP);
      if (begin >= end) continue;
      this.#look(begin, end);
      this.#next = this.firstSeq + end;
      return true;
    }
    return false;
  }

  /** Whether there may be anything left to look at. */
  get more(): boolean {
    return this.#next <= this.#to;
  }

  #look(begin: number, end: number): void {
    const { slots, ids } = this;
    const snapshot = this.#snapshot;
    const block = snapshot.records.blocks[this.#at]!;
    const removed = snapshot.removedIn(this.#at);
    const matches = this.#matches;
    const { hasRetired } = snapshot;
    let count = 0;
    for (let slot = begin; slot < end; slot++) {
      if (!block.isLive(slot) && (removed[slot >>> 5]! & (1 << (slot & 31))) === 0) continue;
      const id = block.subject(slot);
      if (matches !== null && !matches.has(id)) continue;
      if (hasRetired && snapshot.isRetired(id)) continue;
      slots[count] = slot;
      ids[count++] = id;
    }
    this.count = count;
  }
}
