// Damage to the files of a store, one bit or one cut at a time. Longer by MYELIN_DAMAGE_FLIPS, MYELIN_DAMAGE_CUT_STEP and
// MYELIN_DAMAGE_CUT_MESSAGES.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { u32, u64 } from "../record.ts";
import { NO_LIMITS, type StreamLimits } from "../store.ts";
import { FILLED_OPTIONS, type FilledStore, filledStore } from "../testing/filled-store.ts";
import { seqsOf } from "../testing/seqs-of.ts";
import { FileStore } from "./file-store.ts";
import { MAGIC_BATCH } from "./format.ts";

const FLIPS = Number(process.env["MYELIN_DAMAGE_FLIPS"] ?? 40);
const CUT_STEP = Number(process.env["MYELIN_DAMAGE_CUT_STEP"] ?? 48);
/** Some 110 bytes of blocks each. */
const CUT_MESSAGES = Number(process.env["MYELIN_DAMAGE_CUT_MESSAGES"] ?? 260);

async function open(image: DiskImage): Promise<{ store: FileStore; disk: SimDisk }> {
  const disk = new SimDisk({ image, record: false });
  return { store: await FileStore.open(disk, new SimClock(), new SimRandom(9), FILLED_OPTIONS), disk };
}

function changed(image: DiskImage, path: string, change: (bytes: Uint8Array) => Uint8Array): DiskImage {
  return new Map([...image].map(([name, bytes]) => [name, name === path ? change(new Uint8Array(bytes!)) : bytes]));
}

/** Sequences that a store has lost, after checking that whatever it delivers is right. */
function audit(store: FileStore, filled: FilledStore, added = 0): { missing: number; unreported: number } {
  let missing = 0;
  let unreported = 0;
  for (const [name, messages] of filled.streams) {
    const log = store.stream(name);
    assert.ok(log !== null, `stream ${name}`);
    assert.equal(Buffer.from(log.config).toString(), name);
    for (const [seq, payload] of messages) {
      const message = log.load(seq);
      if (message !== null) assert.equal(Buffer.from(message.payload).toString(), payload);
    }
    const state = log.state();
    const lost = new Set(seqsOf(state.lost));
    assert.ok(state.messages <= messages.size + added, "nothing comes back");
    for (const seq of messages.keys()) {
      if (log.load(seq) !== null) continue;
      missing++;
      if (!lost.has(seq)) unreported++;
    }
    for (const seq of lost) assert.equal(log.load(seq), null, `${seq} is listed as lost and is there`);
  }
  return { missing, unreported };
}

const KINDS: Record<string, { match: RegExp; lost: number; limits?: StreamLimits }> = {
  block: { match: /\.blk$/, lost: 1 },
  "compressed block": { match: /\.blk$/, lost: 1, limits: { ...NO_LIMITS, compression: "s2" } },
  meta: { match: /meta\.[01]$/, lost: 0 },
  consumers: { match: /consumers\.[01]$/, lost: 0 },
  tombstones: { match: /deleted\.[01]$/, lost: 0 },
  index: { match: /\.idx$/, lost: 0 },
  store: { match: /^store\.[01]$/, lost: 0 },
};

