// Those that wait for a turn to be durable: told in order, a part of them in each turn of the event loop.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS } from "../store.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { FileStore } from "./file-store.ts";

const WAITING = 10_000;

test("of very many that wait for the same turn, a part is told in each turn of the event loop, in order", async () => {
  const store = await FileStore.open(new SimDisk({ record: false }), new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  log.append(new MessageDraft().set("a", "x"));
  const told: number[] = [];
  for (let i = 0; i < WAITING; i++) void store.durable().then(() => told.push(i));
  let most = 0;
  for (let before = 0; told.length < WAITING; before = told.length) {
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, told.length - before);
  }
  assert.ok(most > 0 && most <= WAITING / 4, `${most} in one turn`);
  assert.deepEqual(
    told,
    told.map((_, i) => i),
  );
  // Who comes later waits for its own turn, and no longer.
  log.append(new MessageDraft().set("a", "y"));
  await store.durable();
  await store.stop();
});

test("when a store fails, whoever waits for what is durable learns that it is, and the others that it never will be", async () => {
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  log.append(new MessageDraft().set("a", "x"));
  const results: string[] = [];
  const note = (what: string): void => {
    store.durable().then(
      () => results.push(`${what} durable`),
      () => results.push(`${what} failed`),
    );
  };
  for (let i = 0; i < WAITING; i++) note("first");
  const ticket = store.ticket();
  while (store.durableTicket < ticket) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(results.length < WAITING, "some wait to be told");
  disk.fault = (call) => (call === "sync" ? "EIO" : null);
  log.append(new MessageDraft().set("a", "y"));
  note("second");
  while (results.length < WAITING + 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(results.filter((result) => result === "first durable").length, WAITING);
  assert.ok(results.includes("second failed"));
  await store.stop();
});
