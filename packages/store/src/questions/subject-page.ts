// A page of a stream's subjects in their order: the subjects that match are sorted only where the page is.

import type { IndexSnapshot } from "../index/index-snapshot.ts";
import type { SubjectTable } from "../index/subject-table.ts";
import type { SubjectDetail, SubjectPage } from "../store.ts";
import { SubjectWalk } from "./subject-walk.ts";

/** Ids that are put in order between two places to pause. */
const IDS_PER_STEP = 128;
/** So many are sorted by inserting, which costs what looking at a few more does. */
const SHORT = 8;
const SHORT_COST = 32;
/** Entries made between two places to pause. */
const ENTRIES_PER_STEP = 16;

/** See `StreamLog.subjectStates`. */
export function* subjectPage(snapshot: IndexSnapshot, offset: number, limit: number): Generator<void, SubjectPage> {
  const walk = new SubjectWalk(snapshot);
  const ids = new Int32Array(Math.min(walk.length, snapshot.subjectCount));
  let total = 0;
  while (walk.step()) {
    for (let i = 0; i < walk.count; i++) ids[total++] = walk.ids[i]!;
    if (walk.more) yield;
  }
  const end = Math.min(total, offset + limit);
  yield* sortPart(snapshot, ids, total, snapshot.filter.prefixBytes, offset, end);
  const subjects: SubjectDetail[] = [];
  for (let i = offset; i < end; i++) {
    const id = ids[i]!;
    const subject = snapshot.subjects.text(id);
    const first = snapshot.firstOf(id);
    const { lookups } = snapshot;
    subjects.push({ subject, messages: snapshot.messagesOf(id), first, last: snapshot.lastOf(id) });
    if ((i - offset) % ENTRIES_PER_STEP === ENTRIES_PER_STEP - 1 || snapshot.lookups !== lookups) yield;
  }
  return { total, subjects };
}

/** Ids of subjects that are the same in their first `depth` bytes. */
type Part = readonly [begin: number, end: number, depth: number];

/**
 * Puts those ids in their places that belong in `[wantedBegin, wantedEnd)`, by the bytes of their subjects.
 * A quicksort byte by byte: no byte of a subject is looked at more often than its neighbours make necessary.
 */
function* sortPart(
  snapshot: IndexSnapshot,
  ids: Int32Array,
  count: number,
  prefixBytes: number,
  wantedBegin: number,
  wantedEnd: number,
): Generator<void, void> {
  const parts: Part[] = [[0, count, prefixBytes]];
  let looked = 0;
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const [begin, end, depth] = part;
    if (end - begin < 2 || end <= wantedBegin || begin >= wantedEnd) continue;
    if (end - begin <= SHORT) {
      insertionSort(snapshot.subjects, ids, part);
      looked += SHORT_COST;
      if (looked < IDS_PER_STEP) continue;
      looked = 0;
      yield;
      continue;
    }
    // The bytes of one place split them into those below, at, and above one of them.
    const pivot = middleByte(snapshot.subjects, ids, part);
    let below = begin;
    let above = end;
    for (let at = begin; at < above; ) {
      const { subjects } = snapshot;
      for (; looked < IDS_PER_STEP && at < above; looked++) {
        const byte = subjects.byteAt(ids[at]!, depth);
        if (byte < pivot) swap(ids, below++, at++);
        else if (byte > pivot) swap(ids, --above, at);
        else at++;
      }
      if (looked < IDS_PER_STEP) continue;
      looked = 0;
      yield;
    }
    parts.push([above, end, depth], [begin, below, depth]);
    if (pivot >= 0) parts.push([below, above, depth + 1]);
  }
}

function insertionSort(subjects: SubjectTable, ids: Int32Array, [begin, end, depth]: Part): void {
  for (let i = begin + 1; i < end; i++) {
    for (let at = i; at > begin && isBelow(subjects, ids[at]!, ids[at - 1]!, depth); at--) swap(ids, at, at - 1);
  }
}

function isBelow(subjects: SubjectTable, id: number, other: number, depth: number): boolean {
  for (let place = depth; ; place++) {
    const byte = subjects.byteAt(id, place);
    const otherByte = subjects.byteAt(other, place);
    if (byte !== otherByte) return byte < otherByte;
    if (byte < 0) return false;
  }
}

/** The middle one of three. */
function middleByte(subjects: SubjectTable, ids: Int32Array, [begin, end, depth]: Part): number {
  const a = subjects.byteAt(ids[begin]!, depth);
  const b = subjects.byteAt(ids[(begin + end) >>> 1]!, depth);
  const c = subjects.byteAt(ids[end - 1]!, depth);
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

function swap(ids: Int32Array, a: number, b: number): void {
  const id = ids[a]!;
  ids[a] = ids[b]!;
  ids[b] = id;
}