for (const [kind, { match, lost, limits }] of Object.entries(KINDS)) {
  test(`a flipped bit in a ${kind} file costs at most ${lost} message, which is reported`, async () => {
    const random = new SimRandom(kind.length);
    const filled = await filledStore("stopped", 1, FILLED_OPTIONS, limits);
    const paths = [...filled.image.keys()].filter(
      (path) => match.test(path) && (filled.image.get(path)?.length ?? 0) > 0,
    );
    assert.ok(paths.length >= 2, kind);
    let found = 0;
    for (let flip = 0; flip < FLIPS; flip++) {
      const path = paths[random.uint32() % paths.length] as string;
      const at = random.uint32() % filled.image.get(path)!.length;
      const bit = random.uint32() % 8;
      const what = `bit ${bit} of byte ${at} of ${path}`;
      const image = changed(filled.image, path, (bytes) => {
        bytes[at]! ^= 1 << bit;
        return bytes;
      });
      try {
        const { store, disk } = await open(image);
        const { missing, unreported } = audit(store, filled);
        assert.ok(missing <= lost, `${missing} lost`);
        assert.equal(unreported, 0, "a loss is reported");
        if (missing > 0) {
          found++;
          assert.ok(
            [...disk.image().keys()].some((name) => /^quarantine\/.*\.bad$/.test(name)),
            "the bytes are kept",
          );
          assert.ok(
            store.health().reports.some((report) => report.includes("lost")),
            "the report names them",
          );
        }
        for (const name of filled.streams.keys()) {
          assert.equal(Buffer.from(store.stream(name)!.consumers()[0]!.state!).toString(), `state of ${name}`);
        }
        store.stream("A")!.append(new MessageDraft().set("after", "x"));
        await store.stop();
        const again = await open(disk.image());
        assert.equal(audit(again.store, filled, 1).missing, missing, "opened again");
        assert.notEqual(again.store.stream("A")!.last("after"), null);
        await again.store.stop();
      } catch (error) {
        throw new Error(what, { cause: error });
      }
    }
    if (lost > 0) assert.ok(found > FLIPS / 4, "the flips hit records");
  });
}

test("a flipped bit under an open store is noticed when the message is read", async () => {
  const filled = await filledStore("stopped", 2);
  const { store, disk } = await open(filled.image);
  const block = [...disk.image().keys()].find((path) => /00000001\/.*\.blk$/.test(path)) as string;
  const file = disk.open(block, "write");
  const header = new Uint8Array(48);
  let at = 64;
  let seq = 0;
  for (; ; at += Math.ceil(u32(header, 4) / 8) * 8) {
    file.read(header, 0, 48, at);
    seq = u64(header, 24);
    if (filled.streams.get("A")!.has(seq)) break;
  }
  header[44]! ^= 4;
  file.write(header, 0, 48, at);
  file.close();
  const log = store.stream("A")!;
  assert.equal(log.load(seq), null);
  assert.deepEqual(log.state().lost, [[seq, seq]]);
  assert.equal(log.state().messages, filled.streams.get("A")!.size - 1);
  assert.ok(store.health().reports.some((report) => report.includes(`sequence ${seq}`)));
  await store.stop();
});

test("a flipped bit in the journal of a store that was not stopped costs at most one record", async () => {
  const filled = await filledStore("synced", 3);
  const random = new SimRandom(5);
  const paths = [...filled.image.keys()].filter((path) => path.endsWith(".seg"));
  const headers = new Map(paths.map((path) => [path, batchHeaders(filled.image.get(path)!)]));
  for (let flip = 0; flip < FLIPS; flip++) {
    const path = paths[random.uint32() % paths.length] as string;
    // Every second one in the header of a batch.
    const starts = headers.get(path)!;
    const start = starts[random.uint32() % starts.length] as number;
    const at = flip % 2 === 0 ? random.uint32() % filled.image.get(path)!.length : start + (random.uint32() % 48);
    const image = changed(filled.image, path, (bytes) => {
      bytes[at]! ^= 1;
      return bytes;
    });
    const { store } = await open(image);
    // A damaged record may also be a removal: then what it removed comes back.
    // The last batches have nothing after them that proves that they were synced: they may be taken for a torn end.
    const { missing } = audit(store, { image, streams: withoutLast(filled) }, 30);
    assert.ok(missing <= 1, `byte ${at} of ${path}: ${missing} lost`);
    await store.stop();
  }
});

test("a flipped bit in the header of any batch of the journal costs nothing, and is reported", async () => {
  const filled = await filledStore("synced", 3);
  const random = new SimRandom(6);
  let told = 0;
  for (const path of [...filled.image.keys()].filter((name) => name.endsWith(".seg"))) {
    for (const start of batchHeaders(filled.image.get(path)!)) {
      const bit = random.uint32() % (48 * 8);
      const image = changed(filled.image, path, (bytes) => {
        bytes[start + (bit >>> 3)]! ^= 1 << (bit & 7);
        return bytes;
      });
      const { store } = await open(image);
      const what = `bit ${bit} of the header at ${start} of ${path}`;
      assert.deepEqual(audit(store, filled), { missing: 0, unreported: 0 }, what);
      // Batches from before the checkpoint do not count.
      told += store.health().reports.filter((report) => report.includes("put right")).length;
      await store.stop();
    }
  }
  assert.ok(told > 5, `${told} of batches that count`);
});

