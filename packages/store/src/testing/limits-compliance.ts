// What limits, times to live, rollups and compression do to a stream, for every store.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimClock, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS } from "../store.ts";
import { assertMessage } from "./check-stream.ts";
import type { PlainMessage } from "./plain-stream.ts";
import { append, codeOf, NO_CONFIG, type StoreUnderTest, seqs, streamsOf } from "./under-test.ts";

const DAY_MS = 86_400_000;

/** Registers the suite. */
export function limitsCompliance(name: string, under: StoreUnderTest): void {
  const withStream = streamsOf(under);

  describe(`${name}: limits`, () => {
    test("discard old drops the oldest at each limit", () =>
      withStream({ maxMsgs: 5, maxMsgsPerSubject: 2 }, (log) => {
        for (let i = 0; i < 3; i++) append(log, "a");
        assert.deepEqual(seqs(log), [2, 3]);
        for (const subject of ["b", "c", "d", "e"]) append(log, subject);
        assert.deepEqual(seqs(log), [3, 4, 5, 6, 7]);
      }));

    test("discard old by bytes, as state().bytes counts them", () =>
      withStream({ maxBytes: 200 }, (log) => {
        for (let i = 0; i < 10; i++) append(log, "abc", "x".repeat(30));
        const state = log.state();
        assert.ok(state.bytes <= 200 && state.bytes > 100);
        assert.equal(state.bytes, state.messages * (33 + (under.countsAsFile ? 30 : 16)));
      }));

    test("discard new refuses at each limit, and lets a subject replace its own", () =>
      withStream({ maxMsgs: 3, discard: "new", maxMsgsPerSubject: 2 }, (log) => {
        for (const subject of ["a", "a", "b"]) append(log, subject);
        assert.equal(
          codeOf(() => append(log, "c")),
          "MAX_MSGS",
        );
        assert.equal(append(log, "a"), 4);
        assert.deepEqual(seqs(log), [2, 3, 4]);
      }));

    test("discard new by bytes and per subject", async () => {
      await withStream({ maxBytes: 100, discard: "new" }, (log) => {
        append(log, "a", "x".repeat(50));
        assert.equal(
          codeOf(() => append(log, "a", "x".repeat(50))),
          "MAX_BYTES",
        );
        assert.equal(log.state().messages, 1);
      });
      await withStream({ maxMsgsPerSubject: 1, discard: "new", discardNewPerSubject: true }, (log) => {
        append(log, "a");
        assert.equal(
          codeOf(() => append(log, "a")),
          "MAX_MSGS_PER_SUBJECT",
        );
        const draft = new MessageDraft().set("a", "rolled");
        draft.rollup = "subject";
        assert.equal(log.append(draft), 2);
        assert.deepEqual(seqs(log), [2]);
        draft.rollup = "none";
        draft.checkDiscardNew = false;
        assert.equal(log.append(draft), 3);
      });
    });

    test("a compressed stream gives back what was stored, takes less room, and counts that", async () => {
      const json = (i: number): string =>
        JSON.stringify(Array.from({ length: 20 }, (_, k) => ({ id: i * k, name: "x" })));
      const bytes = new Map<string, number>();
      for (const compression of ["none", "s2"] as const) {
        await withStream({ compression }, async (log, _clock, store) => {
          const headers = "NATS/1.0\r\nContent-Type: application/json\r\nContent-Type-Again: application/json\r\n\r\n";
          const noise = Buffer.from(new SimRandom(1).fillSecret(new Uint8Array(300))).toString("latin1");
          const stored: PlainMessage[] = [];
          for (let i = 1; i <= 60; i++) {
            const payload = ["", "short", noise, json(i)][i % 4] as string;
            const message = { seq: i, subject: `s.${i % 3}`, headers: i % 5 === 0 ? headers : "", payload };
            const draft = new MessageDraft().set(message.subject, Buffer.from(payload, "latin1"), message.headers);
            draft.ttlSeconds = i % 7 === 0 ? 1000 : 0;
            log.append(draft);
            stored.push(message);
            if (i === 30) await log.update({ ...log.limits, compression: "none" }, NO_CONFIG);
            if (i === 40) await log.update({ ...log.limits, compression }, NO_CONFIG);
          }
          bytes.set(compression, log.state().bytes);
          await store.durable();
          for (const message of stored) assertMessage(log.load(message.seq), message, `${compression} ${message.seq}`);
          const backwards = stored.filter(({ subject }) => subject === "s.1").reverse();
          assertMessage(log.last("s.1"), backwards[0], "last");
          for (let seq = 1; seq <= 60; seq++) log.remove(seq);
          assert.equal(log.state().bytes, 0, "what goes counts as what came");
        });
      }
      assert.ok(bytes.get("s2")! < bytes.get("none")! * 0.75, [...bytes].join());
      const wrong = { compression: "zip" as "s2" };
      await assert.rejects(
        withStream(wrong, () => undefined),
        { code: "INVALID_LIMITS", message: /"none" or "s2"/ },
      );
    });

    test("maxBytes of a compressed stream counts what is stored, where the reference counts plain bytes", () =>
      withStream({ compression: "s2", maxBytes: 4000 }, async (log) => {
        const payload = JSON.stringify(Array.from({ length: 20 }, (_, id) => ({ id, name: "name" })));
        for (let i = 0; i < 60; i++) append(log, "abc", payload);
        const { messages, bytes } = log.state();
        assert.ok(bytes <= 4000, `${bytes}`);
        assert.ok(messages * payload.length > 2 * 4000, `${messages} messages`);
        await log.update({ ...log.limits, discard: "new" }, NO_CONFIG);
        while (log.state().bytes + bytes / messages < 4000) append(log, "abc", payload);
        assert.equal(
          codeOf(() => append(log, "abc", payload)),
          "MAX_BYTES",
        );
      }));

    test("compact() beyond the last sequence of a stream that never had a message leaves it without a last time", () =>
      withStream({}, async (log) => {
        await log.compact(5);
        assert.deepEqual([log.state().lastSeq, log.state().lastTimeNs], [4, null]);
        log.skip(1);
        assert.notEqual(log.state().lastTimeNs, null, "as the reference's SkipMsgs");
      }));

    test("rollup takes away what it says", () =>
      withStream({}, (log) => {
        for (const subject of ["a", "b", "a", "b"]) append(log, subject);
        const draft = new MessageDraft().set("a", "r");
        draft.rollup = "subject";
        log.append(draft);
        assert.deepEqual(seqs(log), [2, 4, 5]);
        draft.rollup = "all";
        log.append(draft);
        assert.deepEqual(seqs(log), [6]);
      }));

    test("a rollup makes no room for its own message (processJetStreamMsg in stream.go stores before it rolls up)", () =>
      withStream({ maxMsgs: 4 }, (log) => {
        for (const subject of ["a", "b", "b", "b"]) append(log, subject);
        const draft = new MessageDraft().set("b", "r");
        draft.rollup = "subject";
        log.append(draft);
        assert.deepEqual(seqs(log), [5]);
      }));

    test("update() enforces the new limits", () =>
      withStream({}, async (log) => {
        for (let i = 0; i < 10; i++) append(log, "abc"[i % 3] as string);
        await log.update({ ...NO_LIMITS, maxMsgsPerSubject: 2 }, Buffer.from("config"));
        assert.deepEqual(seqs(log), [5, 6, 7, 8, 9, 10]);
        await log.update({ ...NO_LIMITS, maxMsgs: 1 }, Buffer.from("config"));
        assert.deepEqual(seqs(log), [10]);
        assert.equal(Buffer.from(log.config).toString(), "config");
        await assert.rejects(log.update({ ...NO_LIMITS, maxMsgs: 0.5 }, NO_CONFIG), { code: "INVALID_LIMITS" });
      }));

    test("update() takes the oldest away for the whole stream before it looks at subjects (UpdateConfig in filestore.go, memstore.go)", () =>
      withStream({}, async (log) => {
        append(log, "a");
        for (let i = 0; i < 9; i++) append(log, "b");
        await log.update({ ...NO_LIMITS, maxMsgs: 5, maxMsgsPerSubject: 1 }, NO_CONFIG);
        assert.deepEqual(seqs(log), [10]);
      }));

    test("maxAgeMs removes messages on time, and never those that live for ever", () =>
      withStream({ maxAgeMs: 1000 }, (log, clock) => {
        const never = new MessageDraft().set("n", "x");
        never.ttlSeconds = -1;
        log.append(never);
        append(log, "a");
        clock.advance(600);
        append(log, "a");
        clock.advance(399);
        assert.deepEqual(seqs(log), [1, 2, 3]);
        clock.advance(1);
        assert.deepEqual(seqs(log), [1, 3]);
        clock.advance(10_000);
        assert.deepEqual(seqs(log), [1]);
        append(log, "a");
        clock.advance(1000);
        assert.deepEqual(seqs(log), [1]);
      }));

    if (under.reopen !== undefined) {
      test("what lives for ever is there after others have expired while the store was not open", async () => {
        const clock = new SimClock();
        const before = await under.open(clock);
        const log = await before.createStream("S", { ...NO_LIMITS, maxAgeMs: 1000 }, NO_CONFIG);
        append(log, "a");
        log.append(Object.assign(new MessageDraft().set("n", "x"), { ttlSeconds: -1 }));
        append(log, "a");
        await before.stop();
        clock.advance(5000);
        const store = await under.reopen!(before, clock);
        clock.advance(1);
        assert.deepEqual(seqs(store.stream("S")!), [2]);
        await store.stop();
      });
    }

    test("a marker takes the place of an expired message in a stream that is full and refuses new ones", () =>
      withStream({ maxMsgs: 2, discard: "new", maxAgeMs: 2000, subjectDeleteMarkerTtlMs: 1000 }, (log, clock) => {
        log.append(Object.assign(new MessageDraft().set("n", "x"), { ttlSeconds: -1 }));
        append(log, "a");
        clock.advance(2000);
        assert.deepEqual(seqs(log), [1, 3]);
        clock.advance(1000);
        assert.deepEqual(seqs(log), [1]);
      }));

    test("a time to live removes its message on time", () =>
      withStream({}, (log, clock) => {
        for (const ttl of [5, 1, 0, 3, -1]) {
          const draft = new MessageDraft().set("a", "x");
          draft.ttlSeconds = ttl;
          log.append(draft);
        }
        clock.advance(999);
        assert.deepEqual(seqs(log), [1, 2, 3, 4, 5]);
        clock.advance(1);
        assert.deepEqual(seqs(log), [1, 3, 4, 5]);
        clock.advance(4000);
        assert.deepEqual(seqs(log), [3, 5]);
        assert.equal(log.load(5)?.ttlSeconds, -1);
      }));

    test("a long expiry goes in slices and completes", () =>
      withStream({ maxAgeMs: 1000 }, async (log, clock) => {
        for (let i = 0; i < 2500; i++) append(log, "a");
        clock.advance(1000);
        while (log.state().messages > 0) await new Promise((resolve) => setImmediate(resolve));
        assert.equal(log.state().messages, 0);
        assert.equal(log.state().firstSeq, 2501);
      }));

    test("a delete marker takes the place of a subject's last message, and leaves none behind itself", () =>
      withStream({ maxAgeMs: 1000, subjectDeleteMarkerTtlMs: 90_000 }, async (log, clock) => {
        append(log, "a");
        append(log, "a");
        append(log, "b");
        clock.advance(1000);
        assert.deepEqual(seqs(log), [4, 5]);
        const marker = log.load(4);
        assert.equal(marker?.subject, "a");
        const headers = "NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: 1m30s\r\nNats-Rollup: sub\r\n\r\n";
        assert.equal(Buffer.from(marker?.headers ?? []).toString(), headers);
        clock.advance(1000);
        assert.deepEqual(seqs(log), []);
        await log.update({ ...log.limits, maxAgeMs: 0 }, NO_CONFIG);
        const draft = new MessageDraft().set("c", "x");
        draft.ttlSeconds = 1;
        log.append(draft);
        clock.advance(1000);
        assert.equal(log.load(7)?.ttlSeconds, 90);
        clock.advance(90_000);
        assert.deepEqual(seqs(log), []);
      }));

    for (const jumpMs of [1000, -1000, 3_600_000, -3_600_000, 25 * DAY_MS, -25 * DAY_MS, -3650 * DAY_MS]) {
      test(`a wall clock that jumps by ${jumpMs} ms expires nothing early and keeps times in order`, () =>
        withStream({ maxAgeMs: 60_000 }, (log, clock) => {
          append(log, "a");
          clock.advance(10_000);
          clock.setWall(clock.wallMs() + jumpMs);
          append(log, "b");
          clock.advance(49_000);
          assert.deepEqual(seqs(log), [1, 2], "neither is 60 s old");
          append(log, "c");
          clock.advance(2000);
          assert.deepEqual(seqs(log), [2, 3], "the first is");
          clock.advance(10_000);
          assert.deepEqual(seqs(log), [3]);
          clock.advance(60_000);
          assert.deepEqual(seqs(log), []);
          const times = [append(log, "d"), append(log, "e")].map((seq) => log.load(seq)?.timeNs ?? 0n);
          assert.ok((times[0] as bigint) <= (times[1] as bigint));
        }));
    }

    test("a delete marker lives for a second at least", () =>
      withStream({ subjectDeleteMarkerTtlMs: 1000 }, async (log, _clock, store) => {
        for (const subjectDeleteMarkerTtlMs of [-1, 0.5, 5, 999, Number.NaN]) {
          const limits = { ...NO_LIMITS, subjectDeleteMarkerTtlMs };
          await assert.rejects(log.update(limits, NO_CONFIG), { code: "INVALID_LIMITS" });
          await assert.rejects(store.createStream("T", limits, NO_CONFIG), { code: "INVALID_LIMITS" });
        }
        await log.update(NO_LIMITS, NO_CONFIG);
      }));
  });
}
