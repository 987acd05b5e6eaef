// A stream whose description was replaced by an older one, both copies: what its limits of then would take away stays, until somebody says
// what the limits should be.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { readBackup } from "../backup/read-backup.ts";
import { MemoryStore } from "../memory-store.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type Store, type StreamLimits } from "../store.ts";
import { takeBackup } from "../testing/backup-compliance.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { repairStore } from "./check/repair.ts";
import { verifyStore } from "./check/verify.ts";
import { FileStore } from "./file-store.ts";

const MESSAGES = 30;
const SUBJECTS = 3;
const META = ["streams/00000001/meta.0", "streams/00000001/meta.1"];
const OLDER =
  /^streams\/00000001\/meta\.0 and .*meta\.1: older than the checkpoint: .*limits do not apply until the stream is updated/;

/** Limits of then, each of which the messages are beyond. */
const LIMITS: Record<string, Partial<StreamLimits>> = {
  "of messages": { maxMsgs: 4 },
  "of bytes": { maxBytes: 300 },
  "of age": { maxAgeMs: 1000 },
  "of messages per subject": { maxMsgsPerSubject: 2 },
  "that refuse what is new": {
    maxMsgs: 4,
    maxBytes: 300,
    maxMsgsPerSubject: 1,
    discard: "new",
    discardNewPerSubject: true,
  },
};

function open(disk: SimDisk, clock: SimClock): Promise<FileStore> {
  return FileStore.open(disk, clock, new SimRandom(2), FILLED_OPTIONS);
}

function append(store: Store, i: number, ttlSeconds = 0): void {
  const draft = new MessageDraft().set(`s.${i % SUBJECTS}`, `message ${i}`);
  draft.ttlSeconds = ttlSeconds;
  store.stream("S")!.append(draft);
}

interface Made {
  /** Its description is the older one, in both copies. */
  readonly disk: SimDisk;
  /** The copies that count. */
  readonly newer: DiskImage;
  readonly clock: SimClock;
}

/** @param end - Of a store that is killed, the journal alone may say that there is a newer description. */
async function made(limits: Partial<StreamLimits>, end: "stopped" | "killed"): Promise<Made> {
  const clock = new SimClock();
  const disk = new SimDisk({ record: false });
  const store = await open(disk, clock);
  const log = await store.createStream("S", { ...NO_LIMITS, ...limits }, Buffer.from("then"));
  const before = disk.image();
  await log.update(NO_LIMITS, Buffer.from("now"));
  for (let i = 0; i < MESSAGES; i++) append(store, i);
  await store.durable();
  const killed = disk.image();
  await store.stop();
  const newer = end === "killed" ? killed : disk.image();
  clock.advance(60_000);
  return { disk: withMeta(newer, before), newer, clock };
}

function withMeta(image: DiskImage, from: DiskImage): SimDisk {
  const changed = new Map(image);
  for (const path of META) changed.set(path, from.get(path)!);
  return new SimDisk({ image: changed, record: false });
}

/** Nothing is gone after a while, and appends are taken. */
async function assertHeld(store: Store, clock: SimClock, messages: number, how: string): Promise<void> {
  const log = store.stream("S")!;
  assert.equal(log.outdated, true, how);
  append(store, 0);
  clock.advance(60_000);
  await store.durable();
  assert.equal(log.state().messages, messages + 1, how);
  assert.equal(Buffer.from(log.config).toString(), "then");
}

for (const [what, limits] of Object.entries(LIMITS)) {
  for (const end of ["stopped", "killed"] as const) {
    test(`limits ${what} of an older description do not apply, time and again, until the stream is updated: ${end}`, async () => {
      const { disk, clock } = await made(limits, end);
      let messages = MESSAGES;
      for (const how of ["opened", "opened again", "after a kill"]) {
        const store = await open(
          how === "after a kill" ? new SimDisk({ image: disk.image(), record: false }) : disk,
          clock,
        );
        const told = store.health().reports.filter((line) => OLDER.test(line));
        assert.equal(told.length, 1, `${how}: ${store.health().reports.join("\n")}`);
        await assertHeld(store, clock, messages++, how);
        if (how !== "opened again") await store.stop();
      }
      const store = await open(new SimDisk({ image: disk.image(), record: false }), clock);
      await store.stream("S")!.update({ ...NO_LIMITS, maxMsgs: 5 }, Buffer.from("confirmed"));
      assert.equal(store.stream("S")!.outdated, false);
      assert.equal(store.stream("S")!.state().messages, 5);
      await store.stop();
    });
  }
}

