import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Flushable, FlushQueue } from "./flush-queue.ts";

function target(log: string[], name: string, whenFlushed = (): void => {}): Flushable {
  return {
    queuedForFlush: false,
    flush() {
      log.push(name);
      whenFlushed();
    },
  };
}

test("everything that was added is flushed once, at the end of the turn, in order", async () => {
  const log: string[] = [];
  const queue = new FlushQueue();
  const first = target(log, "first");
  queue.add(first);
  queue.add(target(log, "second"));
  assert.deepEqual([log, first.queuedForFlush], [[], true]);
  await nextTurn();
  assert.deepEqual([log, first.queuedForFlush], [["first", "second"], false]);
});

test("flushAll() flushes now, what is added meanwhile too, and leaves nothing for the end of the turn", async () => {
  const log: string[] = [];
  const queue = new FlushQueue();
  const other = target(log, "other");
  queue.add(target(log, "first", () => queue.add(other)));
  queue.flushAll();
  assert.deepEqual(log, ["first", "other"]);
  await nextTurn();
  assert.deepEqual(log, ["first", "other"]);
  queue.add(other);
  await nextTurn();
  assert.deepEqual(log, ["first", "other", "other"]);
});