test("a batch at the end of a segment whose header is gone is reported; the checkpoint that follows it has its records", async () => {
  const disk = new SimDisk({ record: false });
  const options = { ...FILLED_OPTIONS, directBytes: 1 << 20 };
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), options);
  const log = await store.createStream("A", NO_LIMITS, Buffer.from("A"));
  const stored = new Map<number, string>();
  let told = 0;
  for (let turn = 0; turn < 80; turn++) {
    for (let i = 0; i < 3; i++) stored.set(log.append(new MessageDraft().set("s", `${turn} ${i}`)), `${turn} ${i}`);
    await store.durable();
    if (turn < 70) continue;
    // The checkpoint that a full segment begins is not done yet.
    const image = disk.image();
    const path = "journal/00000000.seg";
    const last = batchHeaders(image.get(path)!).at(-1)!;
    const opened = await open(changed(image, path, (bytes) => bytes.fill(0, last, last + 48)));
    const { reports } = opened.store.health();
    if (reports.some((report) => /batch \d+ of epoch \d+ cannot be found, although it had been synced/.test(report))) {
      told++;
      const filled = { image, streams: new Map([["A", stored]]) };
      assert.deepEqual(audit(opened.store, filled), { missing: 0, unreported: 0 });
    }
    await opened.store.stop();
  }
  assert.ok(told > 0);
  await store.stop();
});

/** Where the batches of a segment begin. */
function batchHeaders(bytes: Uint8Array): number[] {
  const starts: number[] = [];
  for (let at = 0; at + 48 <= bytes.length && u32(bytes, at + 4) === MAGIC_BATCH; at += 48 + u32(bytes, at + 32))
    starts.push(at);
  return starts;
}

function withoutLast(filled: FilledStore): Map<string, Map<number, string>> {
  return new Map(
    [...filled.streams].map(([name, messages]) => [name, new Map([...messages].slice(0, messages.size - 12))]),
  );
}

test("the newest block cut at every place loses what was behind the cut, and nothing else", async () => {
  const filled = await filledStore("stopped", 4, FILLED_OPTIONS, NO_LIMITS, CUT_MESSAGES);
  for (const name of [...filled.image.keys()].filter((path) => path.endsWith(".blk"))) {
    const size = filled.image.get(name)!.length;
    for (let cut = 0; cut < size; cut += CUT_STEP) {
      const image = changed(filled.image, name, (bytes) => bytes.subarray(0, cut));
      const { store } = await open(image);
      const whole = Math.floor(cut / 8) * 8;
      const { missing, unreported } = audit(store, filled);
      assert.equal(unreported, 0, `${name} cut at ${cut}`);
      assert.ok(missing <= recordsBehind(filled.image.get(name)!, whole), `${name} cut at ${cut}: ${missing} lost`);
      await store.stop();
    }
  }
});

/** Records that end behind a place, by their length fields. */
function recordsBehind(bytes: Uint8Array, place: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let count = 0;
  for (let at = 64; at < bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    if (at + length > place) count++;
    at += Math.ceil(length / 8) * 8;
  }
  return count;
}

test("a torn end of the journal costs nothing that was confirmed: zeros, garbage, repetition", async () => {
  const filled = await filledStore("synced", 6);
  const random = new SimRandom(8);
  for (const path of [...filled.image.keys()].filter((name) => name.endsWith(".seg"))) {
    const bytes = filled.image.get(path)!;
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end--;
    end = Math.ceil(end / 8) * 8;
    for (const tail of ["garbage", "repetition"]) {
      const image = changed(filled.image, path, (copy) => {
        if (tail === "garbage") random.fillSecret(copy.subarray(end));
        else copy.copyWithin(end, 0, Math.min(end, copy.length - end));
        return copy;
      });
      const { store } = await open(image);
      assert.deepEqual(audit(store, filled), { missing: 0, unreported: 0 }, `${tail} behind ${path}`);
      await store.stop();
    }
  }
});

