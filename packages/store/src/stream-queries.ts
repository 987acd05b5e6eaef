// Questions about a stream that its index answers without reading a message.

import { StoreError } from "./errors.ts";
import type { StreamIndex } from "./index/stream-index.ts";
import type { SubjectFilter } from "./index/subject-filter.ts";
import type { SubjectState } from "./store.ts";

/** A subject of fewer messages is counted one by one, whatever lies between them. */
const LITERAL_WALK_MAX = 1024;

/** See `StreamLog.pending`. Counts whichever side of `from` is shorter. */
export function countPending(index: StreamIndex, filter: SubjectFilter, from: number, lastPerSubject: boolean): number {
  if (index.messages === 0 || from > index.lastSeq) return 0;
  if (lastPerSubject) {
    let count = 0;
    visitMatching(index, filter, (subject) => {
      if (index.lastOf(subject) >= from) count++;
    });
    return count;
  }
  let total = 0;
  if (filter.all) {
    total = index.messages;
  } else {
    visitMatching(index, filter, (subject) => {
      total += index.subjects.messages(subject);
    });
  }
  if (from <= index.firstSeq || total === 0) return total;
  if (filter.literal !== null && total < LITERAL_WALK_MAX) return total - countBelow(index, filter.literal, from);
  const before = from - index.firstSeq;
  const after = index.lastSeq - from + 1;
  return before < after
    ? total - countRange(index, filter, index.firstSeq, from - 1)
    : countRange(index, filter, from, index.lastSeq);
}

/** See `StreamLog.filteredState`. */
export function filteredState(index: StreamIndex, filter: SubjectFilter, from: number): SubjectState {
  const messages = countPending(index, filter, from, false);
  if (messages === 0) return { messages: 0, first: 0, last: 0 };
  return { messages, first: index.next(filter, from), last: lastMatch(index, filter) };
}

/** The last sequence of a message that matches, or 0. */
export function lastMatch(index: StreamIndex, filter: SubjectFilter): number {
  if (index.messages === 0) return 0;
  if (filter.all) return index.records.previousLive(index.lastSeq);
  filter.refresh();
  if (filter.literal === null && filter.few() === null) return index.previous(filter, index.lastSeq);
  let last = 0;
  visitMatching(index, filter, (subject) => {
    last = Math.max(last, index.lastOf(subject));
  });
  return last;
}

/** See `StreamLog.multiLast`. */
export function multiLast(index: StreamIndex, filter: SubjectFilter, upToSeq: number, max: number): number[] {
  const to = upToSeq === 0 ? index.lastSeq : upToSeq;
  const wanted: number[] = [];
  let matching = 0;
  visitMatching(index, filter, (subject) => {
    if (index.subjects.first(subject) > to) return;
    // Looking for the messages of too many would take long, and for nothing.
    if (++matching <= max || max <= 0) wanted.push(subject);
  });
  if (matching > wanted.length) {
    throw new StoreError(
      "TOO_MANY_RESULTS",
      `Cannot list the last messages: ${matching} subjects match, more than ${max}`,
    );
  }
  const seqs: number[] = [];
  const older = wanted.filter((subject) => {
    const last = index.lastOf(subject);
    if (last <= to) seqs.push(last);
    return last > to;
  });
  sweepBack(index, older, to, seqs);
  return seqs.sort((a, b) => a - b);
}

/** See `StreamLog.subjectStates`. */
export function subjectStates(index: StreamIndex, filter: SubjectFilter): Map<string, SubjectState> {
  const states = new Map<string, SubjectState>();
  const subjects = index.subjects;
  visitMatching(index, filter, (subject) => {
    const state = { messages: subjects.messages(subject), first: subjects.first(subject), last: index.lastOf(subject) };
    states.set(subjects.text(subject), state);
  });
  return states;
}

/** See `StreamLog.subjectTotals`. */
export function subjectTotals(index: StreamIndex, filter: SubjectFilter): Map<string, number> {
  const totals = new Map<string, number>();
  visitMatching(index, filter, (subject) => {
    totals.set(index.subjects.text(subject), index.subjects.messages(subject));
  });
  return totals;
}

/** See `StreamLog.deletedRanges`. */
export function* deletedRanges(index: StreamIndex): Generator<readonly [number, number]> {
  let next = index.firstSeq;
  while (next <= index.lastSeq) {
    const live = index.records.nextLive(next);
    if (live !== next) yield [next, live === 0 ? index.lastSeq : live - 1];
    if (live === 0) return;
    next = live + 1;
  }
}

/** Adds the last message at or before `to` of each of these subjects, which all have one: in one pass over the slots. */
function sweepBack({ subjects, records }: StreamIndex, wanted: readonly number[], to: number, seqs: number[]): void {
  if (wanted.length === 0) return;
  const open = new Uint8Array(subjects.idEnd);
  for (const subject of wanted) open[subject] = 1;
  let left = wanted.length;
  for (let i = Math.min(records.position(to), records.blocks.length - 1); i >= 0; i--) {
    const block = records.blocks[i]!;
    for (let slot = Math.min(block.slots - 1, to - block.firstSeq); slot >= 0; slot--) {
      if (!block.isLive(slot) || open[block.subject(slot)] === 0) continue;
      open[block.subject(slot)] = 0;
      seqs.push(block.firstSeq + slot);
      if (--left === 0) return;
    }
  }
}

function visitMatching(index: StreamIndex, filter: SubjectFilter, visit: (subject: number) => void): void {
  if (index.messages > 0) filter.visit(visit);
}

/** Messages of one subject below `from`, along its chain. */
function countBelow(index: StreamIndex, literal: Uint8Array, from: number): number {
  const subject = index.subjects.find(literal, 0, literal.length);
  let count = 0;
  for (let seq = index.subjects.first(subject); seq !== 0 && seq < from; seq = index.nextOf(subject, seq + 1)) count++;
  return count;
}

function countRange(index: StreamIndex, filter: SubjectFilter, from: number, to: number): number {
  filter.refresh();
  const literal = filter.literal === null ? -1 : index.subjects.find(filter.literal, 0, filter.literal.length);
  let count = 0;
  const blocks = index.records.blocks;
  for (let i = index.records.position(from); i < blocks.length && blocks[i]!.firstSeq <= to; i++) {
    const block = blocks[i]!;
    const end = Math.min(block.slots, to - block.firstSeq + 1);
    for (let slot = Math.max(0, from - block.firstSeq); slot < end; slot++) {
      if (!block.isLive(slot)) continue;
      const subject = block.subject(slot);
      if (index.subjects.retired.size > 0 && index.subjects.retired.has(subject)) continue;
      if (literal >= 0 ? subject === literal : filter.has(subject)) count++;
    }
  }
  return count;
}
