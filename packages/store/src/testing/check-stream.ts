// Compares a stream of a store with the plain model, through every question that can be asked.

import assert from "node:assert/strict";
import type { Random } from "@myelin/platform";
import { MessageView } from "../message-view.ts";
import type { FilterLike, StreamLog, SubjectDetail } from "../store.ts";
import { type PlainMessage, type PlainStream, plainMatch } from "./plain-stream.ts";

/** The filters that comparisons use, for subjects of the letters a to c. */
export const FILTERS: readonly string[] = ["", ">", "a", "a.b", "*", "a.*", "*.b", "a.>", "*.*", "c.*.a", "b.>", "x.y"];

/** Compares one message. */
export function assertMessage(found: MessageView | null, expected: PlainMessage | undefined, what: string): void {
  if (expected === undefined) {
    assert.equal(found, null, what);
    return;
  }
  assert.ok(found !== null, `${what}: sequence ${expected.seq} is missing`);
  assert.equal(found.seq, expected.seq, what);
  assert.equal(found.subject, expected.subject, what);
  assert.equal(Buffer.from(found.headers).toString("latin1"), expected.headers, what);
  assert.equal(Buffer.from(found.payload).toString("latin1"), expected.payload, what);
}

/** Compares totals: cheap, for after every step. */
export function assertTotals(log: StreamLog, model: PlainStream, countsBytes: boolean): void {
  const state = log.state();
  assert.equal(state.messages, model.messages.length, "messages");
  assert.equal(state.lastSeq, model.lastSeq, "lastSeq");
  assert.equal(state.firstSeq, model.firstSeq, "firstSeq");
  assert.equal(state.subjects, new Set(model.messages.map((message) => message.subject)).size, "subjects");
  assert.equal(state.deleted, Math.max(0, model.lastSeq - model.firstSeq + 1) - model.messages.length, "deleted");
  assert.deepEqual(state.lost, [], "lost");
  if (countsBytes) assert.equal(state.bytes, model.bytes, "bytes");
}

/** Compares every message and every question. */
export async function assertSame(
  log: StreamLog,
  model: PlainStream,
  random: Random,
  countsBytes: boolean,
): Promise<void> {
  assertTotals(log, model, countsBytes);
  const view = new MessageView();
  for (const message of model.messages) assertMessage(log.load(message.seq, view), message, `load(${message.seq})`);
  assert.equal(log.load(model.lastSeq + 1), null);
  assert.equal(log.load(0), null);

  const deleted: number[] = [];
  for (const [first, last] of log.deletedRanges()) for (let seq = first; seq <= last; seq++) deleted.push(seq);
  const live = new Set(model.messages.map((message) => message.seq));
  const expectedDeleted: number[] = [];
  for (let seq = model.firstSeq; seq <= model.lastSeq; seq++) if (!live.has(seq)) expectedDeleted.push(seq);
  assert.deepEqual(deleted, expectedDeleted, "deletedRanges()");

  for (const filter of FILTERS) {
    const from = Math.max(0, model.firstSeq - 2 + (random.uint32() % (model.lastSeq - model.firstSeq + 5)));
    await assertFilter(log, model, filter, from, view);
  }
}

async function assertFilter(
  log: StreamLog,
  model: PlainStream,
  filter: string,
  from: number,
  view: MessageView,
): Promise<void> {
  const all = model.matching(filter);
  const after = model.matching(filter, from);
  assertMessage(log.next(filter, from, view), after[0], `next(${filter}, ${from})`);
  const before = all.findLast((message) => message.seq <= from);
  assertMessage(log.previous(filter, from, view), before, `previous(${filter}, ${from})`);
  assertMessage(log.last(filter, view), all.at(-1), `last(${filter})`);
  await assertAnswers(log, model, filter, from);
  const prepared = log.filter([filter, "b"]);
  const either = model.messages.find(
    (message) => message.seq >= from && (plainMatch(filter, message.subject) || message.subject === "b"),
  );
  assertMessage(log.next(prepared, from, view), either, `next([${filter}, b], ${from})`);
}

/** Compares what the questions answer that go over many messages. The answer has to be that of the moment at which this is called. */
export async function assertAnswers(
  log: StreamLog,
  model: PlainStream,
  filter: string,
  from: number,
  prepared: FilterLike = filter,
): Promise<void> {
  const all = model.matching(filter);
  const after = all.filter((message) => message.seq >= from);
  const states = statesOf(all);
  const lasts = model.multiLast([filter], from);
  const [offset, limit] = [from % 7, 1 + (from % 5)];
  // All are asked before anything else can happen.
  const answers = await Promise.all([
    log.pending(prepared, from),
    log.pending(prepared, from, true),
    log.filteredState(prepared, from),
    log.multiLast(prepared, from),
    log.subjectStates(prepared),
    log.subjectStates(prepared, offset, limit),
  ]);
  const what = `of ${JSON.stringify(filter)} from ${from}`;
  assert.equal(answers[0], after.length, `pending() ${what}`);
  assert.equal(answers[1], states.filter(({ last }) => last >= from).length, `pending() of the last ones ${what}`);
  const found = { messages: after.length, first: after[0]?.seq ?? 0, last: after.at(-1)?.seq ?? 0 };
  assert.deepEqual(answers[2], found, `filteredState() ${what}`);
  assert.deepEqual([...answers[3]], lasts, `multiLast() ${what}`);
  assert.deepEqual(answers[4], { total: states.length, subjects: states }, `subjectStates() ${what}`);
  const page = { total: states.length, subjects: states.slice(offset, offset + limit) };
  assert.deepEqual(answers[5], page, `subjectStates() at ${offset}, ${limit}, ${what}`);
}

/** State of each subject, in order. */
function statesOf(messages: readonly PlainMessage[]): SubjectDetail[] {
  const states = new Map<string, SubjectDetail>();
  for (const { subject, seq } of messages) {
    const before = states.get(subject) ?? { messages: 0, first: seq };
    states.set(subject, { subject, messages: before.messages + 1, first: before.first, last: seq });
  }
  return [...states.values()].sort((a, b) => (a.subject < b.subject ? -1 : 1));
}
