// What every store must do when many messages go at once, in one piece and in slices, as tests. A part of `storeCompliance`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimClock, SimRandom } from "@myelin/platform/sim";
import { StoreError } from "../errors.ts";
import { MessageDraft, type Rollup } from "../message-draft.ts";
import { NO_LIMITS, type StreamLog } from "../store.ts";
import { assertSame, assertTotals } from "./check-stream.ts";
import { PlainStream } from "./plain-stream.ts";
import { RestlessClock, TickingClock } from "./restless-clock.ts";
import type { StoreUnderTest } from "./under-test.ts";

const NO_CONFIG = new Uint8Array(0);

function append(log: StreamLog, subject: string, payload = "x", headers = ""): number {
  return log.append(new MessageDraft().set(subject, payload, headers));
}

function assertBusy(run: () => unknown): void {
  assert.throws(run, (error) => error instanceof StoreError && error.code === "BUSY");
}

function seqs(log: StreamLog): number[] {
  const found: number[] = [];
  for (let view = log.next("", 0); view !== null; view = log.next("", view.seq + 1)) found.push(view.seq);
  return found;
}

/** Waits until nothing of the stream changes any more by itself. */
async function settled(log: StreamLog): Promise<void> {
  for (let same = 0, bytes = -1; same < 10; same++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (log.state().bytes !== bytes) same = 0;
    bytes = log.state().bytes;
  }
}

/** What may happen while the slots of a rollup's messages are being emptied; `a` was rolled up. */
const MEANWHILE: readonly {
  readonly what: string;
  readonly run: (log: StreamLog, model: PlainStream) => void | Promise<void>;
}[] = [
  { what: "nothing", run: () => {} },
  { what: "an append of the same subject", run: (log, model) => both(log, model, "a", "none") },
  { what: "another rollup of it", run: (log, model) => both(log, model, "a", "subject") },
  { what: "a rollup of another subject", run: (log, model) => both(log, model, "a.b", "subject") },
  { what: "a rollup of everything", run: (log, model) => both(log, model, "b.c", "all") },
  {
    what: "the removal of what rolled it up",
    run: (log, model) => {
      assert.equal(log.remove(model.lastSeq), model.remove(model.lastSeq));
      assert.equal(log.remove(1), model.remove(1));
      both(log, model, "a", "none");
    },
  },
  {
    what: "a purge of the subject",
    run: async (log, model) => assert.equal(await log.purge({ filter: "a" }), model.purge("a", 0, 0)),
  },
  {
    what: "a purge of others that keeps some",
    run: async (log, model) => assert.equal(await log.purge({ filter: "*.>", keep: 70 }), model.purge("*.>", 0, 70)),
  },
  { what: "a purge of everything", run: async (log, model) => assert.equal(await log.purge(), model.purge("", 0, 0)) },
  { what: "a compaction", run: async (log, model) => assert.equal(await log.compact(1500), model.compact(1500)) },
  {
    what: "a truncation",
    run: async (log, model) => {
      await log.truncate(1700);
      model.truncate(1700);
    },
  },
  {
    what: "lower limits",
    run: async (log, model) => {
      const limits = { ...NO_LIMITS, maxMsgsPerSubject: 5, maxMsgs: 12 };
      await log.update(limits, NO_CONFIG);
      model.setLimits(limits);
    },
  },
];

function both(log: StreamLog, model: PlainStream, subject: string, rollup: Rollup): void {
  log.append(Object.assign(new MessageDraft().set(subject, "x"), { rollup }));
  model.append({ subject, headers: "", payload: "x", rollup });
}

