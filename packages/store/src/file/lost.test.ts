// What is lost stays listed, wherever it is and however often the store is opened, and is there again when its bytes are: nothing but what
// would have taken the message away takes it off the list.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamLimits, type StreamLog } from "../store.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { runsOf } from "../testing/seqs-of.ts";
import { FileStore } from "./file-store.ts";

const MESSAGES = 60;
/** One message in its block. */
const LARGE = FILLED_OPTIONS.blockBytes! - 200;

/** A store of one stream, whose messages are small but for some. */
async function filled(large: readonly number[], limits: StreamLimits = NO_LIMITS): Promise<SimDisk> {
  const disk = new SimDisk({ record: false });
  const store = await open(disk);
  const log = await store.createStream("S", limits, new Uint8Array(0));
  for (let seq = 1; seq <= MESSAGES; seq++) {
    log.append(new MessageDraft().set(`s.${seq % 3}`, payloadOf(seq, large)));
    if (seq % 7 === 0) await store.durable();
  }
  await store.stop();
  return disk;
}

const payloadOf = (seq: number, large: readonly number[]): string =>
  `payload ${seq} `.padEnd(large.includes(seq) ? LARGE : 20, "x");

const open = (disk: SimDisk): Promise<FileStore> =>
  FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);

/** Where the payload of a message stands. */
function placeOf(image: DiskImage, seq: number): { path: string; at: number } {
  for (const [path, bytes] of image) {
    const at = bytes === null || !path.endsWith(".blk") ? -1 : Buffer.from(bytes).indexOf(`payload ${seq} `);
    if (at >= 0) return { path, at };
  }
  throw new Error(`no record of ${seq}`);
}

/** Flips a bit of a message, or flips it back. */
function flip(
  image: DiskImage,
  seqs: readonly number[],
  places: ReadonlyMap<number, { path: string; at: number }>,
): SimDisk {
  const changed = new Map([...image].map(([path, bytes]) => [path, bytes === null ? null : new Uint8Array(bytes)]));
  for (const seq of seqs) {
    const { path, at } = places.get(seq)!;
    const bytes = changed.get(path);
    assert.ok(bytes != null && bytes.length > at, `${path}, with ${seq}, is still there`);
    bytes[at]! ^= 4;
  }
  return new SimDisk({ image: changed, record: false });
}

function readAll(log: StreamLog): number[] {
  const seqs: number[] = [];
  for (let view = log.next("", 0); view !== null; view = log.next("", view.seq + 1)) seqs.push(view.seq);
  return seqs;
}

const CASES: readonly (readonly [name: string, lost: readonly number[], large: readonly number[]])[] = [
  ["the first message", [1], []],
  ["the first three", [1, 2, 3], []],
  ["one between", [30], []],
  ["three neighbours between", [30, 31, 32], []],
  ["the last one", [MESSAGES], []],
  ["the last two", [MESSAGES - 1, MESSAGES], []],
  ["the first one, alone in its block", [1], [1]],
  ["one between, alone in its block", [30], [30]],
  ["the last one, alone in its block", [MESSAGES], [MESSAGES]],
  ["first, between and last", [1, 30, MESSAGES], [30]],
  ["all", Array.from({ length: MESSAGES }, (_, i) => i + 1), [20, 40]],
];

for (const [name, lost, large] of CASES) {
  describe(`damage to ${name}`, () => {
    for (const end of ["stopped", "killed"] as const) {
      for (const found of ["while it is open", "on opening"] as const) {
        test(`found ${found}, then ${end}: listed until the bytes are back, and then there again`, async () => {
          const sound = (await filled(large)).image();
          const places = new Map(lost.map((seq) => [seq, placeOf(sound, seq)]));
          const runs = runsOf(lost);
          const present = Array.from({ length: MESSAGES }, (_, i) => i + 1).filter((seq) => !lost.includes(seq));
          let image: DiskImage = flip(sound, lost, places).image();
          if (found === "on opening") image = new Map([...image].filter(([path]) => !path.endsWith(".idx")));
          for (let opening = 0; opening < 3; opening++) {
            const disk = new SimDisk({ image, record: false });
            const store = await open(disk);
            const log = store.stream("S")!;
            if (found === "on opening" || opening > 0)
              assert.deepEqual(log.state().lost, runs, `listed at opening ${opening}`);
            assert.deepEqual(readAll(log), present, `read, opening ${opening}`);
            assert.deepEqual(log.state().lost, runs, `listed after reading, opening ${opening}`);
            await store.checkpointNow();
            image = disk.image();
            if (end === "stopped") {
              await store.stop();
              image = disk.image();
            } else {
              await store.stop();
            }
          }
          const back = await open(flip(image, lost, places));
          assert.deepEqual(
            readAll(back.stream("S")!),
            Array.from({ length: MESSAGES }, (_, i) => i + 1),
          );
          assert.deepEqual(back.stream("S")!.state().lost, []);
          await back.stop();
        });
      }
    }
  });
}

