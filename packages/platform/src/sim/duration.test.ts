import assert from "node:assert/strict";
import { test } from "node:test";
import { durationMs } from "./duration.ts";

test("durationMs() reads numbers and texts", () => {
  const cases: Array<[number | string, number]> = [
    [0, 0],
    [12.5, 12.5],
    ["250ms", 250],
    ["31s", 31_000],
    ["1.5s", 1_500],
    ["2m", 120_000],
    ["1h30m", 5_400_000],
    ["1d", 86_400_000],
  ];
  for (const [duration, ms] of cases) assert.equal(durationMs(duration), ms);
});

test("durationMs() refuses what is none", () => {
  for (const duration of [-1, Number.NaN, Number.POSITIVE_INFINITY, "", "5", "s", "1 s", "-1s", "1h 5m", "1y"]) {
    assert.throws(() => durationMs(duration), RangeError);
  }
});