/** Registers the suite. */
export function bulkCompliance(name: string, under: StoreUnderTest): void {
  describe(`${name}: many at once`, () => {
    for (const [what, clock] of [
      ["in one slice", () => new SimClock()],
      ["in as many slices as there can be", () => new RestlessClock()],
    ] as const) {
      test(`purge(), compact(), truncate() and rollups of many messages agree with the model, ${what}`, async () => {
        const store = await under.open(clock());
        const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
        const model = new PlainStream(NO_LIMITS);
        const check = async (step: string): Promise<void> => {
          assertTotals(log, model, under.countsAsFile);
          const seqsThere = model.messages.map(({ seq }) => seq);
          assert.deepEqual(seqs(log), seqsThere, step);
          for (const subject of ["a", "b", "c", "rare"])
            assert.deepEqual(await log.filteredState(subject), model.subjectState(subject), step);
        };
        const fill = (count: number): void => {
          for (let i = 0; i < count; i++) {
            const subject = i % 401 === 400 ? "rare" : ("abc"[i % 3] as string);
            append(log, subject, `${i}`, i % 5 === 0 ? "NATS/1.0\r\n\r\n" : "");
            model.append({
              subject,
              payload: `${i}`,
              headers: i % 5 === 0 ? "NATS/1.0\r\n\r\n" : "",
              rollup: "none",
            });
          }
        };
        fill(5000);
        assert.equal(await log.compact(2000), model.compact(2000));
        await check("compacted");
        assert.equal(await log.purge({ filter: "b" }), model.purge("b", 0, 0));
        await check("purged");
        assert.equal(await log.purge({ seq: 2500 }), model.purge("", 2500, 0));
        await check("purged up to a sequence");
        assert.equal(await log.purge({ filter: "a", keep: 3 }), model.purge("a", 0, 3));
        fill(1000);
        await log.truncate(4900);
        model.truncate(4900);
        await check("truncated");
        fill(1000);
        await check("filled again");
        for (const rollup of ["subject", "all"] as const) {
          log.append(Object.assign(new MessageDraft().set("a", "x"), { rollup }));
          model.append({ subject: "a", headers: "", payload: "x", rollup });
          await settled(log);
          await check(`rolled up: ${rollup}`);
          fill(600);
          await check("goes on");
        }
        await log.truncate(10);
        model.truncate(10);
        await check("truncated to below the first");
        fill(300);
        assert.equal(await log.compact(9000), model.compact(9000));
        await check("compacted beyond the last");
        fill(10);
        assert.equal(await log.compact(0), model.compact(0));
        await check("compacted whole");
        await store.stop();
      });
    }

    for (const { what, run } of MEANWHILE) {
      test(`a rollup of many messages has its effect at once and goes on in slices; meanwhile: ${what}`, async () => {
        const clock = new RestlessClock();
        const random = new SimRandom(1);
        let store = await under.open(clock);
        let log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
        const model = new PlainStream(NO_LIMITS);
        let told = 0;
        log.listener = { removed: () => told++, purged: (_firstSeq, messages) => (told += messages) };
        for (let i = 0; i < 2500; i++)
          both(log, model, i < 300 ? "a" : (["a", "a.b", "a", "b.c"][i % 4] as string), "none");
        await store.durable();
        const before = log.state().bytes;
        const view = log.load(1)!;
        both(log, model, "a", "subject");
        assert.equal(log.load(1, view), null);
        assert.ok(log.state().bytes > before * 0.9, "it goes in slices");
        await assertSame(log, model, random, false);
        await run(log, model);
        await assertSame(log, model, random, false);
        if (under.reopen === undefined) {
          await settled(log);
          if (log.truncations === 0)
            assert.equal(told, log.state().lastSeq - log.state().messages, "everybody is told");
        } else {
          store = await under.reopen(store, clock);
          log = store.stream("S") as StreamLog;
        }
        await assertSame(log, model, random, under.countsAsFile);
        both(log, model, "a", "none");
        await assertSame(log, model, random, under.countsAsFile);
        await store.stop();
      });
    }

    test("an append to a stream that is full of bytes is not refused for what a rollup has taken away", async () => {
      const store = await under.open(new RestlessClock());
      const log = await store.createStream("S", { ...NO_LIMITS, discard: "new", maxBytes: 100_000 }, NO_CONFIG);
      append(log, "b");
      while (log.state().bytes < 99_000) append(log, "a", "x".repeat(100));
      assert.throws(() => append(log, "b", "x".repeat(20_000)), { code: "MAX_BYTES" });
      log.append(Object.assign(new MessageDraft().set("a", "x"), { rollup: "subject" }));
      append(log, "b", "x".repeat(20_000));
      assert.deepEqual([log.state().messages, log.state().bytes < 21_000], [3, true]);
      await store.stop();
    });

    test("nothing else goes from a stream that is full of bytes when a rollup has made room", async () => {
      const store = await under.open(new RestlessClock());
      const log = await store.createStream("S", { ...NO_LIMITS, maxBytes: 100_000 }, NO_CONFIG);
      append(log, "b");
      while (log.state().bytes < 99_000) append(log, "a", "x".repeat(100));
      log.append(Object.assign(new MessageDraft().set("a", "x"), { rollup: "subject" }));
      append(log, "b", "x".repeat(20_000));
      assert.ok(log.state().bytes > 100_000, "it goes in slices");
      await settled(log);
      assert.deepEqual(await log.filteredState("b"), { messages: 2, first: 1, last: log.state().lastSeq });
      // And the limit holds again.
      for (let i = 0; i < 1500; i++) append(log, "c", "x".repeat(100));
      await settled(log);
      assert.ok(log.state().bytes <= 100_000);
      await store.stop();
    });

    test("a large message that takes the place of many small ones has them go in slices", async () => {
      const store = await under.open(new RestlessClock());
      const log = await store.createStream("S", { ...NO_LIMITS, maxBytes: 300_000 }, NO_CONFIG);
      while (log.state().bytes < 290_000) append(log, "a");
      const { messages } = log.state();
      append(log, "b", "x".repeat(250_000));
      assert.ok(log.state().messages > messages / 2, "it goes in slices");
      await settled(log);
      assert.ok(log.state().bytes <= 300_000 && log.state().bytes > 299_900);
      await store.stop();
    });

    test("messages of many streams that expire in the same moment go in slices that they share", async () => {
      const clock = new TickingClock();
      const store = await under.open(clock);
      const logs: StreamLog[] = [];
      for (let i = 0; i < 100; i++) {
        logs.push(await store.createStream(`S${i}`, { ...NO_LIMITS, maxAgeMs: 1000 }, NO_CONFIG));
        for (let k = 0; k < 20; k++) append(logs[i]!, "a");
      }
      await store.durable();
      const left = (): number => logs.reduce((sum, log) => sum + log.state().messages, 0);
      clock.advance(2000);
      assert.ok(left() > 1000, "one turn takes but a part of them");
      while (left() > 0) await new Promise((resolve) => setImmediate(resolve));
      await store.stop();
    });

    test("a search for a message that can expire goes in slices", async () => {
      const clock = new TickingClock();
      const store = await under.open(clock);
      const log = await store.createStream("S", { ...NO_LIMITS }, NO_CONFIG);
      const never = Object.assign(new MessageDraft().set("never", "x"), { ttlSeconds: -1 });
      for (let i = 0; i < 5000; i++) log.append(never);
      append(log, "a");
      await store.durable();
      clock.advance(2000);
      const looked = clock.looks;
      await log.update({ ...NO_LIMITS, maxAgeMs: 1000 }, NO_CONFIG);
      assert.equal(log.state().messages, 5001);
      for (let turn = 0; log.state().messages > 5000; turn++) {
        assert.ok(turn < 1000);
        clock.advance(0);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(log.load(5001), null);
      assert.ok(clock.looks - looked > 100, "the clock is looked at");
      await store.stop();
    });

    test("lower limits in slices hold for what is stored meanwhile", async () => {
      const store = await under.open(new RestlessClock());
      const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
      for (let i = 0; i < 6000; i++) append(log, `s.${i % 1000}`);
      const updated = log.update({ ...NO_LIMITS, maxMsgsPerSubject: 2 }, NO_CONFIG);
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(log.state().messages > 2000, "it goes in slices");
      append(log, "s.0");
      append(log, "s.999");
      await updated;
      const { total, subjects } = await log.subjectStates(">");
      assert.equal(total, 1000);
      for (const { subject, messages } of subjects) assert.equal(messages, 2, subject);
      await store.stop();
    });

    test("a stream that is truncated in slices refuses changes until it is done", async () => {
      const store = await under.open(new RestlessClock());
      const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
      for (let i = 0; i < 9000; i++) append(log, "a");
      const truncated = log.truncate(5);
      assertBusy(() => append(log, "a"));
      await assert.rejects(log.purge(), { code: "BUSY" });
      await assert.rejects(log.compact(3), { code: "BUSY" });
      assert.ok(log.state().messages > 5, "it goes in slices");
      assert.notEqual(log.load(5), null);
      await truncated;
      assert.equal(append(log, "a"), 6);
      await store.stop();
    });

    test("deleteStream() ends what is under way in slices", async () => {
      const store = await under.open(new RestlessClock());
      const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
      for (let i = 0; i < 9000; i++) append(log, "a");
      const compacted = assert.rejects(log.compact(8000), { code: "CLOSED" });
      await store.deleteStream("S");
      await compacted;
      await store.stop();
    });
  });
}
