import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeClock } from "./clock.ts";

function passMs(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

test("turnMs() follows within a turn after a few answers, and in the next turn at once", async () => {
  const clock = new NodeClock();
  for (let turn = 0; turn < 20; turn++) {
    const before = Date.now();
    assert.ok(clock.turnMs() >= before, `turn ${turn}: from before it`);
    passMs(2);
    const later = Date.now();
    let asked = 1;
    while (clock.turnMs() < later) asked++;
    assert.ok(asked <= 8, `turn ${turn}: ${asked} answers of before`);
    assert.ok(clock.turnMs() <= Date.now());
    await new Promise((resolve) => setImmediate(resolve));
  }
});
