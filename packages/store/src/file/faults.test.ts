// What a disk that fails, fills up or dawdles does to a store.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { StoreError } from "../errors.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamLog } from "../store.ts";
import { RestlessClock } from "../testing/restless-clock.ts";
import { codeOf, turn } from "../testing/under-test.ts";
import { FileStore } from "./file-store.ts";
import type { FileStoreOptions } from "./options.ts";

const OPTIONS: FileStoreOptions = {
  blockBytes: 4096,
  segmentBytes: 16 * 1024,
  segments: 3,
  directBytes: 1500,
  ballastBytes: 8192,
};
const NO_CONFIG = new Uint8Array(0);
const FAULT_STEP = Number(process.env["MYELIN_FAULT_STEP"] ?? 3);

function append(log: StreamLog, payload = "x".repeat(100)): number {
  return log.append(new MessageDraft().set(`s.${payload.length % 3}`, payload));
}

test("nothing is durable before its sync has ended", async () => {
  const disk = new SimDisk();
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  const quiet = await store.createStream("quiet", NO_LIMITS, NO_CONFIG);
  const busy = await store.createStream("busy", NO_LIMITS, NO_CONFIG);
  append(quiet);
  await store.durable(); // the first segment is there
  for (const log of [quiet, busy]) {
    disk.holdSyncs = true;
    for (let i = 0; i < (log === busy ? 30 : 1); i++) append(log);
    const ticket = store.ticket();
    for (let i = 0; i < 5; i++) await turn();
    assert.ok(store.durableTicket < ticket);
    assert.ok(disk.heldSyncs > 0);
    disk.holdSyncs = false;
    await store.durable();
    assert.ok(store.durableTicket >= ticket);
  }
  await store.stop();
});

test("many quiet streams of one turn cost one sync", async () => {
  const disk = new SimDisk();
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), { ...OPTIONS, segmentBytes: 1 << 20 });
  const logs = await Promise.all(
    Array.from({ length: 50 }, (_, i) => store.createStream(`S${i}`, NO_LIMITS, NO_CONFIG)),
  );
  append(logs[0] as StreamLog);
  await store.durable();
  const before = disk.trace.length;
  for (const log of logs) append(log);
  await store.durable();
  const ops = disk.trace.slice(before).map((op) => op.kind);
  assert.deepEqual(ops, ["write", "sync-begin", "sync-end"]);
  await store.stop();
});

test("lazy mode calls it durable when it is written, and syncs after the interval", async () => {
  const disk = new SimDisk();
  const clock = new SimClock();
  const store = await FileStore.open(disk, clock, new SimRandom(1), { ...OPTIONS, sync: { intervalMs: 1000 } });
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  append(log);
  await store.durable();
  const before = disk.trace.length;
  for (let i = 0; i < 5; i++) {
    append(log);
    await store.durable();
  }
  assert.ok(!disk.trace.slice(before).some((op) => op.kind === "sync-begin"));
  clock.advance(1000);
  await turn();
  assert.ok(disk.trace.slice(before).some((op) => op.kind === "sync-end" || op.kind === "sync-begin"));
  await store.stop();
});

test("endTurn() writes at once: durable in lazy mode, and one round of syncs for each turn otherwise", async () => {
  const disk = new SimDisk();
  const lazy = { ...OPTIONS, sync: { intervalMs: 1000 } };
  let store = await FileStore.open(disk, new SimClock(), new SimRandom(1), lazy);
  let log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  append(log);
  await store.durable(); // the journal's first segment is there
  const told: number[] = [];
  store.onDurable = (ticket) => told.push(ticket);
  const before = disk.trace.length;
  const tickets = [0, 0].map(() => {
    append(log);
    const ticket = store.ticket();
    assert.ok(store.durableTicket < ticket);
    store.endTurn();
    return ticket;
  });
  assert.deepEqual(told, tickets);
  assert.deepEqual(
    disk.trace.slice(before).map((op) => op.kind),
    ["write", "write"],
  );
  await store.stop();

  store = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  log = store.stream("S")!;
  disk.holdSyncs = true;
  append(log);
  const ticket = store.ticket();
  store.endTurn();
  append(log);
  assert.ok(store.ticket() > ticket && store.durableTicket < ticket);
  store.endTurn();
  assert.equal(disk.heldSyncs, 2);
  disk.holdSyncs = false;
  await store.durable();
  assert.equal(log.state().lastSeq, 5);
  await store.stop();
});

test("lazy mode deletes, truncates and stops without waiting for the interval, in the turn of an append, too", async () => {
  const disk = new SimDisk();
  const sync = { intervalMs: 1_000_000 };
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), { ...OPTIONS, sync });
  for (const name of ["S", "T"]) append(await store.createStream(name, NO_LIMITS, NO_CONFIG));
  await store.deleteStream("T");
  assert.equal(store.stream("T"), null);
  const log = store.stream("S")!;
  append(log);
  await log.truncate(1);
  assert.equal(append(log), 2);
  await store.stop();
});