describe("what goes behind something that was lost at the front", () => {
  test("removed by its sequence: gone for good, and what was lost stays listed", async () => {
    const sound = (await filled([])).image();
    const places = new Map([1, 2].map((seq) => [seq, placeOf(sound, seq)]));
    let disk = flip(sound, [1, 2], places);
    let store = await open(disk);
    assert.deepEqual(readAll(store.stream("S")!)[0], 3);
    for (const seq of [3, 5, 4]) assert.ok(store.stream("S")!.remove(seq));
    await store.stream("S")!.purge({ filter: "s.0" });
    assert.deepEqual(store.stream("S")!.state().firstSeq, 7);
    await store.durable();
    for (const end of ["killed", "stopped"]) {
      const image = disk.image();
      await store.stop();
      disk = new SimDisk({ image: end === "killed" ? image : disk.image(), record: false });
      store = await open(disk);
      const log = store.stream("S")!;
      assert.deepEqual([log.state().firstSeq, log.state().lost], [7, [[1, 2]]], end);
      assert.deepEqual(readAll(log).slice(0, 3), [7, 8, 10], end);
    }
    await store.stop();
    const back = await open(flip(disk.image(), [1, 2], places));
    assert.deepEqual(readAll(back.stream("S")!).slice(0, 4), [1, 2, 7, 8]);
    await back.stop();
  });

  test("taken by a rollup of its subject in slices: the same", async () => {
    const disk0 = new SimDisk({ record: false });
    let store = await open(disk0);
    let log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
    for (let seq = 1; seq <= 200; seq++) {
      log.append(new MessageDraft().set(seq % 50 === 1 ? "other" : "a", payloadOf(seq, [])));
      if (seq % 7 === 0) await store.durable();
    }
    await store.stop();
    const places = new Map([[1, placeOf(disk0.image(), 1)]]);
    let disk = flip(disk0.image(), [1], places);
    store = await open(disk);
    log = store.stream("S")!;
    assert.equal(readAll(log)[0], 2);
    const draft = new MessageDraft().set("a", "newest");
    draft.rollup = "subject";
    log.append(draft);
    await store.durable();
    const expected = [51, 101, 151, 201];
    for (const end of ["killed", "stopped"]) {
      const image = disk.image();
      await store.stop();
      disk = new SimDisk({ image: end === "killed" ? image : disk.image(), record: false });
      store = await open(disk);
      assert.deepEqual(readAll(store.stream("S")!), expected, end);
      assert.deepEqual(store.stream("S")!.state().lost, [[1, 1]], end);
    }
    await store.stop();
    const back = await open(flip(disk.image(), [1], places));
    assert.deepEqual(readAll(back.stream("S")!), [1, ...expected]);
    await back.stop();
  });

  test("a truncation keeps both as they are", async () => {
    const sound = (await filled([])).image();
    const places = new Map([1, 20].map((seq) => [seq, placeOf(sound, seq)]));
    let disk = flip(sound, [1, 20], places);
    let store = await open(disk);
    let log = store.stream("S")!;
    readAll(log);
    for (const seq of [2, 3, 19]) log.remove(seq);
    await store.durable();
    await log.truncate(40);
    for (const end of ["killed", "stopped"]) {
      const image = disk.image();
      await store.stop();
      disk = new SimDisk({ image: end === "killed" ? image : disk.image(), record: false });
      store = await open(disk);
      log = store.stream("S")!;
      assert.deepEqual([log.state().firstSeq, log.state().lastSeq, log.state().lost], [4, 40, runsOf([1, 20])], end);
    }
    await store.stop();
    const back = await open(flip(disk.image(), [1, 20], places));
    const expected = Array.from({ length: 40 }, (_, i) => i + 1).filter((seq) => ![2, 3, 19].includes(seq));
    assert.deepEqual(readAll(back.stream("S")!), expected);
    await back.stop();
  });

  const limited: readonly (readonly [string, Partial<StreamLimits>])[] = [
    ["a limit of messages", { maxMsgs: 10 }],
    ["a limit of bytes", { maxBytes: 600 }],
    ["a maximum age", { maxAgeMs: 1000 }],
  ];
  for (const [name, limits] of limited) {
    test(`${name}: takes what was lost along, and its block`, async () => {
      const sound = (await filled([1, 2, 3])).image();
      const places = new Map([1, 2, 3].map((seq) => [seq, placeOf(sound, seq)]));
      const disk = flip(sound, [1, 2, 3], places);
      const clock = new SimClock();
      const store = await FileStore.open(disk, clock, new SimRandom(1), FILLED_OPTIONS);
      const log = store.stream("S")!;
      assert.equal(readAll(log)[0], 4);
      await store.checkpointNow();
      const blocks = (): number => [...disk.image().keys()].filter((path) => path.endsWith(".blk")).length;
      const before = blocks();
      await log.update({ ...NO_LIMITS, ...limits }, new Uint8Array(0));
      clock.advance(5000);
      log.append(new MessageDraft().set("a", "newest"));
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      await store.settled();
      assert.deepEqual(log.state().lost, []);
      assert.ok(blocks() <= before - 3, `${blocks()} of ${before} blocks`);
      await store.stop();
      const again = await FileStore.open(disk, clock, new SimRandom(1), FILLED_OPTIONS);
      assert.deepEqual(again.stream("S")!.state().lost, []);
      assert.ok(again.stream("S")!.state().firstSeq > 3);
      await again.stop();
    });
  }

  test("a purge takes it along, and its block", async () => {
    for (const purge of [(log: StreamLog) => log.purge(), (log: StreamLog) => log.compact(40)]) {
      const sound = (await filled([1, 29])).image();
      const places = new Map([1, 29].map((seq) => [seq, placeOf(sound, seq)]));
      const disk = flip(sound, [1, 29], places);
      const store = await open(disk);
      const log = store.stream("S")!;
      readAll(log);
      assert.deepEqual(log.state().lost, runsOf([1, 29]));
      await purge(log);
      await store.settled();
      assert.deepEqual(log.state().lost, []);
      const left = [...disk.image().keys()].filter((path) => path.endsWith(".blk"));
      await store.stop();
      for (const seq of [1, 29]) assert.ok(!left.includes(places.get(seq)!.path), `the block of ${seq} is gone`);
    }
  });
});

