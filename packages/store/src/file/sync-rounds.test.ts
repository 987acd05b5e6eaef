// Those that wait for a turn to be durable: told in order, a part of them in each turn of the event loop.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamLog } from "../store.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { turn } from "../testing/under-test.ts";
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
    await turn();
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

/** Appends in so many turns, one after the other. @returns The tickets. */
async function appendInTurns(store: FileStore, log: StreamLog, turns: number): Promise<number[]> {
  const tickets: number[] = [];
  for (let i = 0; i < turns; i++) {
    log.append(new MessageDraft().set("a", "x"));
    tickets.push(store.ticket());
    await turn();
  }
  return tickets;
}

test("three rounds are under way at most; what comes then waits for the next one, all of it together", async () => {
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  log.append(new MessageDraft().set("a", "x"));
  await store.durable(); // the first segment is there
  disk.holdSyncs = true;
  const tickets = await appendInTurns(store, log, 6);
  assert.equal(disk.heldSyncs, 3);
  assert.ok(store.durableTicket < tickets[0]!);
  const durable: number[] = [];
  store.onDurable = (ticket) => durable.push(ticket);
  disk.holdSyncs = false;
  await store.durable();
  assert.deepEqual(durable, [tickets[0], tickets[1], tickets[2], tickets[5]]);
  await store.stop();
});

test("a round whose syncs are quicker than those of the one before it ends behind it", async () => {
  const durations = [1, 1, 40, 1, 1];
  const disk = new SimDisk({ syncTurns: (path) => (path.startsWith("journal/") ? (durations.shift() ?? 1) : 1) });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  while (durations.length > 3) {
    log.append(new MessageDraft().set("a", "x"));
    await store.durable();
  }
  const before = disk.trace.length;
  const tickets = await appendInTurns(store, log, 3);
  const ended = (): number => disk.trace.slice(before).filter(({ kind }) => kind === "sync-end").length;
  while (ended() < 2) await turn();
  assert.ok(store.durableTicket < tickets[0]!, "the first one's sync is under way");
  const durable: number[] = [];
  store.onDurable = (ticket) => durable.push(ticket);
  await store.durable();
  assert.equal(ended(), 3);
  assert.deepEqual(durable, tickets);
  await store.stop();
});

test("a round that fails takes those behind it along, and not the one before it", async () => {
  let syncs = 0;
  const disk = new SimDisk({ record: false, syncTurns: () => (syncs === 1 ? 20 : 1) });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  log.append(new MessageDraft().set("a", "x"));
  await store.durable();
  disk.fault = (call) => (call === "sync" && ++syncs === 2 ? "EIO" : null);
  const results: string[] = [];
  for (let i = 0; i < 3; i++) {
    log.append(new MessageDraft().set("a", "x"));
    store.durable().then(
      () => results.push(`${i} durable`),
      () => results.push(`${i} failed`),
    );
    await turn();
  }
  assert.equal(syncs, 3);
  while (results.length < 3) await turn();
  assert.deepEqual(results, ["0 durable", "1 failed", "2 failed"]);
  assert.throws(() => log.append(new MessageDraft().set("a", "x")), { code: "READ_ONLY" });
  await store.stop();
});

test("a block that ends in a turn of a quiet stream is not synced before the turn is durable", async () => {
  const synced: string[] = [];
  const disk = new SimDisk({
    record: false,
    syncTurns: (path) => {
      synced.push(path);
      return 1;
    },
  });
  const options = { ...FILLED_OPTIONS, directBytes: 1 << 20, segmentBytes: 1 << 20 };
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), options);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  synced.length = 0;
  for (let i = 0; i < 100; i++) {
    log.append(new MessageDraft().set("a", "x".repeat(100)));
    if (i % 7 === 6) await store.durable(); // blocks end in the middle of turns
  }
  await store.durable();
  const blocks = [...disk.image().keys()].filter((path) => path.endsWith(".blk"));
  assert.ok(blocks.length > 2, `${blocks.length} blocks`);
  assert.deepEqual(
    synced.filter((path) => !path.startsWith("journal")),
    [],
  );
  await store.stop();
  const again = await FileStore.open(disk, new SimClock(), new SimRandom(1), options);
  assert.equal(again.stream("S")!.state().messages, 100);
  await again.stop();
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
  while (store.durableTicket < ticket) await turn();
  assert.ok(results.length < WAITING, "some wait to be told");
  disk.fault = (call) => (call === "sync" ? "EIO" : null);
  log.append(new MessageDraft().set("a", "y"));
  note("second");
  while (results.length < WAITING + 1) await turn();
  assert.equal(results.filter((result) => result === "first durable").length, WAITING);
  assert.ok(results.includes("second failed"));
  await store.stop();
});
