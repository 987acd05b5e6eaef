// Questions about a stream that its index answers at once. Those that may take long stand in stream-questions.ts.

import type { StreamIndex } from "./index/stream-index.ts";
import type { SubjectFilter } from "./index/subject-filter.ts";

/** The last sequence of a message that matches, or 0. */
export function lastMatch(index: StreamIndex, filter: SubjectFilter): number {
  if (index.messages === 0) return 0;
  const ids = filter.literal === null ? filter.few() : [index.subjects.find(filter.literal, 0, filter.literal.length)];
  if (ids === null) return index.previous(filter, index.lastSeq);
  let last = 0;
  for (const id of ids) if (id >= 0 && index.subjects.messages(id) > 0) last = Math.max(last, index.lastOf(id));
  return last;
}

/** See `StreamLog.deletedRanges`; also from another sequence on. */
export function* deletedRanges(
  index: StreamIndex,
  from: number = index.firstSeq,
): Generator<readonly [number, number]> {
  let next = from;
  while (next <= index.lastSeq) {
    const live = index.records.nextLive(next);
    if (live !== next) yield [next, live === 0 ? index.lastSeq : live - 1];
    if (live === 0) return;
    next = live + 1;
  }
}