test("a block that the device cannot read for a while is there again afterwards, though nothing of it could be read", async () => {
  const disk = await filled([1, 30]);
  const places = [1, 30].map((seq) => placeOf(disk.image(), seq).path);
  const store = await open(disk);
  disk.fault = (call, path) => (call === "read" && places.includes(path) ? "EIO" : null);
  const log = store.stream("S")!;
  const present = readAll(log);
  assert.ok(!present.includes(1) && !present.includes(30));
  assert.deepEqual(
    log.state().lost,
    runsOf(Array.from({ length: MESSAGES }, (_, i) => i + 1).filter((seq) => !present.includes(seq))),
  );
  disk.fault = () => null;
  await store.checkpointNow();
  await store.stop();
  const again = await open(disk);
  assert.deepEqual(readAll(again.stream("S")!).length, MESSAGES);
  assert.deepEqual(again.stream("S")!.state().lost, []);
  await again.stop();
});

describe("damage at the end of what a checkpoint vouches for, in a store that was killed later", () => {
  const damages: readonly (readonly [string, readonly number[], (bytes: Uint8Array) => Uint8Array | null])[] = [
    ["the last record", [10], (bytes) => flipped(bytes, bytes.length - 20)],
    ["the last two", [9, 10], (bytes) => flipped(flipped(bytes, bytes.length - 20), bytes.length - 100)],
    ["all records", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], (bytes) => bytes.fill(0xff, 64)],
    ["the end is cut off", [10], (bytes) => bytes.slice(0, bytes.length - 40)],
    ["all is cut off", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], (bytes) => bytes.slice(0, 64)],
    ["the file is gone", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], () => null],
  ];
  for (const [name, lost, damage] of damages) {
    test(`${name}: what the journal has beyond it is all there`, async () => {
      const disk = new SimDisk({ record: false });
      const store = await open(disk);
      const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
      for (let seq = 1; seq <= 10; seq++) log.append(new MessageDraft().set("s", payloadOf(seq, [])));
      await store.checkpointNow();
      const path = "streams/00000001/00000001.blk";
      const vouched = disk.image().get(path)!;
      for (let seq = 11; seq <= 15; seq++) {
        log.append(new MessageDraft().set("s", payloadOf(seq, [])));
        await store.durable();
      }
      log.remove(12);
      await store.durable();
      const damaged = damage(new Uint8Array(vouched));
      let image = new Map(disk.image()).set(path, damaged);
      if (damaged === null) image.delete(path);
      await store.stop();
      for (let opening = 0; opening < 2; opening++) {
        const again = new SimDisk({ image, record: false });
        const opened = await open(again);
        const found = opened.stream("S")!;
        assert.deepEqual(found.state().lost, runsOf(lost));
        const present = Array.from({ length: 15 }, (_, i) => i + 1).filter((seq) => seq !== 12 && !lost.includes(seq));
        assert.deepEqual(readAll(found), present);
        assert.equal(found.append(new MessageDraft().set("s", "next")), 16);
        image = new Map(again.image());
        await opened.stop();
      }
    });
  }
});

test("a record that was written to its block right behind what a checkpoint vouches for stays, whatever is damaged before it", async () => {
  const disk = new SimDisk({ record: false });
  let store = await open(disk);
  await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  for (let seq = 1; seq <= 10; seq++) store.stream("S")!.append(new MessageDraft().set("s", payloadOf(seq, [])));
  await store.stop();
  const path = "streams/00000001/00000001.blk";
  const end = disk.image().get(path)!.length;
  store = await open(disk);
  // Large enough to leave the journal out; it tells that what is before it was synced.
  store.stream("S")!.append(new MessageDraft().set("s", "payload 11 ".padEnd(2000, "x")));
  await store.durable();
  const image = new Map(disk.image());
  image.set(path, flipped(new Uint8Array(image.get(path)!), end - 20));
  await store.stop();
  store = await open(new SimDisk({ image, record: false }));
  assert.deepEqual(readAll(store.stream("S")!), [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
  assert.deepEqual(store.stream("S")!.state().lost, [[10, 10]]);
  await store.stop();
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at]! ^= 4;
  return bytes;
}
