// When a stream's last message was stored: known to the nanosecond whatever becomes of the message, of the process, and in a backup.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { readBackup } from "../backup/read-backup.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamLimits, type StreamLog } from "../store.ts";
import { takeBackup } from "../testing/backup-compliance.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { FileStore } from "./file-store.ts";

const NO_CONFIG = new Uint8Array(0);

/** A message with a time of its own: `subNs` behind the clock's millisecond, or before it. */
function append(log: StreamLog, clock: SimClock, subNs: number, draft = new MessageDraft().set("a", "x")): void {
  clock.advance(3);
  draft.timeMs = clock.wallMs();
  draft.timeSubNs = subNs;
  log.append(draft);
}

interface Case {
  readonly limits?: Partial<StreamLimits>;
  /** What happens to a stream of three messages in it, and in its own files, of times .000001, .000002, .000003. */
  readonly run: (log: StreamLog, clock: SimClock) => void | Promise<void>;
  /** Nanoseconds within its millisecond. */
  readonly subNs: number;
}

const CASES: Record<string, Case> = {
  nothing: { run: () => {}, subNs: 3 },
  "a purge": { run: async (log) => void (await log.purge()), subNs: 3 },
  "a message and a purge": {
    run: async (log, clock) => {
      append(log, clock, 4);
      await log.purge();
    },
    subNs: 4,
  },
  "a large message and a purge": {
    run: async (log, clock) => {
      append(log, clock, 4, new MessageDraft().set("a", "x".repeat(3000)));
      await log.purge();
    },
    subNs: 4,
  },
  "a compaction beyond the end": { run: async (log) => void (await log.compact(9)), subNs: 3 },
  "the removal of each": { run: (log) => [1, 2, 3].forEach((seq) => log.remove(seq)), subNs: 3 },
  "the removal of the last": { run: (log) => void log.remove(3), subNs: 3 },
  "sequences without a message": { run: (log) => log.skip(4), subNs: 3 },
  expiry: { limits: { maxAgeMs: 100 }, run: (_log, clock) => clock.advance(1000), subNs: 3 },
  "a rollup": {
    run: (log, clock) => {
      const draft = new MessageDraft().set("a", "x");
      draft.rollup = "all";
      append(log, clock, 5, draft);
    },
    subNs: 5,
  },
  "a truncation": { run: (log) => log.truncate(2), subNs: 2 },
  "a truncation to a sequence without a message": {
    run: async (log) => {
      log.remove(2);
      await log.truncate(2);
    },
    subNs: 3,
  },
  "a truncation to the beginning": { run: (log) => log.truncate(0), subNs: 3 },
  "a message from before": {
    run: (log, clock) => {
      const draft = new MessageDraft().set("a", "x");
      draft.timeMs = clock.wallMs() - 5000;
      draft.timeSubNs = 6;
      log.append(draft);
    },
    subNs: 6,
  },
  "a message from before, and a purge": {
    run: async (log, clock) => {
      const draft = new MessageDraft().set("a", "x");
      draft.timeMs = clock.wallMs() - 5000;
      draft.timeSubNs = 6;
      log.append(draft);
      await log.purge();
    },
    subNs: 6,
  },
};

function open(image: DiskImage, clock: SimClock): Promise<FileStore> {
  return FileStore.open(new SimDisk({ image, record: false }), clock, new SimRandom(2), FILLED_OPTIONS);
}

async function assertKept(image: DiskImage, clock: SimClock, ns: bigint | null, how: string): Promise<void> {
  const store = await open(image, clock);
  assert.equal(store.stream("S")!.state().lastTimeNs, ns, how);
  assert.deepEqual(store.health().reports, [], how);
  await store.stop();
}

for (const saved of [true, false]) {
  for (const [what, { limits, run, subNs }] of Object.entries(CASES)) {
    test(`lastTimeNs is known after ${what}, ${saved ? "of messages in their blocks" : "of messages in the journal"}`, async () => {
      const disk = new SimDisk({ record: false });
      const clock = new SimClock();
      const store = await FileStore.open(disk, clock, new SimRandom(1), FILLED_OPTIONS);
      const log = await store.createStream("S", { ...NO_LIMITS, ...limits }, NO_CONFIG);
      for (const ns of [1, 2, 3]) append(log, clock, ns);
      if (saved) await store.checkpointNow();
      await run(log, clock);
      await store.settled();
      const ns = log.state().lastTimeNs;
      assert.equal(Number(ns! % 1_000_000n), subNs);
      await assertKept(disk.image(), clock, ns, "killed");
      const backup = await takeBackup(store);
      await store.stop();
      await assertKept(disk.image(), clock, ns, "stopped");
      await assertRestored(backup, clock, ns);
    });
  }
}

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function assertRestored(backup: readonly Uint8Array[], clock: SimClock, ns: bigint | null): Promise<void> {
  clock.advance(7.5);
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, clock, new SimRandom(3), FILLED_OPTIONS);
  await readBackup(store, each(backup));
  assert.equal(store.stream("S")!.state().lastTimeNs, ns, "restored");
  await assertKept(disk.image(), clock, ns, "restored and killed");
  await store.stop();
  await assertKept(disk.image(), clock, ns, "restored and stopped");
}

test("lastTimeNs of a stream that never had a message is the time of its first sequence without one", async () => {
  const disk = new SimDisk({ record: false });
  const clock = new SimClock(Date.UTC(2026, 0, 1) + 0.125);
  const store = await FileStore.open(disk, clock, new SimRandom(1), FILLED_OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  assert.equal(log.state().lastTimeNs, null);
  await assertKept(disk.image(), clock, null, "never");
  log.skip(3);
  const ns = log.state().lastTimeNs;
  assert.equal(Number(ns! % 1_000_000n), 125_000);
  await store.durable();
  clock.advance(1000);
  await assertKept(disk.image(), clock, ns, "killed");
  const backup = await takeBackup(store);
  await store.stop();
  await assertKept(disk.image(), clock, ns, "stopped");
  await assertRestored(backup, clock, ns);
});