for (const end of ["killed", "stopped"] as const) {
  test(`an update of a stream with an older description holds, whatever ends the store: ${end}`, async () => {
    const { disk, clock } = await made({ maxMsgs: 4 }, "stopped");
    let store = await open(disk, clock);
    const log = store.stream("S")!;
    await log.update({ ...NO_LIMITS, maxMsgs: 20 }, Buffer.from("confirmed"));
    await store.durable();
    const killed = disk.image();
    await store.stop();
    store = await open(end === "killed" ? new SimDisk({ image: killed, record: false }) : disk, clock);
    assert.deepEqual(store.health().reports, []);
    const again = store.stream("S")!;
    assert.equal(again.outdated, false);
    assert.equal(again.limits.maxMsgs, 20);
    assert.equal(again.state().messages, 20);
    append(store, 1);
    assert.equal(again.state().messages, 20);
    await store.stop();
  });
}

test("newer copies that are put back count again", async () => {
  const { disk, newer, clock } = await made({ maxMsgs: 4 }, "stopped");
  const store = await open(disk, clock);
  await assertHeld(store, clock, MESSAGES, "older");
  await store.stop();
  const again = await open(withMeta(disk.image(), newer), clock);
  assert.deepEqual(again.health().reports, []);
  assert.equal(again.stream("S")!.outdated, false);
  assert.equal(Buffer.from(again.stream("S")!.config).toString(), "now");
  assert.equal(again.stream("S")!.state().messages, MESSAGES + 1);
  await again.stop();
});

test("messages with a time to live of their own expire under an older description", async () => {
  const { disk, clock } = await made({ maxAgeMs: 1000 }, "stopped");
  const store = await open(disk, clock);
  append(store, 0, 5);
  clock.advance(4000);
  assert.equal(store.stream("S")!.state().messages, MESSAGES + 1);
  clock.advance(2000);
  assert.equal(store.stream("S")!.state().messages, MESSAGES);
  await store.stop();
});

test("verifying and repairing tell of an older description, and leave it to the owner", async () => {
  const { disk, clock } = await made({ maxMsgs: 4 }, "stopped");
  const { problems, reports, streams } = await verifyStore(disk, clock, new SimRandom(1), FILLED_OPTIONS);
  assert.deepEqual(
    problems.map(({ path }) => path),
    META,
  );
  assert.match(reports.join("\n"), OLDER);
  assert.equal(streams[0]?.messages, MESSAGES);
  const repaired = await repairStore(disk, clock, new SimRandom(1), FILLED_OPTIONS);
  assert.match(repaired.reports.join("\n"), OLDER);
  const store = await open(disk, clock);
  await assertHeld(store, clock, MESSAGES, "repaired");
  await store.stop();
});

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

test("a backup of a stream with an older description, read back, takes nothing away either", async () => {
  const { disk, clock } = await made({ maxMsgs: 4, maxAgeMs: 1000 }, "stopped");
  const store = await open(disk, clock);
  const backup = await takeBackup(store);
  await store.stop();
  const memory = new MemoryStore(clock);
  await readBackup(memory, each(backup));
  await assertHeld(memory, clock, MESSAGES, "in memory");
  await memory.stream("S")!.update({ ...NO_LIMITS, maxMsgs: 5 }, Buffer.from("confirmed"));
  assert.equal(memory.stream("S")!.state().messages, 5);
  await memory.stop();
  const restoredDisk = new SimDisk({ record: false });
  const restored = await open(restoredDisk, clock);
  await readBackup(restored, each(backup));
  await assertHeld(restored, clock, MESSAGES, "restored");
  await restored.stop();
  const again = await open(restoredDisk, clock);
  assert.match(again.health().reports.join("\n"), /meta: restored from a backup, .*limits do not apply until/);
  await assertHeld(again, clock, MESSAGES + 1, "restored and opened again");
  await again.stream("S")!.update({ ...NO_LIMITS, maxMsgs: 6 }, Buffer.from("confirmed"));
  await again.stop();
  const third = await open(restoredDisk, clock);
  assert.deepEqual(third.health().reports, []);
  assert.equal(third.stream("S")!.outdated, false);
  assert.equal(third.stream("S")!.state().messages, 6);
  await third.stop();
});