test("a call that fails, whichever it is, is never confirmed, stops writing, and costs nothing confirmed", async () => {
  const calls = await workload(new SimDisk({ record: false }), Number.POSITIVE_INFINITY).then((run) => run.calls);
  assert.ok(calls > 150);
  let failures = 0;
  for (let at = 1; at < calls; at += FAULT_STEP) {
    const disk = new SimDisk({ record: false });
    const run = await workload(disk, at);
    try {
      if (run.failure !== null && run.store !== null) {
        failures++;
        assert.equal(run.failure.code, "READ_ONLY");
        assert.match(run.failure.message, /EIO/);
        assert.equal(run.store.health().failure, run.failure);
        for (const log of run.store.streams()) {
          assert.equal(
            codeOf(() => append(log)),
            "READ_ONLY",
          );
          assert.equal(
            codeOf(() => log.remove(1)),
            "READ_ONLY",
          );
          log.load(log.state().lastSeq); // reading goes on
        }
      }
      if (run.store !== null && run.failedSync)
        assert.notEqual(run.failure, null, "a failed sync is never tried again");
      disk.fault = () => null;
      await run.store?.stop();
      assert.equal(disk.openFiles, 0, "files are closed");
      const again = await FileStore.open(disk, new SimClock(), new SimRandom(2), OPTIONS);
      for (const [name, confirmed] of run.confirmed) {
        const log = again.stream(name);
        assert.ok(log !== null, name);
        for (const [seq, payload] of confirmed) {
          assert.equal(Buffer.from(log.load(seq)?.payload ?? []).toString(), payload, `${name} ${seq}`);
        }
        assert.deepEqual(log.state().lost, []);
      }
      await again.stop();
    } catch (error) {
      throw new Error(`call ${at} of ${calls} failed`, { cause: error });
    }
  }
  assert.ok(failures > 20, `${failures} failures reached the store`);
});

interface Workload {
  calls: number;
  store: FileStore | null;
  failure: StoreError | null;
  /** The call that failed was a sync. */
  failedSync: boolean;
  confirmed: Map<string, Map<number, string>>;
}

/** Appends to three streams; the call with number `failAt` fails with EIO. */
async function workload(disk: SimDisk, failAt: number): Promise<Workload> {
  const run: Workload = { calls: 0, store: null, failure: null, failedSync: false, confirmed: new Map() };
  let calls = 0;
  disk.fault = (call, path) => {
    if (++calls !== failAt) return null;
    run.failedSync = call === "sync" && path !== "ballast";
    return "EIO";
  };
  try {
    const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
    run.store = store;
    for (const name of ["A", "B", "C"]) {
      await store.createStream(name, NO_LIMITS, NO_CONFIG);
      run.confirmed.set(name, new Map());
    }
    for (let step = 0; step < 40; step++) {
      const name = "ABC"[step % 3] as string;
      const written: [number, string][] = [];
      for (let i = 0; i < (step % 10 === 0 ? 20 : 2); i++) {
        const payload = `${step}.${i} `.repeat(8);
        written.push([append(store.stream(name)!, payload), payload]);
      }
      await store.durable();
      for (const [seq, payload] of written) run.confirmed.get(name)!.set(seq, payload);
      store
        .stream(name)!
        .consumer("C")
        .save(Buffer.from(`${step}`));
    }
  } catch (error) {
    if (error instanceof StoreError) run.failure = error;
    else if ((error as NodeJS.ErrnoException).code !== "EIO") throw error;
  }
  run.failure ??= run.store?.health().failure ?? null;
  run.calls = calls;
  if (run.failure?.code !== "READ_ONLY") run.failure = null;
  return run;
}

