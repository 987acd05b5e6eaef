import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../clock.ts";
import { NodeClock } from "../node/clock.ts";
import { SimClock } from "./clock.ts";
import { TestClock } from "./test-clock.ts";

test("runs with the clock below until it is stopped, and from there on after start()", () => {
  const below = new SimClock(1_000_000);
  const clock = new TestClock(below);
  const fired: number[] = [];
  for (const ms of [10, 20, 30]) clock.setTimer(ms, () => fired.push(clock.monotonicMs()));
  below.advance(10);
  assert.deepEqual([fired, clock.wallMs()], [[10], 1_000_010]);
  clock.stop();
  clock.stop();
  below.advance(1_000);
  assert.deepEqual([fired, clock.monotonicMs(), clock.wallMs()], [[10], 10, 1_000_010]);
  clock.start();
  clock.start();
  below.advance(9);
  assert.deepEqual(fired, [10]);
  below.advance(1);
  assert.deepEqual(fired, [10, 20]);
  below.advance(10);
  assert.deepEqual(fired, [10, 20, 30]);
  assert.equal(clock.pendingTimers, 0);
  assert.equal(below.pendingTimers, 0);
});

test("advance() fires in the order of due times, each at its time, those set meanwhile included", async () => {
  const clock = new TestClock(new SimClock());
  clock.stop();
  const fired: string[] = [];
  const at = (name: string) => () => void fired.push(`${name} ${clock.monotonicMs()}`);
  clock.setTimer(300, at("c"));
  clock.setTimer(100, () => {
    at("a")();
    // What a timer causes in later turns of the event loop belongs to its moment, too.
    setImmediate(() => clock.setTimer(50, at("set by a")));
  });
  clock.setTimer(200, at("b"));
  clock.setTimer(200, at("b too"));
  clock.setTimer(301, at("late"));
  const cancelled = clock.setTimer(50, at("cancelled"));
  cancelled.cancel();
  cancelled.cancel();
  await clock.advance(300);
  assert.deepEqual(fired, ["a 100", "set by a 150", "b 200", "b too 200", "c 300"]);
  assert.equal(clock.monotonicMs(), 300);
  await clock.advance("1ms");
  assert.equal(fired.at(-1), "late 301");
});

test("advance() while one is under way comes after it", async () => {
  const clock = new TestClock(new SimClock());
  clock.stop();
  await Promise.all([clock.advance(10), clock.advance(20)]);
  assert.equal(clock.monotonicMs(), 30);
});

test("advance() is refused while time runs by itself", async () => {
  const clock = new TestClock(new NodeClock());
  await assert.rejects(clock.advance(1), { code: "CLOCK_RUNNING" });
});

test("setWall() moves the wall clock alone", () => {
  const clock = new TestClock(new SimClock(5_000));
  clock.stop();
  clock.setWall(9_000);
  assert.deepEqual([clock.wallMs(), clock.wallNs(), clock.monotonicMs()], [9_000, 9_000_000_000n, 0]);
});

test("keeps up with real time", async () => {
  const clock = new TestClock(new NodeClock());
  await new Promise<void>((resolve) => clock.setTimer(1, resolve, true));
  assert.ok(Math.abs(clock.wallMs() - Date.now()) < 1_000);
});

test("a stopped clock counts in whole milliseconds, so that no sum of fractions misses a moment", async () => {
  for (let i = 0; i < 50; i++) {
    const real: Clock = {
      monotonicMs: () => 123_456.1 * (i + 1),
      wallMs: () => 1_700_000_000_000,
      turnMs: () => 1_700_000_000_000,
      wallNs: () => 1_700_000_000_000_000_000n,
      setTimer: () => ({ cancel() {} }),
    };
    const clock = new TestClock(real);
    clock.stop();
    const wallMs = clock.wallMs() - 10_000;
    clock.setWall(wallMs);
    assert.equal(clock.wallMs(), wallMs);
    let leftMs = Number.NaN;
    clock.setTimer(39_999.7, () => {
      leftMs = wallMs + 40_000 - clock.wallMs();
    });
    await clock.advance(39_999);
    assert.equal(leftMs, Number.NaN);
    await clock.advance(1);
    assert.equal(leftMs, 0);
  }
});
