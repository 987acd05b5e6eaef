// What happens to a stream besides appends, until it is written: to the journal at the end of the turn, to the stream's own files
// at the next checkpoint.

import type { StreamIndex } from "../index/stream-index.ts";
import { type LastTime, NO_LAST_TIME } from "../record.ts";
import type { Sealer } from "../seal/sealer.ts";
import type { ControlBuffer } from "./control.ts";
import { SeqRuns } from "./seq-runs.ts";

/** Changes of one stream. */
export class StreamChanges {
  /** Taken away since the last checkpoint: goes to the tombstone files. */
  unsavedTombstones: SeqRuns = new SeqRuns();
  consumersDirty = false;
  /** Taken away in this turn. */
  #removed: SeqRuns = new SeqRuns();
  #boundsMoved = false;
  #truncatedTo = -1;
  #changedConsumers: Map<string, Uint8Array | null> = new Map();

  removed(seq: number): void {
    this.#removed.add(seq);
    this.unsavedTombstones.add(seq);
  }

  /** These never had a message: from now on that is known like the removal of one. */
  skipped(first: number, count: number): void {
    this.#removed.addRun(first, count);
    this.unsavedTombstones.addRun(first, count);
  }

  boundsMoved(): void {
    this.#boundsMoved = true;
  }

  /** Everything is gone. */
  cleared(): void {
    this.#removed = new SeqRuns();
    this.unsavedTombstones = new SeqRuns();
  }

  /** Sequences above `seq` will be given again. */
  truncated(seq: number): void {
    this.#truncatedTo = seq;
    this.#removed = this.#removed.upTo(seq);
    this.forgetTombstonesAbove(seq);
  }

  /** The same, for recovery: nothing has to be said about it. */
  forgetTombstonesAbove(seq: number): void {
    this.unsavedTombstones = this.unsavedTombstones.upTo(seq);
  }

  consumerChanged(name: string, state: Uint8Array | null): void {
    this.#changedConsumers.set(name, state);
    this.consumersDirty = true;
  }

  /** Puts what has happened in the turn into its control records. */
  take(
    control: ControlBuffer,
    incarnation: number,
    index: StreamIndex,
    lastTime: LastTime,
    sealer: Sealer | null,
  ): void {
    if (this.#truncatedTo >= 0) control.truncated(incarnation, this.#truncatedTo);
    this.#truncatedTo = -1;
    if (this.#removed.length > 0) {
      control.removed(incarnation, this.#removed, index.records.lastRecord);
      this.#removed.clear();
    }
    if (this.#boundsMoved) {
      const { floor, lastSeq, messages } = index;
      const last = index.records.lastRecord;
      // Where messages tell the last sequence, they must: it is not durable before they are. Where all are gone, none is needed.
      const says = messages === 0 || lastSeq > last ? { lastSeq, lastTime } : { lastSeq: 0, lastTime: NO_LAST_TIME };
      control.bounds(incarnation, { firstSeq: floor, ...says }, messages === 0 ? 0 : last);
    }
    this.#boundsMoved = false;
    if (this.#changedConsumers.size === 0) return;
    for (const [name, state] of this.#changedConsumers) control.consumer(incarnation, name, state, sealer);
    this.#changedConsumers.clear();
  }
}
