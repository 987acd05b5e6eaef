// What every store must answer about many messages, however long that takes and whatever happens meanwhile, as tests. A part of
// `storeCompliance`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type SimClock, SimRandom } from "@myelin/platform/sim";
import { MessageDraft, type Rollup } from "../message-draft.ts";
import { MessageView } from "../message-view.ts";
import { NO_LIMITS, type Store, type StreamLog } from "../store.ts";
import { assertAnswers, assertMessage, assertTotals } from "./check-stream.ts";
import { PlainStream } from "./plain-stream.ts";
import { RestlessClock } from "./restless-clock.ts";
import { type StoreUnderTest, turn } from "./under-test.ts";

const RUNS = Number(process.env["MYELIN_QUESTION_RUNS"] ?? 3);
const SEED = Number(process.env["MYELIN_QUESTION_SEED"] ?? 1);
const NO_CONFIG = new Uint8Array(0);
/** More than what is looked at in one piece. */
const SUBJECTS = 2600;
const FILTERS = [">", "*.k", "*.*", "*.7", "m.*.x", "h", "5.k", "x.>", "*.>"];

/** A stream and its model, to which everything happens alike. */
class Pair {
  readonly log: StreamLog;
  readonly model: PlainStream;
  readonly random: SimRandom;

  constructor(log: StreamLog, seed: number) {
    this.log = log;
    this.model = new PlainStream(log.limits);
    this.random = new SimRandom(seed);
  }

  pick(count: number): number {
    return this.random.uint32() % count;
  }

  append(subject: string, rollup: Rollup = "none"): void {
    const draft = Object.assign(new MessageDraft().set(subject, "x"), { rollup });
    assert.equal(this.log.append(draft), this.model.append({ subject, headers: "", payload: "x", rollup }));
  }

  /** A subject, mostly one that is there. */
  subject(): string {
    const dice = this.pick(10);
    if (dice === 0) return "h";
    if (dice === 1) return `m.${this.pick(40)}.x`;
    if (dice === 3) return `${this.pick(5)}.7`;
    return `${this.pick(dice === 2 ? SUBJECTS * 2 : SUBJECTS)}.k`;
  }

  /** So many messages that no question is answered at once. */
  fill(): void {
    for (let i = 0; i < SUBJECTS; i++) this.append(`${(i * 7) % SUBJECTS}.k`);
    for (let i = 0; i < 100; i++) this.append("h");
    for (let i = 0; i < 600; i++) this.append(this.subject());
  }

  seq(): number {
    const { firstSeq, lastSeq } = this.model;
    return Math.max(1, firstSeq - 5 + this.pick(lastSeq - firstSeq + 10));
  }

  remove(seq: number): void {
    assert.equal(this.log.remove(seq), this.model.remove(seq));
  }

  /** Anything that can happen to a stream; what takes long goes on in turns of its own. */
  async change(): Promise<void> {
    const { log, model } = this;
    const dice = this.pick(200);
    if (dice < 100) {
      for (let i = this.pick(20); i >= 0; i--) this.append(this.subject());
    } else if (dice < 150) {
      for (let i = this.pick(20); i >= 0; i--) this.remove(this.seq());
    } else if (dice < 165) {
      // The last ones of their subjects: what is the last of them then has to be looked for.
      for (let i = 0; i < 30; i++) this.remove(model.lastSeq - i);
    } else if (dice < 175) {
      this.append(this.pick(2) === 0 ? "h" : this.subject(), "subject");
    } else if (dice < 180) {
      for (let i = 0; i < 80; i++) this.append("h");
    } else if (dice < 186) {
      const filter = FILTERS[1 + this.pick(FILTERS.length - 1)] as string;
      const keep = this.pick(2) === 0 ? 0 : 1 + this.pick(2000);
      assert.equal(await log.purge({ filter, keep }), model.purge(filter, 0, keep), `purge ${filter} ${keep}`);
    } else if (dice < 190) {
      const seq = model.firstSeq + this.pick(1000);
      assert.equal(await log.compact(seq), model.compact(seq));
    } else if (dice < 194) {
      const seq = Math.max(0, model.lastSeq - this.pick(1500));
      await log.truncate(seq);
      model.truncate(seq);
    } else if (dice < 196) {
      const limits = { ...NO_LIMITS, maxMsgsPerSubject: 1 + this.pick(3) };
      await log.update(limits, NO_CONFIG);
      model.setLimits(limits);
      await log.update(NO_LIMITS, NO_CONFIG);
      model.setLimits(NO_LIMITS);
    } else if (dice < 198) {
      this.append("h", "all");
      this.fill();
    } else {
      assert.equal(await log.purge(), model.purge("", 0, 0));
      this.fill();
    }
  }
}

