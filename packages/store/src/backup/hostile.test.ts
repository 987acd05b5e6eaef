// Backups that somebody made up: every checksum is right, and what they say is not. MYELIN_HOSTILE_BACKUPS makes it longer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { StoreError } from "../errors.ts";
import { FileStore } from "../file/file-store.ts";
import { MemoryStore } from "../memory-store.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type Store } from "../store.ts";
import { contentOf, takeBackup } from "../testing/backup-compliance.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { DIGEST_BYTES, type Frame, FrameWriter, KIND_END, readFrames } from "./frame.ts";
import { readBackup } from "./read-backup.ts";

const BACKUPS = Number(process.env["MYELIN_HOSTILE_BACKUPS"] ?? 400);
const VALUES = [0, 1, 0x7f, 0x80, 0xff];

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function frames(): Promise<Frame[]> {
  const store = new MemoryStore(new SimClock());
  for (const [name, compression] of [
    ["A", "none"],
    ["B", "s2"],
  ] as const) {
    const log = await store.createStream(name, { ...NO_LIMITS, compression }, Buffer.from("config"));
    for (let i = 0; i < 12; i++) {
      const draft = new MessageDraft().set(`s.${i % 3}`, `${i} `.repeat(i * 3), i % 2 === 0 ? "NATS/1.0\r\n\r\n" : "");
      if (i % 5 === 0) draft.ttlSeconds = 100;
      log.append(draft);
    }
    log.remove(4);
    log.consumer("c").save(Buffer.from("state"));
  }
  const found: Frame[] = [];
  for await (const frame of readFrames(chunksOf(await takeBackup(store)))) found.push(frame);
  await store.stop();
  return found;
}

/** Changes some frames, and seals them as a writer would. */
function forge(sound: readonly Frame[], random: SimRandom): Uint8Array[] {
  const pick = (count: number): number => random.uint32() % count;
  const changed = sound.map(({ kind, body }) => ({ kind, body: new Uint8Array(body) }));
  for (let i = 1 + pick(3); i > 0; i--) {
    const at = pick(changed.length);
    const frame = changed[at]!;
    const dice = pick(10);
    if (dice < 6) {
      for (let j = 1 + pick(4); j > 0 && frame.body.length > 0; j--)
        frame.body[pick(frame.body.length)] = pick(3) === 0 ? pick(256) : (VALUES[pick(VALUES.length)] as number);
    } else if (dice === 6) changed.splice(at, 1);
    else if (dice === 7) changed.splice(pick(changed.length), 0, { ...frame });
    else if (dice === 8) frame.body = frame.body.slice(0, pick(frame.body.length + 1));
    else frame.kind = pick(10);
  }
  const writer = new FrameWriter();
  for (const { kind, body } of changed) {
    if (kind === KIND_END) writer.end(body.subarray(0, Math.max(0, body.length - DIGEST_BYTES)));
    else writer.add(kind, body);
  }
  return writer.takeChunks();
}

for (const kind of ["memory", "file"] as const) {
  test(`a made-up backup is an error of a known kind that leaves nothing, or a backup: ${kind}`, async () => {
    const sound = await frames();
    const random = new SimRandom(21);
    let refused = 0;
    for (let i = 0; i < BACKUPS / 2; i++) {
      const clock = new SimClock();
      const disk = new SimDisk({ record: false });
      const store: Store =
        kind === "memory" ? new MemoryStore(clock) : await FileStore.open(disk, clock, random, FILLED_OPTIONS);
      const error = await readBackup(store, chunksOf(forge(sound, random))).catch((e: unknown) => e);
      if (error instanceof Error) {
        refused++;
        assert.ok(error instanceof StoreError, `${i}: ${error.stack}`);
        assert.deepEqual(contentOf(store), [], `${i}: ${error.message}`);
        assert.equal(store.health().failure, null, `${i}: the store goes on`);
      } else {
        contentOf(store); // whatever it says can be read
      }
      await store.stop();
      assert.equal(disk.openFiles, 0);
    }
    assert.ok(refused > BACKUPS / 4, `${refused} refused`);
  });
}
