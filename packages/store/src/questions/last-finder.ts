// Finds the last messages of subjects up to a sequence that is not the stream's last.

import type { IndexSnapshot } from "../index/index-snapshot.ts";
import { FEW } from "../index/subject-filter.ts";

/** Slots that are looked at between two places to pause. */
const SLOTS_PER_STEP = 512;

/** Subjects of which one message each has to be looked for. */
export class LastFinder {
  #count = 0;
  /** The first of them. */
  #few: number[] = [];
  /** All of them, a byte for each id; empty while they are few. */
  #marks: Uint8Array = new Uint8Array(0);
  #snapshot: IndexSnapshot;

  constructor(snapshot: IndexSnapshot) {
    this.#snapshot = snapshot;
  }

  add(id: number): void {
    this.#count++;
    if (this.#count <= FEW) {
      this.#few.push(id);
      return;
    }
    if (this.#marks.length === 0) {
      this.#marks = new Uint8Array(this.#snapshot.idEnd);
      for (const other of this.#few) this.#marks[other] = 1;
    }
    this.#marks[id] = 1;
  }

  /** Tells the last message at or before `to` of each, once; all have one. Few are looked for one by one, many in one pass. */
  *find(to: number, tell: (seq: number) => void): Generator<void, void> {
    if (this.#count > FEW) yield* this.#sweep(to, tell);
    else for (const id of this.#few) yield* this.#findOne(id, to, tell);
  }

  *#findOne(id: number, to: number, tell: (seq: number) => void): Generator<void, void> {
    for (let at = this.#newestUpTo(to); at >= 0; at--) {
      const seq = this.#snapshot.previousIn(at, id, to);
      if (seq > 0) return tell(seq);
      yield;
    }
  }

  *#sweep(to: number, tell: (seq: number) => void): Generator<void, void> {
    const snapshot = this.#snapshot;
    const marks = this.#marks;
    let left = this.#count;
    for (let at = this.#newestUpTo(to); at >= 0; at--) {
      const { firstSeq, slots } = snapshot.records.blocks[at]!;
      for (let slot = Math.min(slots - 1, to - firstSeq); slot >= 0; ) {
        const stop = Math.max(-1, slot - SLOTS_PER_STEP);
        const block = snapshot.records.blocks[at]!;
        for (; slot > stop; slot--) {
          const id = block.subject(slot);
          if (marks[id] !== 1 || !snapshot.isLive(at, slot)) continue;
          marks[id] = 0;
          tell(firstSeq + slot);
          if (--left === 0) return;
        }
        yield;
      }
    }
  }

  #newestUpTo(to: number): number {
    const { records } = this.#snapshot;
    return Math.min(records.position(to), records.blocks.length - 1);
  }
}