/**
 * Asks everything while everything happens.
 *
 * @param seed - Printed when it fails, by the test's name.
 */
async function answersOfTheMoment(under: StoreUnderTest, seed: number, rounds: number): Promise<void> {
  const store = await under.open(new RestlessClock());
  const pair = new Pair(await store.createStream("S", NO_LIMITS, NO_CONFIG), seed);
  const { log, model } = pair;
  pair.fill();
  const prepared = FILTERS.map((filter) => log.filter([filter]));
  let asked: Promise<void>[] = [];
  for (let round = 0; round < rounds; round++) {
    const which = pair.pick(FILTERS.length);
    const filter = FILTERS[which] as string;
    const from = pair.pick(4) === 0 ? 0 : pair.seq();
    asked.push(assertAnswers(log, model, filter, from, pair.pick(2) === 0 ? filter : prepared[which]));
    for (let i = pair.pick(6); i >= 0; i--) {
      await pair.change();
      for (let turns = pair.pick(12); turns > 0; turns--) await turn();
    }
    assertTotals(log, model, false);
    const next = model.matching(filter, from)[0];
    assertMessage(log.next(prepared[which]!, from), next, `next(${filter}, ${from})`);
    const before = model.matching(filter).findLast(({ seq }) => seq <= from);
    assertMessage(log.previous(prepared[which]!, from), before, `previous(${filter}, ${from})`);
    if (asked.length < 3) continue;
    await Promise.all(asked);
    asked = [];
  }
  await Promise.all(asked);
  await store.stop();
}

