// Damage next to a gap: sequences that never had a message, thousands of millions of them. Nothing may take time or memory for each.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamState } from "../store.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { seqsOf } from "../testing/seqs-of.ts";
import { verifyStore } from "./check/verify.ts";
import { FileStore } from "./file-store.ts";

const GAP = 3_000_000_000;
const BLOCK_HEADER_BYTES = 64;

/** A stream with some messages, a gap, and some more, in a store that was stopped or only synced. */
async function gappedStore(before: number, after: number, payload: string, stop: boolean): Promise<DiskImage> {
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  for (let i = 0; i < before + after; i++) {
    if (i === before) log.skip(GAP);
    log.append(new MessageDraft().set("a", payload));
    // Turns of a few messages go through the journal.
    if (i % 8 === 7) await store.durable();
  }
  if (stop) await store.stop();
  else await store.durable();
  return disk.image();
}

/** Path of a stream's block. */
function blockPath(image: DiskImage, number: number): string {
  return [...image.keys()].find((path) => path.endsWith(`${number.toString(16).padStart(8, "0")}.blk`)) as string;
}

/** Opens the folder with some bytes changed; what the stream says after all of it was read. */
async function stateAfterFlips(image: DiskImage, flips: readonly (readonly [string, number])[]): Promise<StreamState> {
  return (await openedAfterFlips(image, flips)).state;
}

