// What every store must do, as tests. A store's own test file calls `storeCompliance` once; stores to come do the same.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimClock, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { MessageView } from "../message-view.ts";
import { NO_LIMITS, type StreamLimits, type StreamLog } from "../store.ts";
import { backupCompliance } from "./backup-compliance.ts";
import { bulkCompliance } from "./bulk-compliance.ts";
import { assertMessage, assertSame, assertTotals } from "./check-stream.ts";
import { limitsCompliance } from "./limits-compliance.ts";
import { MODEL_LIMITS, PlainStream } from "./plain-stream.ts";
import { questionCompliance } from "./question-compliance.ts";
import { append, codeOf, NO_CONFIG, type StoreUnderTest, seqs, streamsOf } from "./under-test.ts";

/** Registers the suite. */
export function storeCompliance(name: string, under: StoreUnderTest): void {
  backupCompliance(name, (clock) => under.open(clock));
  bulkCompliance(name, under);
  questionCompliance(name, under);
  limitsCompliance(name, under);
  const withStream = streamsOf(under);
  describe(`${name}: compliance`, () => {
    test("append() and load() keep subject, headers, payload and time", () =>
      withStream({}, (log, clock) => {
        const subject = Buffer.from([0x61, 0x2e, 0xff, 0xc3]).toString("latin1");
        assert.equal(append(log, subject, "payload", "NATS/1.0\r\nA: b\r\n\r\n"), 1);
        clock.advance(5);
        assert.equal(append(log, "empty", ""), 2);
        const first = log.load(1);
        assertMessage(first, { seq: 1, subject, headers: "NATS/1.0\r\nA: b\r\n\r\n", payload: "payload" }, "first");
        const second = log.load(2);
        assertMessage(second, { seq: 2, subject: "empty", headers: "", payload: "" }, "second");
        assert.equal((second?.timeNs ?? 0n) - (first?.timeNs ?? 0n), 5_000_000n);
        assert.equal(log.load(3), null);
        const state = log.state();
        assert.equal(state.firstTimeNs, first?.timeNs);
        assert.equal(state.lastTimeNs, second?.timeNs);
      }));

    test("prefetch() reads and changes nothing, whatever the stream holds", () =>
      withStream({}, async (log) => {
        const same = (what: string): void => {
          const before = log.state();
          assert.ok(Number.isFinite(log.prefetch()), what);
          assert.deepEqual(log.state(), before, what);
        };
        same("nothing was ever stored");
        // Past every size at which what it reads from grows.
        for (let i = 1; i <= 300; i++) {
          assert.equal(append(log, `a.${i % 3}`, "x".repeat(i)), i);
          same(`${i} messages`);
        }
        log.remove(300);
        same("the last one was removed");
        await log.purge();
        same("all were purged");
        assert.equal(append(log, "a.0"), 301);
        assert.deepEqual(seqs(log), [301]);
      }));

    test("append() takes the origin's time to the nanosecond", () =>
      withStream({}, (log) => {
        const draft = new MessageDraft().set("a", "x");
        draft.timeMs = 1_700_000_000_123;
        draft.timeSubNs = 456_789;
        log.append(draft);
        assert.equal(log.load(1)?.timeNs, 1_700_000_000_123_456_789n);
      }));

    test("append() keeps the largest times, and refuses those that no record can hold", () =>
      withStream({}, (log) => {
        const draft = new MessageDraft().set("a", "x");
        const most = { ttlSeconds: 2 ** 32 - 2, timeMs: 2 ** 44 - 1, timeSubNs: 999_999 };
        Object.assign(draft, most);
        log.append(draft);
        const stored = log.load(1);
        assert.equal(stored?.ttlSeconds, most.ttlSeconds);
        assert.equal(stored?.timeNs, BigInt(most.timeMs) * 1_000_000n + 999_999n);
        for (const wrong of [
          { ttlSeconds: 2 ** 32 - 1 },
          { ttlSeconds: -2 },
          { ttlSeconds: 0.5 },
          { ttlSeconds: Number.NaN },
          { timeMs: 2 ** 44 },
          { timeMs: -1 },
          { timeMs: 1.5 },
          { timeSubNs: 1_000_000 },
          { timeSubNs: -1 },
        ]) {
          Object.assign(draft, most, wrong);
          assert.equal(
            codeOf(() => log.append(draft)),
            "INVALID_TIME",
            JSON.stringify(wrong),
          );
        }
        assert.equal(log.state().lastSeq, 1);
      }));

    test("append() of large messages, and refusal of what cannot be represented", () =>
      withStream({}, (log) => {
        const payload = Buffer.alloc(3_000_000, "z");
        assert.equal(append(log, "big", payload.toString()), 1);
        assert.equal(append(log, "small"), 2);
        assert.deepEqual(Buffer.from(log.load(1)?.payload ?? []), payload);
        assert.equal(
          codeOf(() => append(log, "s".repeat(65_536))),
          "MSG_TOO_LARGE",
        );
        assert.equal(
          codeOf(() => append(log, "s", "x", "h".repeat(65_536))),
          "MSG_TOO_LARGE",
        );
        assert.equal(log.state().messages, 2);
      }));

    test("expectedSeq and skip() hold the sequence", () =>
      withStream({}, (log) => {
        const draft = new MessageDraft().set("a", "x");
        draft.expectedSeq = 2;
        assert.equal(
          codeOf(() => log.append(draft)),
          "SEQUENCE_MISMATCH",
        );
        log.skip(1, 1);
        assert.equal(log.state().firstSeq, 2);
        assert.equal(log.append(draft), 2);
        assert.equal(
          codeOf(() => log.skip(1, 9)),
          "SEQUENCE_MISMATCH",
        );
        log.skip(100_000);
        assert.equal(append(log, "a"), 100_003);
        assert.deepEqual(seqs(log), [2, 100_003]);
        assert.deepEqual([...log.deletedRanges()], [[3, 100_002]]);
        assert.equal(log.state().deleted, 100_000);
        for (const count of [0.5, Number.NaN, 2 ** 52, Number.POSITIVE_INFINITY]) {
          assert.equal(
            codeOf(() => log.skip(count)),
            "INVALID_SEQUENCE",
          );
        }
        log.skip(2 ** 52 - log.state().lastSeq);
        assert.equal(append(log, "a"), 2 ** 52 + 1);
      }));

    test("a stream can begin at any sequence", async () => {
      const clock = new SimClock();
      const store = await under.open(clock);
      const log = await store.createStream("S", NO_LIMITS, NO_CONFIG, 2 ** 40);
      assert.deepEqual([log.state().firstSeq, log.state().lastSeq], [2 ** 40, 2 ** 40 - 1]);
      assert.equal(append(log, "a"), 2 ** 40);
      assertMessage(log.load(2 ** 40), { seq: 2 ** 40, subject: "a", headers: "", payload: "x" }, "first");
      for (const firstSeq of [0, -1, 1.5, Number.NaN, 2 ** 52 + 1]) {
        await assert.rejects(store.createStream("T", NO_LIMITS, NO_CONFIG, firstSeq), { code: "INVALID_SEQUENCE" });
      }
      await store.stop();
    });

    test("a store that is stopped refuses reads", async () => {
      const store = await under.open(new SimClock());
      const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
      for (let i = 0; i < 50; i++) append(log, "a", "x".repeat(300));
      await store.durable();
      const reads: Record<string, () => unknown> = {
        load: () => log.load(1),
        next: () => log.next("", 0),
        previous: () => log.previous("a", 50),
        last: () => log.last(""),
        state: () => log.state(),
        seqAtTime: () => log.seqAtTime(0),
      };
      const stopped = store.stop();
      for (const [call, run] of Object.entries(reads)) assert.equal(codeOf(run), "CLOSED", `${call} while it stops`);
      await stopped;
      for (const [call, run] of Object.entries(reads)) assert.equal(codeOf(run), "CLOSED", call);
    });

    test("what is no sequence is refused, and changes nothing", () =>
      withStream({}, async (log) => {
        for (let i = 0; i < 5; i++) append(log, "a");
        for (const seq of [0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53]) {
          const calls: Record<string, () => unknown> = {
            load: () => log.load(seq),
            next: () => log.next("", seq),
            previous: () => log.previous("a", seq),
            "next, up to": () => log.next("", 0, new MessageView(), seq),
            "previous, down to": () => log.previous("a", 5, new MessageView(), seq),
            remove: () => log.remove(seq),
            erase: () => log.erase(seq),
          };
          for (const [call, run] of Object.entries(calls))
            assert.equal(codeOf(run), "INVALID_SEQUENCE", `${call} ${seq}`);
          for (const question of [log.multiLast("a", seq), log.filteredState("a", seq), log.pending("", seq)])
            await assert.rejects(question, { code: "INVALID_SEQUENCE" });
        }
        for (const seq of [-1, 0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 52 + 1]) {
          await assert.rejects(log.purge({ seq }), { code: "INVALID_SEQUENCE" });
          await assert.rejects(log.purge({ filter: "a", seq }), { code: "INVALID_SEQUENCE" });
          await assert.rejects(log.compact(seq), { code: "INVALID_SEQUENCE" });
          await assert.rejects(log.truncate(seq), { code: "INVALID_SEQUENCE" });
        }
        for (const keep of [-1, 1.5, Number.NaN]) await assert.rejects(log.purge({ keep }), { code: "INVALID_PURGE" });
        await assert.rejects(log.purge({ keep: 1, seq: 5 }), { code: "INVALID_PURGE" });
        await assert.rejects(log.purge({ filter: "a", keep: 1, seq: 1 }), { code: "INVALID_PURGE" });
        assert.deepEqual([log.load(-1), log.remove(-1), log.remove(6), log.truncations], [null, false, false, 0]);
        assert.deepEqual([seqs(log), log.state().lost], [[1, 2, 3, 4, 5], []]);
        assert.equal(append(log, "a"), 6);
      }));

    test("purge() by filter, sequence and keep", () =>
      withStream({}, async (log) => {
        for (let i = 0; i < 12; i++) append(log, "abc"[i % 3] as string);
        assert.equal(await log.purge({ filter: "a", keep: 2 }), 2);
        assert.deepEqual(seqs(log, "a"), [7, 10]);
        assert.equal(await log.purge({ filter: "b", seq: 8 }), 2);
        assert.deepEqual(seqs(log, "b"), [8, 11]);
        assert.equal(await log.purge({ seq: 1 }), 0);
        assert.equal(await log.purge({ seq: 9 }), 4);
        assert.equal(await log.purge({ keep: 1 }), 3);
        assert.deepEqual(seqs(log), [12]);
        assert.equal(await log.purge({ filter: "x" }), 0);
        assert.equal(await log.purge(), 1);
        assert.equal(await log.purge(), 0);
        const state = log.state();
        assert.deepEqual([state.messages, state.bytes, state.firstSeq, state.lastSeq], [0, 0, 13, 12]);
        assert.equal(append(log, "a"), 13);
      }));

    test("compact() below and beyond the last sequence", () =>
      withStream({}, async (log) => {
        for (let i = 0; i < 5; i++) append(log, "a");
        log.remove(3);
        assert.equal(await log.compact(3), 2);
        assert.equal(log.state().firstSeq, 4);
        assert.equal(await log.compact(2), 0);
        assert.equal(await log.compact(20), 2);
        assert.deepEqual([log.state().firstSeq, log.state().lastSeq], [20, 19]);
        assert.equal(append(log, "a"), 20);
        assert.deepEqual(seqs(log), [20]);
      }));

    test("truncate() gives sequences again", () =>
      withStream({}, async (log) => {
        for (let i = 0; i < 10; i++) append(log, "ab"[i % 2] as string, `${i}`);
        log.remove(4);
        const truncating = log.truncate(4);
        assert.equal(
          codeOf(() => append(log, "a")),
          "BUSY",
        );
        await truncating;
        assert.deepEqual(seqs(log), [1, 2, 3]);
        assert.equal(append(log, "c", "again"), 5);
        assertMessage(log.load(5), { seq: 5, subject: "c", headers: "", payload: "again" }, "again");
        assert.deepEqual(await log.filteredState("b"), { messages: 1, first: 2, last: 2 });
        await log.truncate(0);
        assert.equal(append(log, "a"), 1);
      }));

    test("remove() and erase() take one message away, once", () =>
      withStream({}, (log) => {
        for (let i = 0; i < 5; i++) append(log, "a");
        assert.equal(log.remove(3), true);
        assert.equal(log.remove(3), false);
        assert.equal(log.erase(4), true);
        assert.equal(log.erase(9), false);
        assert.equal(log.load(4), null);
        assert.deepEqual(seqs(log), [1, 2, 5]);
        assert.deepEqual([...log.deletedRanges()], [[3, 4]]);
      }));

    test("seqAtTime() takes nanoseconds, and milliseconds with a fraction", () =>
      withStream({}, (log) => {
        const subNs = [0, 250_000, 250_001, 999_999];
        for (const timeSubNs of subNs)
          log.append(Object.assign(new MessageDraft().set("a", "x"), { timeMs: 5000, timeSubNs }));
        for (const [i, sub] of subNs.entries()) {
          assert.equal(log.seqAtTime(5_000_000_000n + BigInt(sub)), i + 1);
          assert.equal(log.seqAtTime(5_000_000_001n + BigInt(sub)), i + 2);
        }
        const found = [4999.9, 5000, 5000.1, 5000.25, 5000.5, 5001].map((ms) => log.seqAtTime(ms));
        assert.deepEqual(found, [1, 1, 2, 2, 4, 5]);
        assert.deepEqual([log.seqAtTime(-1n), log.seqAtTime(-0.5), log.seqAtTime(2n ** 63n)], [1, 1, 5]);
      }));

    test("seqAtTime() finds the first message at or after a time", () =>
      withStream({}, (log, clock) => {
        const start = clock.wallMs();
        for (let i = 0; i < 20; i++) {
          append(log, "a");
          clock.advance(10);
        }
        for (const seq of [1, 5, 6, 11, 20]) log.remove(seq);
        assert.equal(log.seqAtTime(0), 2);
        assert.equal(log.seqAtTime(start + 30), 4);
        assert.equal(log.seqAtTime(start + 31), 7);
        assert.equal(log.seqAtTime(start + 100), 12);
        assert.equal(log.seqAtTime(start + 181), 21);
      }));

    test("the listener is told what goes", () =>
      withStream({ maxMsgs: 2 }, async (log) => {
        const told: string[] = [];
        log.listener = {
          removed: (seq) => told.push(`removed ${seq}`),
          purged: (firstSeq, messages) => told.push(`purged ${messages} below ${firstSeq}`),
        };
        for (let i = 0; i < 3; i++) append(log, "a");
        log.remove(3);
        await log.purge();
        for (let i = 0; i < 2; i++) append(log, "a");
        await log.compact(5);
        assert.deepEqual(told, ["removed 1", "removed 3", "purged 1 below 4", "purged 1 below 5"]);
      }));

    test("consumers keep what was saved last", () =>
      withStream({}, (log) => {
        const consumer = log.consumer("C");
        assert.equal(consumer.state, null);
        const bytes = Buffer.from("one");
        consumer.save(bytes);
        bytes.fill(0);
        assert.equal(Buffer.from(consumer.state ?? []).toString(), "one");
        assert.equal(log.consumer("C"), consumer);
        assert.equal(log.state().consumers, 1);
        consumer.delete();
        assert.deepEqual(log.consumers(), []);
      }));

    test("streams are made once, found by name, and gone when deleted", async () => {
      const store = await under.open(new SimClock());
      for (const streamName of ["S", "__proto__", "../x", "ü".repeat(100)]) {
        const log = await store.createStream(streamName, NO_LIMITS, Buffer.from("c"));
        assert.equal(store.stream(streamName), log);
        append(log, "a");
      }
      await assert.rejects(store.createStream("S", NO_LIMITS, NO_CONFIG), { code: "STREAM_EXISTS" });
      for (const streamName of ["", "\ud800", "x\udfff", "ü".repeat(128)]) {
        await assert.rejects(store.createStream(streamName, NO_LIMITS, NO_CONFIG), { code: "INVALID_NAME" });
        assert.equal(
          codeOf(() => store.stream("S")!.consumer(streamName)),
          "INVALID_NAME",
        );
      }
      const log = store.stream("S") as StreamLog;
      await store.deleteStream("S");
      assert.equal(store.stream("S"), null);
      assert.equal(
        codeOf(() => append(log, "a")),
        "CLOSED",
      );
      assert.equal((await store.createStream("S", NO_LIMITS, NO_CONFIG)).state().lastSeq, 0);
      assert.equal(store.streams().length, 4);
      await store.stop();
    });

    test("durable() resolves, and tickets grow up to it", () =>
      withStream({}, async (log, _clock, store) => {
        append(log, "a");
        const ticket = store.ticket();
        await store.durable();
        assert.ok(store.durableTicket >= ticket);
      }));

    test("endTurn() keeps what the turn has gathered, and what comes behind it in the same turn of the event loop", () =>
      withStream({}, async (log, _clock, store) => {
        store.endTurn();
        append(log, "a");
        const ticket = store.ticket();
        store.endTurn();
        assert.ok(store.ticket() >= ticket);
        append(log, "b");
        store.endTurn();
        store.endTurn();
        await store.durable();
        assert.ok(store.durableTicket >= ticket);
        assert.deepEqual(seqs(log), [1, 2]);
      }));

    for (let seed = 1; seed <= 12; seed++) {
      test(`random operations agree with the plain model, seed ${seed}`, () => agreesWithModel(under, seed, 400));
    }
  });
}