/** Registers the suite. */
export function questionCompliance(name: string, under: StoreUnderTest): void {
  async function withPair(run: (pair: Pair, store: Store, clock: SimClock) => Promise<void>): Promise<void> {
    const clock = new RestlessClock();
    const store = await under.open(clock);
    try {
      await run(new Pair(await store.createStream("S", NO_LIMITS, NO_CONFIG), 1), store, clock);
    } finally {
      await store.stop();
    }
  }

  describe(`${name}: questions`, () => {
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      test(`answers are those of the moment of the call, whatever happens meanwhile, seed ${seed}`, () =>
        answersOfTheMoment(under, seed, 25));
    }

    test("each change by itself, while everything is being asked", () =>
      withPair(async (pair) => {
        const { log, model } = pair;
        const changes: Record<string, () => void | Promise<void>> = {
          nothing: () => {},
          appends: () => {
            for (let i = 0; i < 300; i++) pair.append(`${i * 17}.k`);
          },
          "removals of all but the first ones": () => {
            for (const { seq } of model.messages.slice(500)) pair.remove(seq);
          },
          "a rollup of a subject": () => pair.append("h", "subject"),
          "a rollup of everything": () => pair.append("h", "all"),
          "a purge": async () => assert.equal(await log.purge(), model.purge("", 0, 0)),
          "a purge and new messages": async () => {
            assert.equal(await log.purge(), model.purge("", 0, 0));
            for (let i = 0; i < 3000; i++) pair.append(`n.${i}`);
          },
          "a purge by subject": async () => assert.equal(await log.purge({ filter: "*.k" }), model.purge("*.k", 0, 0)),
          "a compaction": async () =>
            assert.equal(await log.compact(model.lastSeq - 50), model.compact(model.lastSeq - 50)),
          "a truncation and new messages": async () => {
            const seq = model.lastSeq - 2000;
            await log.truncate(seq);
            model.truncate(seq);
            for (let i = 0; i < 2500; i++) pair.append(`n.${i}`);
            for (let i = 0; i < 200; i++) pair.remove(seq + 10 + i);
          },
        };
        for (const [what, change] of Object.entries(changes)) {
          assert.equal(await log.purge(), model.purge("", 0, 0));
          pair.fill();
          for (let seq = model.firstSeq; seq < model.lastSeq; seq += 7) pair.remove(seq);
          // Some are already in the middle of their work when it happens.
          const asked = FILTERS.map((filter, i) =>
            assertAnswers(log, model, filter, [0, 900, 2900][i % 3]! + model.firstSeq),
          );
          for (let i = 0; i < 20; i++) await turn();
          await change();
          assertTotals(log, model, false);
          await Promise.all(asked).catch((error: unknown) => {
            throw new Error(`while there was ${what}`, { cause: error });
          });
          for (const filter of FILTERS) await assertAnswers(log, model, filter, model.firstSeq + 300);
        }
      }));

    test("what a rollup has taken away does not count while its slots are being emptied", () =>
      withPair(async (pair) => {
        pair.fill();
        for (let i = 0; i < 300; i++) pair.append("h");
        pair.append("h", "subject");
        const { log, model } = pair;
        await Promise.all(FILTERS.map((filter, i) => assertAnswers(log, model, filter, i % 2 === 0 ? 0 : 2900)));
      }));

    test("what is little is answered in the call itself", () =>
      withPair(async (pair) => {
        pair.fill();
        const { log } = pair;
        const turned = { yet: false };
        setImmediate(() => {
          turned.yet = true;
        });
        assert.equal(await log.pending("", 100), 3201);
        assert.equal(await log.pending("5.k", 1), (await log.filteredState("5.k")).messages);
        assert.equal(await log.pending("x.>", 1), 0);
        assert.deepEqual(await log.filteredState("h", 3300), await log.filteredState("h", 3300));
        assert.equal((await log.subjectStates("5.k")).total, 1);
        assert.equal(turned.yet, false);
      }));

    test("what is much is answered in slices", () =>
      withPair(async (pair) => {
        pair.fill();
        const { log } = pair;
        const questions: Record<string, () => Promise<unknown>> = {
          "pending()": () => log.pending("*.k", 1),
          "pending() from the middle": () => log.pending("*.k", 1600),
          "pending() of last ones": () => log.pending("*.k", 2, true),
          "pending() of last ones near the end": () => log.pending("*.k", 1600, true),
          "filteredState()": () => log.filteredState("*.k"),
          "filteredState() from the middle": () => log.filteredState("*.k", 1600),
          "multiLast()": () => log.multiLast("*.k"),
          "multiLast() up to a sequence": () => log.multiLast("*.k", 1600),
          "subjectStates()": () => log.subjectStates(""),
          "a page of subjectStates()": () => log.subjectStates("", 1000, 10),
        };
        for (const [what, ask] of Object.entries(questions)) {
          let turns = 0;
          let isAnswered = false;
          const answered = ask().then(() => {
            isAnswered = true;
          });
          for (; !isAnswered; turns++) await turn();
          await answered;
          assert.ok(turns > 2, `${what} took ${turns} turns`);
        }
      }));

    test("multiLast() of several filters, at most so many", () =>
      withPair(async (pair) => {
        const { log } = pair;
        for (const subject of ["a.1", "a.2", "b.1", "a.1", "c"]) pair.append(subject);
        const filter = log.filter(["a.*", "*.1"]);
        assert.deepEqual([...(await log.multiLast(filter))], [2, 3, 4]);
        assert.deepEqual([...(await log.multiLast(filter, 3))], [1, 2, 3]);
        await assert.rejects(log.multiLast(">", 0, 3), { code: "TOO_MANY_RESULTS", message: /more than 3/ });
        assert.equal((await log.multiLast(">", 0, 4)).length, 4);
        pair.fill();
        await assert.rejects(log.multiLast("*.k", 3000, 1024), { code: "TOO_MANY_RESULTS" });
        assert.equal((await log.multiLast("*.k", 1029, 1024)).length, 1024);
      }));

    test("multiLast() up to a sequence and pending() from one, of many subjects with holes and gaps", () =>
      withPair(async ({ log }) => {
        const random = new SimRandom(6);
        const kept = new Map<number, string>();
        for (let i = 0; i < 600; i++) {
          const subject = `${random.uint32() % 40}.k`;
          kept.set(log.append(new MessageDraft().set(subject, "x")), subject);
          if (random.uint32() % 60 === 0) log.skip(5000);
        }
        for (const seq of [...kept.keys()]) if (random.uint32() % 3 === 0 && log.remove(seq)) kept.delete(seq);
        const all = [...kept.keys()];
        for (let i = 0; i < 60; i++) {
          const upTo = (all[random.uint32() % all.length] as number) + (random.uint32() % 3) - 1;
          const lasts = new Map<string, number>();
          for (const [seq, subject] of kept) if (seq <= upTo) lasts.set(subject, seq);
          const expected = [...lasts.values()].sort((a, b) => a - b);
          assert.deepEqual([...(await log.multiLast("*.k", upTo))], expected, `up to ${upTo}`);
          if (expected.length > 1)
            await assert.rejects(log.multiLast(">", upTo, expected.length - 1), { code: "TOO_MANY_RESULTS" });
          const subject = `${random.uint32() % 40}.k`;
          const later = all.filter((seq) => seq >= upTo && kept.get(seq) === subject).length;
          assert.equal(await log.pending(subject, upTo), later, `${subject} from ${upTo}`);
        }
      }));

    test("subjectStates() lists by bytes, a page at a time", () =>
      withPair(async (pair) => {
        const { log } = pair;
        const subjects = ["a", "a.b", "a-b", "a.b.c", "b", "aa", "ab.\xff", "ab.\x80", "ab.x", "a.c", "A", "ab"];
        for (const subject of [...subjects, ...subjects.slice(3)]) pair.append(subject);
        const sorted = [...subjects].sort();
        const names = async (offset?: number, limit?: number): Promise<string[]> =>
          (await log.subjectStates("", offset, limit)).subjects.map(({ subject }) => subject);
        assert.deepEqual(await names(), sorted);
        for (let offset = 0; offset <= sorted.length + 1; offset++)
          assert.deepEqual(await names(offset, 3), sorted.slice(offset, offset + 3));
        assert.deepEqual(await log.subjectStates("a.b.*"), {
          total: 1,
          subjects: [{ subject: "a.b.c", messages: 2, first: 4, last: 13 }],
        });
        for (const [offset, limit] of [
          [-1, 1],
          [0.5, 1],
          [Number.NaN, 1],
          [0, 0],
          [0, 1.5],
          [0, 100_001],
        ] as const)
          await assert.rejects(log.subjectStates("", offset, limit), { code: "INVALID_PAGE" });
      }));

    test("next() and previous() look no further than they are told", () =>
      withPair(async (pair) => {
        const { log } = pair;
        pair.fill();
        pair.append("rare.one");
        const { lastSeq } = log.state();
        const view = new MessageView();
        for (const filter of ["rare.*", "rare.one", ">", "*.one"]) {
          const from = filter === ">" ? lastSeq : 1;
          assert.equal(log.next(filter, from, view, lastSeq - 1), null, filter);
          assert.equal(log.next(filter, from, view, lastSeq)?.seq, lastSeq, filter);
          assert.equal(log.next(filter, from)?.seq, lastSeq, filter);
        }
        for (const filter of ["h", "0.k", "*.k", "*.7"]) {
          const seq = log.previous(filter, lastSeq)!.seq;
          assert.equal(log.previous(filter, lastSeq, view, seq + 1), null, filter);
          assert.equal(log.previous(filter, lastSeq, view, seq)?.seq, seq, filter);
        }
      }));

    test("a question ends when its store is stopped, not when its stream is deleted", () =>
      withPair(async (pair, store) => {
        pair.fill();
        const deleted = pair.log.pending("*.k", 1, true);
        await store.deleteStream("S");
        assert.equal(await deleted, pair.model.multiLast(["*.k"], 0).length);
        const other = new Pair(await store.createStream("T", NO_LIMITS, NO_CONFIG), 1);
        other.fill();
        const stopped = assert.rejects(other.log.subjectStates("*.k"), { code: "CLOSED" });
        await store.stop();
        await stopped;
        await assert.rejects(other.log.pending("", 1), { code: "CLOSED" });
      }));
  });
}
