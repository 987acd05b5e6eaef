// What every store must do when many messages go at once, in one piece and in slices, as tests. A part of `storeCompliance`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimClock } from "@myelin/platform/sim";
import { StoreError } from "../errors.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamLog } from "../store.ts";
import { assertTotals } from "./check-stream.ts";
import { PlainStream } from "./plain-stream.ts";
import type { StoreUnderTest } from "./store-compliance.ts";

const NO_CONFIG = new Uint8Array(0);

/** By this clock every slice of long work is over as soon as it begins. */
class RestlessClock extends SimClock {
  #ms = 0;

  override monotonicMs(): number {
    return (this.#ms += 1000);
  }
}

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

/** Registers the suite. */
export function bulkCompliance(name: string, under: StoreUnderTest): void {
  describe(`${name}: many at once`, () => {
    for (const [what, clock] of [
      ["in one slice", () => new SimClock()],
      ["in as many slices as there can be", () => new RestlessClock()],
    ] as const) {
      test(`purgeInSlices(), compactInSlices(), truncate() and rollups of many messages agree with the model, ${what}`, async () => {
        const store = await under.open(clock());
        const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
        const model = new PlainStream(NO_LIMITS);
        const check = (step: string): void => {
          assertTotals(log, model, under.countsAsFile);
          const seqsThere = model.messages.map(({ seq }) => seq);
          assert.deepEqual(seqs(log), seqsThere, step);
          for (const subject of ["a", "b", "c", "rare"])
            assert.deepEqual(log.filteredState(subject), model.subjectState(subject), step);
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
        assert.equal(await log.compactInSlices(2000), model.compact(2000));
        check("compacted");
        assert.equal(await log.purgeInSlices({ filter: "b" }), model.purge("b", 0, 0));
        check("purged");
        assert.equal(await log.purgeInSlices({ seq: 2500 }), model.purge("", 2500, 0));
        check("purged up to a sequence");
        assert.equal(await log.purgeInSlices({ filter: "a", keep: 3 }), model.purge("a", 0, 3));
        fill(1000);
        await log.truncate(4900);
        model.truncate(4900);
        check("truncated");
        fill(1000);
        check("filled again");
        for (const rollup of ["subject", "all"] as const) {
          log.append(Object.assign(new MessageDraft().set("a", "x"), { rollup }));
          model.append({ subject: "a", headers: "", payload: "x", rollup });
          check(`rolled up: ${rollup}`);
          fill(600);
          check("goes on");
        }
        await log.truncate(10);
        model.truncate(10);
        check("truncated to below the first");
        fill(300);
        assert.equal(await log.compactInSlices(9000), model.compact(9000));
        check("compacted beyond the last");
        fill(10);
        assert.equal(await log.compactInSlices(0), model.compact(0));
        check("compacted whole");
        await store.stop();
      });
    }

    test("a stream that is truncated in slices refuses changes until it is done", async () => {
      const store = await under.open(new RestlessClock());
      const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
      for (let i = 0; i < 9000; i++) append(log, "a");
      const truncated = log.truncate(5);
      assertBusy(() => append(log, "a"));
      assertBusy(() => log.purge());
      await assert.rejects(log.compactInSlices(3), { code: "BUSY" });
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
      const compacted = assert.rejects(log.compactInSlices(8000), { code: "CLOSED" });
      await store.deleteStream("S");
      await compacted;
      await store.stop();
    });
  });
}
