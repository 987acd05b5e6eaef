// How many messages of a stream match, and which are the first and the last of them.

import type { IndexSnapshot } from "../index/index-snapshot.ts";
import type { RecordIndex } from "../index/record-index.ts";
import type { StreamIndex } from "../index/stream-index.ts";
import { FEW } from "../index/subject-filter.ts";
import { RangeWalk } from "./range-walk.ts";
import { SubjectWalk } from "./subject-walk.ts";

/** A few subjects of fewer messages are counted one by one, whatever lies between them. */
const CHAIN_WALK_MAX = 1024;

/** Some messages of a stream. */
interface Found {
  messages: number;
  /** 0 when there is none. */
  first: number;
  last: number;
}

/** See `StreamLog.pending`. */
export function* countPending(snapshot: IndexSnapshot, from: number, lastPerSubject: boolean): Generator<void, number> {
  const { filter, messages, firstSeq, lastSeq } = snapshot;
  if (messages === 0 || from > lastSeq) return 0;
  if (lastPerSubject) return yield* countLast(snapshot, from);
  if (filter.all && from <= firstSeq) return messages;
  if (filter.all && !snapshot.hasRetired) return countLive(snapshot.records, from);
  const walk = new SubjectWalk(snapshot);
  if (from > firstSeq) {
    const few = foundOfFew(snapshot, walk.known, from);
    if (few !== null) return few.messages;
    // Whichever is shorter: to count what is wanted, or all that matches and what is not wanted.
    if (lastSeq - from + 1 <= from - firstSeq + (filter.all ? 0 : walk.length))
      return (yield* findInRange(snapshot, from, lastSeq)).messages;
  }
  let total = filter.all ? messages : 0;
  while (!filter.all && walk.step()) {
    for (let i = 0; i < walk.count; i++) total += walk.messages[i]!;
    if (walk.more) yield;
  }
  if (from <= firstSeq) return total;
  return total - (yield* findInRange(snapshot, firstSeq, from - 1)).messages;
}

/** See `StreamLog.filteredState`. */
export function* findFrom(snapshot: IndexSnapshot, from: number): Generator<void, Found> {
  const { filter, messages, firstSeq, lastSeq, records } = snapshot;
  if (messages === 0 || from > lastSeq) return { messages: 0, first: 0, last: 0 };
  if (filter.all && (from <= firstSeq || !snapshot.hasRetired)) {
    const count = from <= firstSeq ? messages : countLive(records, from);
    if (count === 0) return { messages: 0, first: 0, last: 0 };
    return { messages: count, first: records.nextLive(from), last: records.previousLive(lastSeq) };
  }
  const walk = new SubjectWalk(snapshot);
  if (from <= firstSeq) return yield* findAll(snapshot, walk);
  return foundOfFew(snapshot, walk.known, from) ?? (yield* findInRange(snapshot, from, lastSeq));
}

/** All messages of the subjects that a walk comes by. */
function* findAll(snapshot: IndexSnapshot, walk: SubjectWalk): Generator<void, Found> {
  const found: Found = { messages: 0, first: 0, last: 0 };
  while (walk.step()) {
    for (let i = 0; i < walk.count; i++) {
      const id = walk.ids[i]!;
      const first = snapshot.firstOf(id);
      found.messages += walk.messages[i]!;
      if (found.first === 0 || first < found.first) found.first = first;
      if (snapshot.lastBound(id) <= found.last) continue;
      const { lookups } = snapshot;
      found.last = Math.max(found.last, snapshot.lastOf(id));
      if (snapshot.lookups !== lookups) yield;
    }
    if (walk.more) yield;
  }
  return found;
}

/** The messages of the sequences `[from, to]`. */
function* findInRange(snapshot: IndexSnapshot, from: number, to: number): Generator<void, Found> {
  const found: Found = { messages: 0, first: 0, last: 0 };
  const walk = new RangeWalk(snapshot, from, to);
  while (walk.step()) {
    found.messages += walk.count;
    if (walk.count > 0) {
      if (found.first === 0) found.first = walk.firstSeq + walk.slots[0]!;
      found.last = walk.firstSeq + walk.slots[walk.count - 1]!;
    }
    if (walk.more) yield;
  }
  return found;
}

/** Counts the messages from `from` on that are the last of their subjects: by their sequences, or by subjects, whichever are fewer. */
function* countLast(snapshot: IndexSnapshot, from: number): Generator<void, number> {
  const { filter, firstSeq, lastSeq } = snapshot;
  if (filter.all && from <= firstSeq) return snapshot.subjectCount;
  const subjects = new SubjectWalk(snapshot);
  const isByRange = lastSeq - from + 1 < subjects.length;
  const walk = isByRange ? new RangeWalk(snapshot, from, lastSeq) : subjects;
  let count = 0;
  while (walk.step()) {
    for (let i = 0; i < walk.count; i++) {
      const id = walk.ids[i]!;
      if (snapshot.lastBound(id) < from) continue;
      const { lookups } = snapshot;
      const last = snapshot.lastOf(id);
      if (walk instanceof RangeWalk ? last === walk.firstSeq + walk.slots[i]! : last >= from) count++;
      if (snapshot.lookups !== lookups) yield;
    }
    if (walk.more) yield;
  }
  return count;
}

/** How many messages there are from `from` on; none of those in slots was retired. Costs a few nanoseconds per block. */
function countLive(records: RecordIndex, from: number): number {
  const { blocks } = records;
  let count = 0;
  for (let at = records.position(from); at < blocks.length; at++) {
    const block = blocks[at]!;
    const slot = Math.max(0, from - block.firstSeq);
    count += slot * 2 < block.slots ? block.live - block.countLive(0, slot) : block.countLive(slot, block.slots);
  }
  return count;
}

/** What is to be found along the chains of a few subjects, where these are short; else null. To be asked before the first pause. */
function foundOfFew(snapshot: IndexSnapshot, known: readonly number[] | null, from: number): Found | null {
  const { index } = snapshot;
  if (index === null || known === null || known.length > FEW) return null;
  let left = CHAIN_WALK_MAX;
  for (const id of known) left -= snapshot.messagesOf(id);
  if (left < 0) return null;
  const found: Found = { messages: 0, first: 0, last: 0 };
  for (const id of known) addChain(index, id, from, found);
  return found;
}

function addChain(index: StreamIndex, id: number, from: number, found: Found): void {
  const messages = index.subjects.messages(id);
  if (messages === 0) return;
  let below = 0;
  let seq = index.subjects.first(id);
  for (; seq !== 0 && seq < from; seq = index.nextOf(id, seq + 1)) below++;
  if (below === messages) return;
  found.messages += messages - below;
  if (found.first === 0 || seq < found.first) found.first = seq;
  found.last = Math.max(found.last, index.lastOf(id));
}