test("blocks swapped between two streams, and stale copies of blocks, are noticed", async () => {
  const filled = await filledStore("stopped", 7);
  const blocks = [...filled.image.keys()].filter((path) => path.endsWith(".blk"));
  const first = blocks.find((path) => path.includes("/00000001/")) as string;
  const second = blocks.find((path) => path.includes("/00000002/")) as string;
  const swapped = new Map(filled.image);
  swapped.set(first, filled.image.get(second)!);
  swapped.set(second, filled.image.get(first)!);
  const { store } = await open(swapped);
  const { missing, unreported } = audit(store, filled);
  assert.ok(missing > 0);
  assert.equal(unreported, 0);
  await store.stop();
});

test("truncation of any file to any size never stops the other streams", async () => {
  const filled = await filledStore("stopped", 8);
  const random = new SimRandom(10);
  for (const [path, bytes] of filled.image) {
    if (bytes === null) continue;
    for (const size of [0, 1, 31, Math.floor(bytes.length / 2), random.uint32() % (bytes.length + 1)]) {
      const image = changed(filled.image, path, (whole) => whole.subarray(0, Math.min(size, whole.length)));
      const { store } = await open(image);
      assert.equal(audit(store, filled).unreported, 0, `${path} cut to ${size}`);
      await store.stop();
    }
  }
});

test("a stream whose description is gone is set aside whole, and the others open", async () => {
  const filled = await filledStore("stopped", 10);
  const damaged = (bytes: Uint8Array): Uint8Array => bytes.fill(7);
  const image = changed(changed(filled.image, "streams/00000002/meta.0", damaged), "streams/00000002/meta.1", damaged);
  const { store, disk } = await open(image);
  assert.equal(store.stream("B"), null);
  assert.notEqual(store.stream("A"), null);
  for (const [path, bytes] of image) {
    if (!path.startsWith("streams/00000002/")) continue;
    assert.deepEqual(disk.image().get(path.replace("streams", "orphans")), bytes, path);
  }
  assert.ok(store.health().reports.some((report) => report.includes("orphans/00000002")));
  await store.createStream("B", NO_LIMITS, new Uint8Array(0));
  await store.stop();
  const again = await open(disk.image());
  assert.equal(again.store.streams().length, 3);
  await again.store.stop();
});

test("a stream set aside does not meet one of that number which was set aside before", async () => {
  const filled = await filledStore("stopped", 13);
  const damaged = (bytes: Uint8Array): Uint8Array => bytes.fill(7);
  const image = new Map(
    changed(changed(filled.image, "streams/00000002/meta.0", damaged), "streams/00000002/meta.1", damaged),
  );
  const before = new Uint8Array([1]);
  image.set("orphans", null).set("orphans/00000002", null).set("orphans/00000002/meta.0", before);
  const { store, disk } = await open(image);
  assert.deepEqual(disk.image().get("orphans/00000002/meta.0"), before);
  assert.deepEqual(disk.image().get("orphans/00000002-2/meta.0"), image.get("streams/00000002/meta.0"));
  assert.ok(store.health().reports.some((report) => report.endsWith("moved to orphans/00000002-2")));
  await store.stop();
});

test("a newer version is refused, and nothing is written", async () => {
  const filled = await filledStore("stopped", 11);
  const { checksum } = await import("../checksum.ts");
  const newer = (bytes: Uint8Array): Uint8Array => {
    const view = new DataView(bytes.buffer);
    view.setUint32(8, 99, true);
    view.setUint32(0, checksum(view, 4, bytes.length), true);
    return bytes;
  };
  const image = changed(changed(filled.image, "store.0", newer), "store.1", newer);
  const disk = new SimDisk({ image });
  const opening = FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  await assert.rejects(opening, { code: "UNSUPPORTED_VERSION", message: /version 99/ });
  assert.deepEqual(disk.image(), image);
});
