// Which sequences of a stream are gone for good, by its index: for tombstone files that are written anew.

import type { StreamIndex } from "../index/stream-index.ts";
import { deletedRanges } from "../stream-queries.ts";

/** Sequences without a message from the floor on, as first and count, but for those that were lost: they may be read again one day. */
export function* goneRuns(index: StreamIndex): Generator<readonly [first: number, count: number]> {
  for (const [from, to] of deletedRanges(index, index.floor))
    for (const [first, last] of index.lost.outside(from, to)) yield [first, last - first + 1];
}

/** The same, as far as it is not above `seq`. */
export function* goneUpTo(index: StreamIndex, seq: number): Generator<readonly [first: number, count: number]> {
  for (const [first, count] of goneRuns(index)) {
    if (first > seq) return;
    yield [first, Math.min(count, seq - first + 1)];
  }
}
