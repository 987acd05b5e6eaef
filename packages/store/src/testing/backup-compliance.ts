// What backups of every store must do, as tests. Called by `storeCompliance`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Clock, Random } from "@myelin/platform";
import { SimClock, SimRandom } from "@myelin/platform/sim";
import { readBackup } from "../backup/read-backup.ts";
import { type BackupOptions, writeBackup } from "../backup/write-backup.ts";
import { StoreError } from "../errors.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type Store, type StreamLimits, type StreamLog } from "../store.ts";

/** Opens an empty store. */
type OpenStore = (clock: Clock) => Promise<Store>;

/** A whole backup in memory. */
export async function takeBackup(store: Store, options: BackupOptions = {}): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeBackup(store, options)) chunks.push(chunk);
  return chunks;
}

/** Everything that can be asked about a store's content, for comparisons. */
export function contentOf(store: Store): unknown[] {
  return store
    .streams()
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(contentOfStream);
}

function contentOfStream(log: StreamLog): unknown {
  const messages: unknown[] = [];
  for (let view = log.next("", 0); view !== null; view = log.next("", view.seq + 1)) {
    const { seq, subject, timeNs, ttlSeconds } = view;
    messages.push([seq, subject, String(timeNs), ttlSeconds, latin1(view.headers), latin1(view.payload)]);
  }
  const byName = log.consumers().sort((a, b) => (a.name < b.name ? -1 : 1));
  const consumers = byName.map(({ name, state }) => [name, state === null ? null : latin1(state)]);
  const { bytes: _, firstTimeNs, lastTimeNs, ...rest } = log.state(); // another kind of store counts other bytes
  const state = { ...rest, firstTime: String(firstTimeNs), lastTime: String(lastTimeNs) };
  return {
    name: log.name,
    limits: log.limits,
    config: latin1(log.config),
    state,
    messages,
    consumers,
  };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

async function* pieces(chunks: readonly Uint8Array[], size: number): AsyncGenerator<Uint8Array> {
  const whole = Buffer.concat(chunks);
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

/** Streams with holes at all places, consumers, times to live, large messages and none. */
async function fill(store: Store, clock: SimClock, seed: number, messages = 300): Promise<void> {
  const random = new SimRandom(seed);
  const limits: Partial<StreamLimits>[] = [
    {},
    { maxMsgsPerSubject: 2 },
    { maxMsgs: 40, compression: "s2" },
    { maxAgeMs: 3_600_000 },
  ];
  for (const [i, limit] of limits.entries()) {
    await store.createStream(`S${i}`, { ...NO_LIMITS, ...limit }, Buffer.from(`config ${i}`), i === 2 ? 1000 : 1);
  }
  await store.createStream("empty", NO_LIMITS, new Uint8Array(0));
  (await store.createStream("emptied", NO_LIMITS, new Uint8Array(0))).append(new MessageDraft().set("a", "b"));
  await store.stream("emptied")!.purge();
  for (let i = 0; i < messages; i++) change(store.stream(`S${random.uint32() % 4}`)!, random, clock, i);
  await store.durable();
}

function change(log: StreamLog, random: Random, clock: SimClock, i: number): void {
  const pick = (count: number): number => random.uint32() % count;
  const dice = pick(20);
  if (dice < 15) {
    const headers = pick(3) === 0 ? `NATS/1.0\r\nN: ${i}\r\n\r\n` : "";
    const draft = new MessageDraft().set(`s.${pick(20)}`, `${i} `.repeat(pick(pick(30) === 0 ? 20_000 : 20)), headers);
    draft.ttlSeconds = pick(10) === 0 ? 3600 + pick(100) : pick(20) === 0 ? -1 : 0;
    log.append(draft);
  } else if (dice < 17) {
    const { firstSeq, lastSeq } = log.state();
    log.remove(firstSeq + pick(lastSeq - firstSeq + 2));
  } else if (dice === 17) log.skip(1 + pick(5));
  else if (dice === 18) log.consumer(`c${pick(3)}`).save(Buffer.from(`state ${i}`));
  else clock.advance(pick(50));
}

async function refused(chunks: AsyncIterable<Uint8Array>, store: Store, what: string): Promise<StoreError> {
  const before = contentOf(store);
  const error = await readBackup(store, chunks).catch((e: unknown) => e);
  assert.ok(error instanceof StoreError, `${what}: ${String(error)}`);
  assert.deepEqual(contentOf(store), before, `${what}: nothing half-made`);
  return error;
}

/** Registers the tests. */
export function backupCompliance(name: string, open: OpenStore): void {
  const opened = async (run: (store: Store, clock: SimClock) => Promise<void>): Promise<void> => {
    const clock = new SimClock();
    const store = await open(clock);
    try {
      await run(store, clock);
    } finally {
      await store.stop();
    }
  };

  describe(`${name}: backup`, () => {
    for (let seed = 1; seed <= 4; seed++) {
      test(`a store that is read back is the store that was backed up, seed ${seed}`, () =>
        opened(async (store, clock) => {
          await fill(store, clock, seed);
          const chunks = await takeBackup(store);
          const other = await open(clock);
          const summary = await readBackup(other, pieces(chunks, 1 + seed * 997));
          assert.deepEqual(contentOf(other), contentOf(store));
          assert.equal(summary.streams.length, 6);
          const seq = other.stream("S0")!.append(new MessageDraft().set("after", "x"));
          assert.equal(seq, store.stream("S0")!.state().lastSeq + 1, "it goes on where the other was");
          await other.stop();
        }));
    }

    test("a backup has everything up to its end, whatever happened while it was made", () =>
      opened(async (store, clock) => {
        await fill(store, clock, 9, 3000);
        const random = new SimRandom(10);
        const chunks: Uint8Array[] = [];
        // What the store held each time before the next chunk was made.
        const moments: string[] = [JSON.stringify(contentOf(store))];
        let changed = 0;
        for await (const chunk of writeBackup(store)) {
          chunks.push(chunk);
          for (let i = 0; i < 40; i++) change(store.stream(`S${random.uint32() % 4}`)!, random, clock, changed++);
          if (chunks.length === 2) await store.deleteStream("empty");
          if (chunks.length === 3) {
            await store.deleteStream("S3");
            const again = await store.createStream("S3", NO_LIMITS, Buffer.from("again"));
            again.append(new MessageDraft().set("new", "new"));
            await store.stream("S1")!.update({ ...NO_LIMITS, maxMsgs: 30 }, Buffer.from("updated"));
          }
          moments.push(JSON.stringify(contentOf(store)));
        }
        const other = await open(clock);
        await readBackup(other, pieces(chunks, 100_000));
        const moment = moments.indexOf(JSON.stringify(contentOf(other)));
        assert.ok(moment > 4, `it is what the store was at moment ${moment} of ${moments.length}`);
        await other.stop();
      }));

    test("single streams, and names that are not there", () =>
      opened(async (store, clock) => {
        await fill(store, clock, 5);
        const other = await open(clock);
        const summary = await readBackup(other, pieces(await takeBackup(store, { streams: ["S1"] }), 5000));
        assert.deepEqual(summary.streams, [{ name: "S1", messages: store.stream("S1")!.state().messages }]);
        assert.deepEqual(contentOf(other), [contentOfStream(store.stream("S1")!)]);
        await assert.rejects(takeBackup(store, { streams: ["S1", "none"] }), { code: "STREAM_NOT_FOUND" });
        await other.stop();
      }));

    test("a stream that is truncated meanwhile ends its backup with an error", () =>
      opened(async (store, clock) => {
        await fill(store, clock, 6, 2000);
        const backup = writeBackup(store);
        await backup.next();
        await store.stream("S0")!.truncate(store.stream("S0")!.state().lastSeq - 1);
        await assert.rejects(
          async () => {
            for await (const chunk of backup) assert.ok(chunk.length > 0);
          },
          { code: "BUSY" },
        );
      }));

    test("a backup with any bit flipped, or cut anywhere, is refused and leaves nothing", () =>
      opened(async (store, clock) => {
        await fill(store, clock, 7, 60);
        const whole = Buffer.concat(await takeBackup(store));
        const random = new SimRandom(8);
        const other = await open(clock);
        const kept = await other.createStream("kept", NO_LIMITS, new Uint8Array(0));
        kept.append(new MessageDraft().set("a", "b"));
        for (let flip = 0; flip < 60; flip++) {
          const bytes = Buffer.from(whole);
          const at = random.uint32() % bytes.length;
          bytes[at]! ^= 1 << (random.uint32() % 8);
          const error = await refused(pieces([bytes], 4096), other, `byte ${at} of ${bytes.length}`);
          assert.ok(["BACKUP_DAMAGED", "UNSUPPORTED_VERSION"].includes(error.code), error.code);
        }
        for (let cut = 0; cut < whole.length; cut += Math.ceil(whole.length / 60)) {
          const error = await refused(pieces([whole.subarray(0, cut)], 4096), other, `cut at ${cut}`);
          assert.equal(error.code, "BACKUP_DAMAGED");
        }
        const twice = await refused(pieces([whole, whole], 4096), other, "two in one");
        assert.match(twice.message, /behind its last frame/);
        await readBackup(other, pieces([whole], 4096));
        const exists = await refused(pieces([whole], 4096), other, "again");
        assert.equal(exists.code, "STREAM_EXISTS");
        await other.stop();
      }));

    test("a stream that is being restored is nobody's until it is published", () =>
      opened(async (store) => {
        const log = await store.createUnpublished("U", 5);
        assert.equal(log.append(new MessageDraft().set("a", "b")), 5);
        assert.equal(store.stream("U"), null);
        assert.deepEqual(store.streams(), []);
        await assert.rejects(store.createStream("U", NO_LIMITS, new Uint8Array(0)), { code: "STREAM_EXISTS" });
        await store.publishStream("U", { ...NO_LIMITS, maxMsgs: 7 }, Buffer.from("c"));
        assert.equal(store.stream("U"), log);
        assert.equal(log.limits.maxMsgs, 7);
        await assert.rejects(store.publishStream("U", NO_LIMITS, new Uint8Array(0)), { code: "STREAM_NOT_FOUND" });
        await store.createUnpublished("V");
        await store.deleteStream("V");
        assert.equal((await store.createStream("V", NO_LIMITS, new Uint8Array(0))).state().lastSeq, 0);
      }));
  });
}
