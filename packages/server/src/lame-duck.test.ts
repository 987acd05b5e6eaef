import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeClock } from "@myelin/platform/node";
import { SimRandom, TestClock } from "@myelin/platform/sim";
import { LameDuck } from "./lame-duck.ts";

async function closingTimes(count: number, lameDuckDurationMs: number, lameDuckGraceMs: number): Promise<number[]> {
  const clock = new TestClock(new NodeClock());
  clock.stop();
  const startMs = clock.monotonicMs();
  const lameDuck = new LameDuck(clock, new SimRandom(1), { lameDuckDurationMs, lameDuckGraceMs });
  const times: number[] = [];
  const clients = Array.from({ length: count }, (_, index) => index);
  const done = lameDuck.run(
    clients,
    () => times.push(clock.monotonicMs() - startMs),
    () => assert.equal(times.length, 0),
  );
  await clock.advance(lameDuckDurationMs);
  await done;
  return times;
}

test("run() waits for the grace time, then spreads the ends over the rest", async () => {
  const times = await closingTimes(20, 2_000, 1_000);
  assert.equal(times.length, 20);
  assert.equal(Math.round(times[0] as number), 1_000);
  for (let i = 1; i < times.length; i++) {
    const gapMs = (times[i] as number) - (times[i - 1] as number);
    assert.ok(gapMs > 24.9 && gapMs < 50.1, `a gap of ${gapMs} ms is not between half and all of 50 ms`);
  }
});

test("run() leaves no more than a second between two clients", async () => {
  const times = await closingTimes(3, 120_000, 10_000);
  const lastMs = times[2] as number;
  assert.ok(lastMs > 10_999 && lastMs <= 12_001, `the third was ended after ${lastMs} ms`);
});

test("run() ends clients in batches when there are more than moments", async () => {
  const times = await closingTimes(1_000, 110, 10);
  assert.equal(times.length, 1_000);
  assert.ok(new Set(times).size <= 101);
});

test("stop() ends the waiting, and no further client", async () => {
  const clock = new TestClock(new NodeClock());
  clock.stop();
  const lameDuck = new LameDuck(clock, new SimRandom(1), { lameDuckDurationMs: 200, lameDuckGraceMs: 100 });
  const closed: number[] = [];
  const done = lameDuck.run(
    [1, 2],
    (client) => closed.push(client),
    () => {},
  );
  await clock.advance(100);
  lameDuck.stop();
  await done;
  assert.deepEqual(closed, [1]);
  assert.equal(clock.pendingTimers, 0);
});
