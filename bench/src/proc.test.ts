import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuSecondsFrom, memoryFrom } from "./proc.ts";

test("cpuSecondsFrom() counts fields from behind a name with spaces and parentheses", () => {
  const stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 7 8 20 0 12 0 100 1000 200";
  assert.equal(cpuSecondsFrom(stat), 2);
});

test("memoryFrom() reads resident and peak memory", () => {
  const status = "Name:\tx\nVmPeak:\t  999999 kB\nVmHWM:\t   61000 kB\nVmRSS:\t   52340 kB\nThreads:\t4\n";
  assert.deepEqual(memoryFrom(status), { residentKib: 52_340, peakKib: 61_000 });
});