test("a full disk refuses appends, still reads, removes and purges, and resumes by itself", async () => {
  const clock = new SimClock();
  const disk = new SimDisk({ record: false, capacityBytes: 120 * 1024 });
  const store = await FileStore.open(disk, clock, new SimRandom(1), OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  const confirmed = new Map<number, string>();
  let refused: unknown = null;
  for (let i = 0; i < 2000 && refused === null; i++) {
    const payload = `${i} `.repeat(40);
    try {
      const seq = append(log, payload);
      if (i % 7 === 0) await turn();
      confirmed.set(seq, payload);
    } catch (error) {
      refused = error;
    }
  }
  assert.ok(refused instanceof StoreError);
  assert.equal(refused.code, "DISK_FULL");
  assert.equal(store.health().diskFull, true);
  assert.equal(store.health().failure, null);
  for (const [seq, payload] of confirmed) assert.equal(Buffer.from(log.load(seq)!.payload).toString(), payload);
  await assert.rejects(store.createStream("T", NO_LIMITS, NO_CONFIG), { code: "DISK_FULL" });
  assert.equal(log.remove(1), true);
  assert.ok((await log.purge({ seq: log.state().lastSeq - 10 })) > 50);
  await store.durable();
  // The purged blocks go, there is room, and the clock's next look finds it.
  for (let i = 0; i < 20; i++) await turn();
  clock.advance(1000);
  for (let i = 0; i < 20; i++) await turn();
  assert.equal(
    codeOf(() => append(log)),
    "none",
  );
  await store.durable();
  const { messages } = log.state();
  await store.stop();
  const again = await FileStore.open(disk, clock, new SimRandom(1), OPTIONS);
  assert.equal(again.stream("S")!.state().messages, messages);
  await again.stop();
});

test("a message that the journal cannot take is refused where the disk has no room for it, and others are not", async () => {
  const disk = new SimDisk({ record: false, capacityBytes: 120 * 1024 });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  const large = "x".repeat(20_000);
  let stored = 0;
  let refusal: unknown = null;
  for (let i = 0; i < 10 && refusal === null; i++) {
    try {
      append(log, large);
      stored++;
    } catch (error) {
      refusal = error;
    }
    await store.durable();
  }
  assert.ok(refusal instanceof StoreError);
  assert.equal(refusal.code, "DISK_FULL");
  assert.match(refusal.message, /record of 20\d+ bytes.*room for \d+/);
  assert.ok(stored > 1);
  assert.equal(store.health().failure, null);
  append(log, "small");
  assert.equal(await log.purge(), stored + 1);
  await store.durable();
  await store.settled();
  for (let i = 0; i < 20; i++) await turn();
  append(log, large);
  await store.durable();
  await store.stop();
});

test("on a full disk the journal takes no room for segments that it cannot make, and a purge gets what is left", async () => {
  for (const capacityBytes of [40 * 1024, 50 * 1024, 60 * 1024]) {
    const clock = new SimClock();
    const disk = new SimDisk({ record: false, capacityBytes });
    const store = await FileStore.open(disk, clock, new SimRandom(1), { ...OPTIONS, directBytes: 1 << 30 });
    const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
    for (let i = 0; i < 500 && codeOf(() => append(log)) === "none"; i++) await turn();
    assert.equal(store.health().diskFull, true);
    for (let i = 0; i < 3; i++) {
      clock.advance(1000);
      await turn();
    }
    for (const { name } of disk.list("journal"))
      assert.equal(disk.stat(`journal/${name}`)?.size, OPTIONS.segmentBytes, name);
    await log.purge();
    await store.durable();
    await store.stop();
  }
});

test("when the journal has no room, turns wait for the checkpoint and nothing is lost", async () => {
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), { ...OPTIONS, directBytes: 1 << 30 });
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  for (let i = 0; i < 1500; i++) append(log, `${i}`);
  await store.durable();
  await store.stop();
  const again = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  assert.equal(again.stream("S")!.state().messages, 1500);
  assert.equal(Buffer.from(again.stream("S")!.load(1500)!.payload).toString(), "1499");
  await again.stop();
});

test("a purge waits while the journal has no room, instead of piling up what has to be written in one go", async () => {
  const disk = new SimDisk({ record: false });
  const options = { blockBytes: 4096, segmentBytes: 16 * 1024, segments: 3, ballastBytes: 4096 };
  const store = await FileStore.open(disk, new RestlessClock(), new SimRandom(1), options);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  for (let i = 0; i < 6000; i++) log.append(new MessageDraft().set(i % 2 === 0 ? "a" : "b", "x"));
  await store.durable();
  await store.checkpointNow();
  disk.holdSyncs = true;
  for (let i = 0; i < 80; i++) {
    log.append(new MessageDraft().set("c", "x".repeat(1000)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const purged = log.purge({ filter: "a" });
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  const left = (await log.filteredState("a")).messages;
  assert.ok(left > 2800, `${left} left`);
  disk.holdSyncs = false;
  assert.equal(await purged, 3000);
  await store.durable();
  await store.stop();
});

test("too much waiting is refused with BUSY", async () => {
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), {
    ...OPTIONS,
    directBytes: 1 << 30,
    pendingBytesMax: 50_000,
  });
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  let code = "none";
  for (let i = 0; i < 5000 && code === "none"; i++) code = codeOf(() => append(log));
  assert.equal(code, "BUSY");
  await store.durable();
  assert.equal(
    codeOf(() => append(log)),
    "none",
  );
  await store.stop();
});

test("erase() leaves no copy of the message anywhere", async () => {
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  append(log, "before");
  const seq = append(log, "very secret words");
  append(log, "after");
  await store.durable();
  assert.equal(log.erase(seq), true);
  await store.settled();
  for (const [path, bytes] of disk.image()) {
    assert.ok(bytes === null || !Buffer.from(bytes).includes("secret"), path);
  }
  await store.stop();
  const again = await FileStore.open(disk, new SimClock(), new SimRandom(1), OPTIONS);
  assert.deepEqual(again.stream("S")!.state().lost, []);
  assert.equal(again.stream("S")!.state().messages, 2);
  await again.stop();
});
