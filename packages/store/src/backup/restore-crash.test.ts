// Loss of power while a backup is read back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { crashImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { FileStore } from "../file/file-store.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS } from "../store.ts";
import { contentOf, takeBackup } from "../testing/backup-compliance.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { readBackup } from "./read-backup.ts";

const STATES = Number(process.env["MYELIN_RESTORE_STATES"] ?? 120);
const NO_CONFIG = new Uint8Array(0);

async function source(): Promise<FileStore> {
  const store = await FileStore.open(new SimDisk({ record: false }), new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  for (const name of ["A", "B"]) {
    const log = await store.createStream(name, { ...NO_LIMITS, maxMsgsPerSubject: 9 }, Buffer.from(name));
    for (let i = 0; i < 150; i++) log.append(new MessageDraft().set(`s.${i % 11}`, `${i} `.repeat(i % 40)));
    log.consumer("c").save(Buffer.from("state"));
  }
  return store;
}

test("a crash while a backup is read back leaves each stream whole or not there, and what was there before", async () => {
  const store = await source();
  const chunks = await takeBackup(store);
  const disk = new SimDisk();
  const other = await FileStore.open(disk, new SimClock(), new SimRandom(2), FILLED_OPTIONS);
  (await other.createStream("kept", NO_LIMITS, NO_CONFIG)).append(new MessageDraft().set("a", "b"));
  await other.durable();
  const from = disk.trace.length;
  await readBackup(
    other,
    (async function* () {
      yield* chunks;
    })(),
  );
  const whole = contentOf(store).map((content) => JSON.stringify(content));
  const random = new SimRandom(3);
  const seen = new Set<number>();
  for (let state = 0; state < STATES; state++) {
    const at = state === 0 ? disk.trace.length : from + (random.uint32() % (disk.trace.length - from));
    const image = crashImage(disk.startImage, disk.trace, at, state === 0 ? "drop-all" : "mixed", random);
    for (let opening = 0; opening < 2; opening++) {
      const left = new SimDisk({ image, record: false });
      const again = await FileStore.open(left, new SimClock(), new SimRandom(4), FILLED_OPTIONS);
      const found = contentOf(again).map((content) => JSON.stringify(content));
      seen.add(found.length);
      assert.match(found.pop() as string, /^\{"name":"kept".*"messages":\[\[1,/, `cut at ${at}`);
      for (const content of found) assert.ok(whole.includes(content), `cut at ${at}: ${content.slice(0, 60)}`);
      const damage = again
        .health()
        .reports.filter((line) => !/never confirmed|cut at|other copy is used|\.idx|index file/.test(line));
      assert.deepEqual(damage, [], `cut at ${at}`);
      await readBackupInto(again, chunks, found.length);
      await again.stop();
      const folders = [...left.image().keys()].filter((path) => /^streams\/[^/]*$/.test(path));
      assert.equal(folders.length, again.streams().length, "what was not published is gone");
    }
  }
  assert.ok(seen.has(1) && seen.has(3), [...seen].join());
});

/** Nothing of the first attempt is in the way of the next one. */
async function readBackupInto(store: FileStore, chunks: readonly Uint8Array[], found: number): Promise<void> {
  const reading = readBackup(
    store,
    (async function* () {
      yield* chunks;
    })(),
  );
  if (found > 0) await assert.rejects(reading, { code: "STREAM_EXISTS" });
  else await reading;
}
