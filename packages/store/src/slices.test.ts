import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "@myelin/platform/sim";
import { Slices } from "./slices.ts";

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Works in slices of which each step takes a millisecond; notes in which turn of the event loop each step was done. */
async function work(slices: Slices, clock: SimClock, steps: number, now: () => number): Promise<number[]> {
  const turns: number[] = [];
  for (let step = 0; step < steps; step++) {
    if (slices.due) await slices.pause();
    clock.advance(1);
    turns.push(now());
  }
  return turns;
}

/** How many steps were done in each turn, of those in which any was. */
function perTurn(turns: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const one of turns) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts.values()];
}

/** Runs what is given while turns of the event loop are counted. */
async function inTurns<Result>(run: (now: () => number) => Promise<Result>): Promise<Result> {
  let turns = 0;
  let over = false;
  const result = run(() => turns).finally(() => {
    over = true;
  });
  while (!over) {
    await turn();
    turns++;
  }
  return result;
}

test("a slice ends after three milliseconds, and goes on in a later turn", async () => {
  const clock = new SimClock();
  const counts = perTurn(await inTurns((now) => work(new Slices(clock), clock, 10, now)));
  assert.deepEqual(counts, [3, 3, 3, 1]);
});

test("of all that works in slices, one slice is done in a turn, also when somebody begins before those that wait", async () => {
  const clock = new SimClock();
  const slices = new Slices(clock);
  const turns = await inTurns(async (now) => {
    const waiting = work(slices, clock, 9, now);
    await turn();
    // Not in the turn's immediates, as in an answer to a request: what waits would have a slice of its own right after it.
    const early = new Promise<number[]>((resolve) => {
      setTimeout(() => resolve(work(slices, clock, 6, now)), 0);
    });
    return [...(await waiting), ...(await early)];
  });
  assert.equal(turns.length, 15);
  assert.ok(
    perTurn(turns).every((steps) => steps <= 3),
    String(perTurn(turns)),
  );
});

for (const spentMs of [2, 100]) {
  test(`what else takes ${spentMs} ms in a turn makes its slice shorter, but for one step`, async () => {
    const clock = new SimClock();
    const slices = new Slices(clock);
    const turns = await inTurns(async (now) => {
      const done = work(slices, clock, 9, now);
      await turn();
      slices.spent(spentMs);
      return done;
    });
    assert.deepEqual(perTurn(turns), [3, 1, 3, 2]);
  });
}

test("what was spent while nothing is done in slices counts for nothing", async () => {
  const clock = new SimClock();
  const slices = new Slices(clock);
  slices.spent(100);
  assert.deepEqual(perTurn(await inTurns((now) => work(slices, clock, 4, now))), [3, 1]);
});
