// The last message of each of many subjects.

import { StoreError } from "../errors.ts";
import type { IndexSnapshot } from "../index/index-snapshot.ts";
import { LastFinder } from "./last-finder.ts";
import { SeqSorter } from "./seq-sorter.ts";
import { SubjectWalk } from "./subject-walk.ts";

/** See `StreamLog.multiLast`. */
export function* multiLast(snapshot: IndexSnapshot, upToSeq: number, max: number): Generator<void, Float64Array> {
  const seqs = new SeqSorter();
  const to = upToSeq === 0 ? snapshot.lastSeq : Math.min(upToSeq, snapshot.lastSeq);
  const older = new LastFinder(snapshot);
  const walk = new SubjectWalk(snapshot);
  let matching = 0;
  while (walk.step()) {
    for (let i = 0; i < walk.count; i++) {
      const id = walk.ids[i]!;
      if (snapshot.firstOf(id) > to) continue;
      // Looking for the messages of too many would take long, and for nothing.
      if (++matching > max && max > 0)
        throw new StoreError("TOO_MANY_RESULTS", `Cannot list the last messages: more than ${max} subjects match`);
      if (snapshot.lastBound(id) > to) {
        older.add(id);
        continue;
      }
      const { lookups } = snapshot;
      seqs.add(snapshot.lastOf(id));
      if (snapshot.lookups !== lookups) yield;
    }
    if (walk.more) yield;
  }
  yield* older.find(to, (seq) => seqs.add(seq));
  return yield* seqs.sorted();
}
