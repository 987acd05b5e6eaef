// What the journal will take away from a stream, known before the stream's blocks are read: a record behind such a hole follows the one
// before it, and is not behind a gap.

import { COMMON_HEADER_BYTES, u32, u64 } from "../record.ts";
import type { Slices } from "../slices.ts";
import { dependsOn, KIND_BOUNDS, KIND_DESCRIBED, KIND_REMOVED, KIND_TRUNCATED, visitRuns } from "./control.ts";
import { type JournalContent, JournalWalk } from "./journal-reader.ts";
import { SeqSet } from "./seq-set.ts";

/** What a journal says of one stream. */
export interface Foreseen {
  /** Everything below is gone. */
  floor: number;
  /** Taken away from between others. */
  readonly removed: SeqSet;
  /** The lowest sequence that the stream is truncated to; infinite when it is not. */
  truncatedTo: number;
  /** Of the description that is durable; 0: the journal does not say. */
  metaGeneration: number;
}

export function nothingForeseen(): Foreseen {
  return { floor: 0, removed: new SeqSet(), truncatedTo: Number.POSITIVE_INFINITY, metaGeneration: 0 };
}

/** What the journal says of all streams, as if whatever its records depend on were there. */
export function foresee(content: JournalContent, slices: Slices): Promise<Map<number, Foreseen>> {
  return look(content, null, Number.POSITIVE_INFINITY, slices);
}

/** What the journal says of one stream that turned out to end with the record `lastSeq`: what depends on a later one never counted. */
export async function foreseeFor(
  content: JournalContent,
  incarnation: number,
  lastSeq: number,
  slices: Slices,
): Promise<Foreseen> {
  return (await look(content, incarnation, lastSeq, slices)).get(incarnation) ?? nothingForeseen();
}

/** @param only - The stream that it is about; null: all. */
async function look(
  content: JournalContent,
  only: number | null,
  lastSeq: number,
  slices: Slices,
): Promise<Map<number, Foreseen>> {
  const all = new Map<number, Foreseen>();
  for (const walk = new JournalWalk(content, slices); walk.next(); ) {
    if (walk.due) await slices.pause();
    const { at, length } = walk;
    const { body, synced } = walk.batch;
    const kind = body[at + 23];
    if (kind !== KIND_BOUNDS && kind !== KIND_REMOVED && kind !== KIND_TRUNCATED && kind !== KIND_DESCRIBED) continue;
    const incarnation = u32(body, at + 8);
    if (only !== null && incarnation !== only) continue;
    const takesAway = kind === KIND_BOUNDS || kind === KIND_REMOVED;
    if (takesAway && !synced && dependsOn(body, at) > lastSeq) continue;
    const foreseen = all.get(incarnation) ?? nothingForeseen();
    all.set(incarnation, foreseen);
    const first = u64(body, at + COMMON_HEADER_BYTES);
    if (kind === KIND_BOUNDS) foreseen.floor = Math.max(foreseen.floor, first);
    else if (kind === KIND_TRUNCATED) foreseen.truncatedTo = Math.min(foreseen.truncatedTo, first);
    else if (kind === KIND_DESCRIBED) foreseen.metaGeneration = Math.max(foreseen.metaGeneration, first);
    else visitRuns(body, at, length, (from, count) => foreseen.removed.add(from, count));
  }
  return all;
}
