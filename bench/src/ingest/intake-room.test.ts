import assert from "node:assert/strict";
import { test } from "node:test";
import type { Arena } from "@myelin/platform";
import { createPlainArena } from "@myelin/platform/node";
import { Publication } from "@myelin/protocol";
import type { StreamLog } from "@myelin/store";
import { IntakeRoom, WaitingStream } from "./intake-room.ts";

/** A stream of which only the reading ahead is needed. */
function streamOf(told: string[], name: string): WaitingStream {
  const log: Pick<StreamLog, "name" | "prefetch"> = {
    name,
    prefetch: () => told.push(`prefetch ${name}`),
  };
  return new WaitingStream(log as StreamLog, { headAt: 0, headLength: 0 });
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
  const intake = new IntakeRoom(arena, ({ bytes, payloadStart, payloadEnd }, { log }) => {
    told.push(`${log.name} ${Buffer.from(bytes.subarray(payloadStart, payloadEnd)).toString()}`);
  });
  return { arena, told, intake };
}

test("take() has what waits stored in a microtask, stream by stream, once all streams of it were read ahead", async () => {
  const { arena, told, intake } = room();
  const a = streamOf(told, "a");
  const b = streamOf(told, "b");
  const messages = [a, b, a, b, a].map((stream, i) => ({
    stream,
    made: message(arena, arena.readStart + i * 10, `m${i}`),
  }));
  for (const { stream, made } of messages) intake.take(made, stream);
  assert.deepEqual(told, []);
  assert.deepEqual([intake.readCount, intake.readBefore], [5, 0]);
  await Promise.resolve();
  assert.deepEqual(told.splice(0), ["prefetch a", "prefetch b", "a m0", "a m2", "a m4", "b m1", "b m3"]);
  assert.deepEqual([intake.readCount, intake.readBefore], [0, 5]);
  intake.take(message(arena, arena.readStart, "m5"), b);
  await Promise.resolve();
  assert.deepEqual(told, ["prefetch b", "b m5"]);
});

test("drain() stores at once what waits, and what comes behind it goes on", async () => {
  const { arena, told, intake } = room();
  const streams = Array.from({ length: 20 }, (_, i) => streamOf(told, `s${i}`));
  for (const [i, stream] of streams.entries()) intake.take(message(arena, arena.readStart + i * 10, `m${i}`), stream);
  intake.drain();
  const stored = (): string[] => told.filter((line) => line.startsWith("s"));
  const all = streams.map((_, i) => `s${i} m${i}`);
  assert.deepEqual(stored(), all);
  assert.equal(told.indexOf("prefetch s16"), 32);
  intake.take(message(arena, arena.readStart + 300, "last"), streams[0]!);
  assert.equal(intake.readCount, 21);
  await Promise.resolve();
  assert.deepEqual(stored(), [...all, "s0 last"]);
});

test("take() stores at once when more wait than a read can bring, and goes on", async () => {
  const { arena, told, intake } = room();
  const stream = streamOf(told, "a");
  for (let i = 0; i < 1500; i++) intake.take(message(arena, arena.readStart + (i % 100) * 10, "m"), stream);
  assert.equal(told.filter((line) => line === "a m").length, 1024);
  await Promise.resolve();
  assert.equal(told.filter((line) => line === "a m").length, 1500);
});

test("take() does not keep what was collected outside of the region that reads go to", () => {
  const { arena, told, intake } = room();
  const stream = streamOf(told, "a");
  intake.take(message(arena, arena.readStart, "first"), stream);
  intake.take(message(arena, 0, "large", true), stream);
  assert.deepEqual(told, ["prefetch a", "a first", "prefetch a", "a large"]);
  intake.take(message(arena, arena.readStart + arena.readSize, "slab"), stream);
  assert.equal(told.at(-1), "a slab");
});