/**
 * Runs random operations on a store and on the model and compares them.
 *
 * @param seed - Printed when it fails, by the test's name.
 */
export async function agreesWithModel(under: StoreUnderTest, seed: number, steps: number): Promise<void> {
  const random = new SimRandom(seed);
  const pick = (count: number): number => random.uint32() % count;
  const clock = new SimClock();
  // The model does not know what compressed messages take.
  const compresses = seed % 4 === 0;
  const countsBytes = under.countsAsFile && !compresses;
  const limitsAt = (i: number): StreamLimits => {
    const limits = { ...NO_LIMITS, ...MODEL_LIMITS[i % MODEL_LIMITS.length] };
    if (compresses) return { ...limits, maxBytes: 0, compression: "s2" };
    return under.countsAsFile ? limits : { ...limits, maxBytes: 0 };
  };
  let store = await under.open(clock);
  let log = await store.createStream("S", limitsAt(seed), NO_CONFIG);
  const model = new PlainStream(log.limits);
  const subject = (): string => Array.from({ length: 1 + pick(3) }, () => "abc"[pick(3)]).join(".");
  const someSeq = (): number => Math.max(0, model.firstSeq - 2 + pick(model.lastSeq - model.firstSeq + 6));
  for (let step = 0; step < steps; step++) {
    const dice = pick(100);
    if (dice < 70) {
      const rollup = pick(40) === 0 ? (pick(4) === 0 ? "all" : "subject") : "none";
      const headers = pick(3) === 0 ? `h${"h".repeat(pick(20))}` : "";
      const draft = {
        subject: subject(),
        headers,
        payload: "p".repeat(pick(pick(20) === 0 ? 3000 : 60)),
        rollup,
      } as const;
      const real = new MessageDraft().set(draft.subject, draft.payload, draft.headers);
      real.rollup = rollup;
      const refused = codeOf(() => assert.equal(log.append(real), model.lastSeq + 1));
      assert.equal(
        codeOf(() => model.append(draft)),
        refused,
      );
    } else if (dice < 82) {
      const seq = someSeq();
      assert.equal(pick(4) === 0 ? log.erase(seq) : log.remove(seq), model.remove(seq));
    } else if (dice < 86) {
      const filter = ["", ">", subject(), "a.*", "*"][pick(5)] as string;
      const keep = pick(2) === 0 ? pick(4) : 0;
      const seq = keep === 0 && pick(2) === 0 ? someSeq() : 0;
      if (filter === "" && keep === 0 && seq === 0 && pick(3) !== 0) continue; // not too often
      assert.equal(
        await log.purge({ filter, keep, seq }),
        model.purge(filter, seq, keep),
        `purge ${filter} ${seq} ${keep}`,
      );
    } else if (dice < 88) {
      const seq = someSeq() + 1;
      assert.equal(await log.compact(seq), model.compact(seq), `compact ${seq}`);
    } else if (dice < 90) {
      const seq = Math.max(0, model.lastSeq - pick(10));
      await log.truncate(seq);
      model.truncate(seq);
    } else if (dice < 92) {
      const count = pick(5);
      log.skip(count);
      model.skip(count);
    } else if (dice < 93) {
      const limits = limitsAt(pick(20));
      await log.update(limits, NO_CONFIG);
      model.setLimits(limits);
    } else if (dice < 96) {
      await new Promise((resolve) => setImmediate(resolve));
    } else if (under.reopen !== undefined && dice < 98) {
      store = await under.reopen(store, clock);
      log = store.stream("S") as StreamLog;
    }
    assertTotals(log, model, countsBytes);
    if (step % 20 === 0) await assertSame(log, model, random, countsBytes);
  }
  await assertSame(log, model, random, countsBytes);
  await store.stop();
}