/** The same, and what the folder is then. */
async function openedAfterFlips(
  image: DiskImage,
  flips: readonly (readonly [string, number])[],
): Promise<{ state: StreamState; image: DiskImage }> {
  const damaged = new Map([...image].map(([path, bytes]) => [path, bytes === null ? null : new Uint8Array(bytes)]));
  for (const [path, at] of flips) damaged.get(path)![at]! ^= 4;
  const disk = new SimDisk({ image: damaged, record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(2), FILLED_OPTIONS);
  const log = store.stream("S")!;
  for (let view = log.next("", 0); view !== null; view = log.next("", view.seq + 1));
  const state = log.state();
  await store.stop();
  const untouched = new SimDisk({ image: damaged, record: false });
  const { streams } = await verifyStore(untouched, new SimClock(), new SimRandom(3), FILLED_OPTIONS);
  assert.deepEqual(streams[0]!.lost, state.lost, "verify says the same");
  return { state, image: disk.image() };
}

describe("the record that ends a gap is damaged", () => {
  for (const [what, after, payload] of [
    ["at the stream's begin", 20, "x"],
    ["alone in its block", 3, "x".repeat(4000)],
  ] as const) {
    test(`${what}: it is lost, and no sequence of the gap`, async () => {
      const image = await gappedStore(0, after, payload, true);
      const state = await stateAfterFlips(image, [[blockPath(image, 1), BLOCK_HEADER_BYTES + 44]]);
      assert.deepEqual(state.lost, [[GAP + 1, GAP + 1]]);
      assert.deepEqual([state.messages, state.lastSeq], [after - 1, GAP + after]);
    });
  }

  test("behind messages: it is lost, and no sequence of the gap", async () => {
    const image = await gappedStore(80, 80, "x", true);
    const state = await stateAfterFlips(image, [[blockPath(image, blockWithGap(image)), BLOCK_HEADER_BYTES + 44]]);
    assert.deepEqual(state.lost, [[GAP + 81, GAP + 81]]);
    assert.deepEqual([state.messages, state.lastSeq], [159, GAP + 160]);
  });
});

/** Number of the first block whose first sequence is behind the gap. */
function blockWithGap(image: DiskImage): number {
  const paths = [...image.keys()].filter((path) => path.endsWith(".blk")).sort();
  const found = paths.find((path) => Number(Buffer.from(image.get(path)!).readBigUInt64LE(24)) > GAP) as string;
  return Number.parseInt(found.slice(-12, -4), 16);
}

test("where nothing tells of the gap, all of it counts as lost, in no time", async () => {
  const image = await gappedStore(80, 80, "x", true);
  const path = blockPath(image, blockWithGap(image));
  const state = await stateAfterFlips(image, [
    [path, 25],
    [path, BLOCK_HEADER_BYTES + 44],
    ...[...image.keys()].filter((name) => /deleted\.\d$/.test(name)).map((name) => [name, 30] as const),
  ]);
  assert.deepEqual(state.lost, [[81, GAP + 81]]);
  assert.equal(state.messages, 159);
});

test("in a store that was not stopped in order nothing takes long either, and no message that is there counts as lost", async () => {
  const image = await gappedStore(80, 80, "x", false);
  for (const path of [...image.keys()].filter((name) => /\.(blk|seg)$/.test(name))) {
    const bytes = image.get(path)!;
    for (let at = 0; at < bytes.length; at += 512) {
      const state = await stateAfterFlips(image, [[path, at + 44 < bytes.length ? at + 44 : at]]);
      assert.ok(
        state.lost.length < 10 && state.messages >= 70,
        `${path} ${at}: ${state.messages} messages, lost: ${JSON.stringify(state.lost)}`,
      );
    }
  }
});

test("messages missing at the end of the block before a gap are lost", async () => {
  const image = new Map(await gappedStore(80, 80, "x", true));
  const gapped = blockWithGap(image);
  const path = blockPath(image, gapped - 1);
  const bytes = image.get(path)!;
  image.set(path, bytes.slice(0, bytes.length - 3 * 56));
  const opened = await openedAfterFlips(image, [[blockPath(image, gapped), BLOCK_HEADER_BYTES + 44]]);
  const { state } = opened;
  assert.deepEqual((await stateAfterFlips(opened.image, [])).lost, state.lost, "also when it is opened again");
  assert.equal(state.lost.length, 2);
  assert.deepEqual(state.lost.at(-1), [GAP + 81, GAP + 81]);
  const [first, last] = state.lost[0]!;
  assert.equal(last, 80);
  assert.equal(seqsOf([[first, last]]).length + state.messages, 159);
});

test("a gap whose record has gone with its block is still none that was lost, however often the store is opened", async () => {
  const disk = new SimDisk({ record: false });
  const clock = new SimClock();
  let store = await FileStore.open(disk, clock, new SimRandom(1), FILLED_OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  const large = "x".repeat(FILLED_OPTIONS.blockBytes! / 2);
  log.append(new MessageDraft().set("a", "stays"));
  log.skip(GAP);
  log.append(new MessageDraft().set("a", large)); // tells of the gap
  log.append(new MessageDraft().set("a", large)); // in the next block
  await store.durable();
  log.remove(GAP + 2);
  await store.durable();
  for (const end of ["killed", "stopped", "stopped"]) {
    let image = disk.image();
    if (end === "stopped") {
      await store.stop();
      image = disk.image();
    }
    const again = await FileStore.open(new SimDisk({ image, record: false }), clock, new SimRandom(2), FILLED_OPTIONS);
    const state = again.stream("S")!.state();
    assert.deepEqual([state.messages, state.lastSeq, state.lost], [2, GAP + 3, []], end);
    await again.stop();
    if (end === "stopped") store = await FileStore.open(disk, clock, new SimRandom(1), FILLED_OPTIONS);
  }
  await store.stop();
});

test("the widest gap between two messages costs a few runs, and is replayed at once", async () => {
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  log.append(new MessageDraft().set("a", "1"));
  log.skip(2 ** 52 - 10);
  log.append(new MessageDraft().set("a", "2"));
  log.remove(2 ** 52 - 8);
  log.append(new MessageDraft().set("a", "3"));
  await store.durable();
  const killed = disk.image();
  await store.stop();
  const tombstones = [...disk.image()].find(([path]) => path.endsWith("deleted.0"))![1]!;
  assert.ok(tombstones.length < 16 * 1024, `${tombstones.length} bytes of tombstones`);
  for (const image of [killed, disk.image()]) {
    const again = await FileStore.open(new SimDisk({ image }), new SimClock(), new SimRandom(2), FILLED_OPTIONS);
    const state = again.stream("S")!.state();
    assert.deepEqual([state.messages, state.firstSeq, state.lastSeq, state.lost], [2, 1, 2 ** 52 - 7, []]);
    await again.stop();
  }
});
