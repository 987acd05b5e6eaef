import assert from "node:assert/strict";
import { test } from "node:test";
import type { Arena } from "@myelin/platform";
import { createPlainArena } from "@myelin/platform/node";
import { Publication } from "@myelin/protocol";
import type { StreamLog } from "@myelin/store";
import { IntakeRoom } from "./intake-room.ts";

const HEAD = { at: 0, length: 0 };

/** A stream of which only the reading ahead is needed. */
function streamOf(told: string[], name: string): StreamLog {
  const log: Pick<StreamLog, "name" | "prefetch"> = {
    name,
    prefetch: () => told.push(`prefetch ${name}`),
  };
  return log as StreamLog;
}

/** Puts a message where the arena's reads go, or a copy of it where large ones are collected. */
function message(arena: Arena, at: number, payload: string, isCollected = false): Publication {
  const text = `s r ${payload}`;
  if (!isCollected) arena.bytes.set(Buffer.from(text), at);
  const made = new Publication(isCollected ? Buffer.from(text) : arena.bytes);
  const start = isCollected ? 0 : at;
  made.subjectStart = start;
  made.subjectEnd = start + 1;
  made.replyStart = start + 2;
  made.replyEnd = start + 3;
  made.payloadStart = start + 4;
  made.size = payload.length;
  return made;
}

function room(): { arena: Arena; told: string[]; intake: IntakeRoom } {
  const arena = createPlainArena();
  const told: string[] = [];
  const intake = new IntakeRoom(arena, ({ bytes, log, payloadStart, payloadEnd }) => {
    told.push(`${log.name} ${Buffer.from(bytes.subarray(payloadStart, payloadEnd)).toString()}`);
  });
  return { arena, told, intake };
}

test("take() has what waits stored in a microtask, once all streams of it were read ahead", async () => {
  const { arena, told, intake } = room();
  const a = streamOf(told, "a");
  const b = streamOf(told, "b");
  for (const [i, log] of [a, a, b].entries()) intake.take(message(arena, arena.readStart + i * 10, `m${i}`), log, HEAD);
  assert.deepEqual(told, []);
  await Promise.resolve();
  assert.deepEqual(told, ["prefetch a", "prefetch b", "a m0", "a m1", "b m2"]);
});

test("take() stores at once when many wait, and goes on", async () => {
  const { arena, told, intake } = room();
  const log = streamOf(told, "a");
  for (let i = 0; i < 40; i++) intake.take(message(arena, arena.readStart + i * 10, `m${i}`), log, HEAD);
  const stored = (): string[] => told.filter((line) => line.startsWith("a "));
  assert.equal(stored().length, 32);
  await Promise.resolve();
  assert.deepEqual(
    stored(),
    Array.from({ length: 40 }, (_, i) => `a m${i}`),
  );
});

test("take() does not keep what was collected outside of the region that reads go to", () => {
  const { arena, told, intake } = room();
  const log = streamOf(told, "a");
  intake.take(message(arena, arena.readStart, "first"), log, HEAD);
  intake.take(message(arena, 0, "large", true), log, HEAD);
  assert.deepEqual(told, ["prefetch a", "a first", "a large"]);
  intake.take(message(arena, arena.readStart + arena.readSize, "slab"), log, HEAD);
  assert.equal(told.at(-1), "a slab");
});
