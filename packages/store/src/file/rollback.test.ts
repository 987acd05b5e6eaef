// Files, or pieces of them, that an older copy has taken the place of, and blocks that changed places: what a restored backup or a device
// that loses writes leaves. Longer by MYELIN_ROLLBACKS, other ones by MYELIN_ROLLBACK_SEED.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { StoreError } from "../errors.ts";
import { MessageDraft } from "../message-draft.ts";
import { u32 } from "../record.ts";
import { NO_LIMITS, type StreamLog } from "../store.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { repairStore } from "./check/repair.ts";
import { verifyStore } from "./check/verify.ts";
import { FileStore } from "./file-store.ts";
import type { FileStoreOptions } from "./options.ts";

const RUNS = Number(process.env["MYELIN_ROLLBACKS"] ?? 30);
const SEED = Number(process.env["MYELIN_ROLLBACK_SEED"] ?? 1);
const NAMES = ["A", "B", "C"];
/** Pieces that a device or a backup program writes at once. */
const CHUNKS = [512, 4096];

/** What says nothing but that a copy is not needed, or that a crash has been. */
const USUAL =
  /never confirmed|cut at|read instead|missing: what they would have told|other copy (is|holds is) used|newer copy counts/;

const STORES: Record<string, FileStoreOptions> = {
  plain: FILLED_OPTIONS,
  encrypted: { ...FILLED_OPTIONS, encryption: { key: "a key that nobody guesses", cipher: "aes" } },
};

/** A store that was worked with: images of its folder, oldest first, and what it held at the last one. */
interface History {
  readonly options: FileStoreOptions;
  readonly older: readonly DiskImage[];
  readonly image: DiskImage;
  readonly state: string;
}

function open(image: DiskImage, options: FileStoreOptions): Promise<FileStore> {
  return FileStore.open(new SimDisk({ image, record: false }), new SimClock(), new SimRandom(9), options);
}

/** Everything that an owner can see of a store. */
function stateOf(store: FileStore): string {
  const streams = NAMES.map((name) => {
    const log = store.stream(name);
    if (log === null) return `no ${name}`;
    const { firstSeq, lastSeq, lost } = log.state();
    const messages: string[] = [];
    for (let view = log.next("", 0); view !== null; view = log.next("", view.seq + 1, view))
      messages.push(`${view.seq} ${Buffer.from(view.payload).toString()}`);
    const consumers = log.consumers().map((one) => `${one.name} ${Buffer.from(one.state!).toString()}`);
    return { name, config: Buffer.from(log.config).toString(), firstSeq, lastSeq, lost, messages, consumers };
  });
  return JSON.stringify(streams, null, 1);
}

/** @param end - How the store ends: a killed one has changes in its journal that are nowhere else. */
async function history(end: "stopped" | "killed", options: FileStoreOptions, seed: number): Promise<History> {
  const disk = new SimDisk({ record: false });
  const random = new SimRandom(seed);
  const older: DiskImage[] = [];
  let store = await FileStore.open(disk, new SimClock(), new SimRandom(seed), options);
  for (const name of NAMES) await store.createStream(name, NO_LIMITS, Buffer.from(`${name} 0`));
  for (let part = 1; part <= 6; part++) {
    for (let step = 0; step < 150; step++) await work(store, random, part);
    for (const name of NAMES) {
      const log = store.stream(name)!;
      if (part % 2 === 0) await log.update(NO_LIMITS, Buffer.from(`${name} ${part}`));
      log.consumer("C").save(Buffer.from(`${name} ${part}`));
    }
    await store.durable();
    if (part === 6) break;
    if (part % 2 === 1) await store.checkpointNow();
    else await store.stop();
    older.push(disk.image());
    if (part % 2 === 0) store = await FileStore.open(disk, new SimClock(), new SimRandom(seed + part), options);
  }
  const state = stateOf(store);
  const killed = disk.image();
  await store.stop();
  return { options, older, image: end === "killed" ? killed : disk.image(), state };
}

async function work(store: FileStore, random: SimRandom, part: number): Promise<void> {
  const log = store.stream(NAMES[random.uint32() % NAMES.length] as string)!;
  const { firstSeq, lastSeq } = log.state();
  const dice = random.uint32() % 100;
  if (dice < 55)
    log.append(new MessageDraft().set(`s.${random.uint32() % 5}`, `${part} `.repeat(1 + (random.uint32() % 40))));
  else if (dice < 85) log.remove(firstSeq + (random.uint32() % (lastSeq - firstSeq + 2)));
  else if (dice < 87) await log.compact(firstSeq + (random.uint32() % 3));
  else if (dice < 88) await log.truncate(Math.max(firstSeq, lastSeq - 2));
  else if (dice < 94) log.consumer("C").save(Buffer.from(`${part} ${random.uint32()}`));
  else await store.durable();
}

/** Takes the older content of a file, or of a piece of it; null: the whole file. */
function rolledBack(now: Uint8Array, before: Uint8Array | null, chunk: number | null, random: SimRandom): Uint8Array {
  if (chunk === null) return before ?? new Uint8Array(0);
  const at = (random.uint32() % Math.max(1, Math.ceil(now.length / chunk))) * chunk;
  const bytes = new Uint8Array(now);
  bytes.fill(0, at, at + chunk);
  bytes.set((before ?? new Uint8Array(0)).subarray(at, Math.min(at + chunk, now.length)), at);
  return bytes;
}

type Change = (made: History, random: SimRandom) => Map<string, Uint8Array | null>;

function pick<Item>(items: readonly Item[], random: SimRandom): Item {
  return items[random.uint32() % items.length] as Item;
}

/** Rolls both copies of something back that is kept twice, or one of them, as whole files or in pieces. */
function twins(match: RegExp): Change {
  return ({ image, older }, random) => {
    const changed = new Map(image);
    const names = [...image.keys()].filter((path) => match.test(path)).map((path) => path.slice(0, -2));
    const name = pick(names, random);
    const before = pick(older, random);
    const chunk = pick([null, null, ...CHUNKS], random);
    const copies = random.uint32() % 4 === 0 ? ["1"] : ["0", "1"];
    // Both copies in the same place, or each in its own.
    const place = random.uint32();
    const together = random.uint32() % 2 === 0;
    for (const copy of copies) {
      const path = `${name}.${copy}`;
      const there = before.get(path) ?? null;
      const seed = together ? place : random.uint32();
      const now = image.get(path) ?? null;
      if (now === null) continue;
      if (there === null && chunk === null) changed.delete(path);
      else changed.set(path, rolledBack(now, there, chunk, new SimRandom(seed)));
    }
    return changed;
  };
}

const blocksOf = (image: DiskImage): string[] =>
  [...image].filter(([path, bytes]) => path.endsWith(".blk") && bytes!.length > 0).map(([path]) => path);

const TWINS: Record<string, Change> = {
  tombstones: twins(/deleted\.0$/),
  consumers: twins(/consumers\.0$/),
  descriptions: twins(/meta\.0$/),
  "store files": twins(/^store\.0$/),
};

/** Of a store that was killed, what blocks hold beyond the checkpoint cannot be told from a torn end when it is gone. */
const BLOCKS: Record<string, Change> = {
  blocks: ({ image, older }, random) => {
    const path = pick(blocksOf(image), random);
    const before = pick(older, random).get(path) ?? null;
    return new Map(image).set(path, rolledBack(image.get(path)!, before, pick([null, ...CHUNKS], random), random));
  },
  "blocks that changed places": ({ image }, random) => {
    const one = pick(blocksOf(image), random);
    const other = pick(
      blocksOf(image).filter((path) => path.slice(0, 17) !== one.slice(0, 17)),
      random,
    );
    const chunk = pick([null, ...CHUNKS], random);
    const seed = random.uint32();
    const [first, second] = [image.get(one)!, image.get(other)!];
    return new Map(image)
      .set(one, rolledBack(first, second, chunk, new SimRandom(seed)))
      .set(other, rolledBack(second, first, chunk, new SimRandom(seed)));
  },
};

/** Returns whether it was told; otherwise everything is as it should be. */
async function judge(image: DiskImage, { options, state }: History, what: string): Promise<boolean> {
  let store: FileStore;
  try {
    store = await open(image, options);
  } catch (error) {
    assert.ok(error instanceof StoreError && error.code === "DAMAGED", `${what}: ${String(error)}`);
    assert.match(error.message, /(store|journal|keys).*Restore/, what);
    return true;
  }
  const found = stateOf(store);
  const reports = store.health().reports.filter((line) => !USUAL.test(line));
  await store.stop();
  if (reports.length > 0) return true;
  assert.equal(found, state, `${what}: nothing is told`);
  return false;
}

for (const [secrecy, options] of Object.entries(STORES)) {
  for (const end of ["stopped", "killed"] as const) {
    test(`what is older in a ${secrecy} store that was ${end} is told of, or changes nothing`, async () => {
      const made = await history(end, options, SEED);
      assert.equal(await judge(made.image, made, "as it was"), false);
      for (const [kind, change] of Object.entries(end === "stopped" ? { ...TWINS, ...BLOCKS } : TWINS)) {
        const random = new SimRandom(SEED + kind.length);
        let told = 0;
        for (let run = 0; run < RUNS; run++)
          if (await judge(change(made, random), made, `${kind}, run ${run}, seed ${SEED}`)) told++;
        assert.ok(told > 0 || RUNS < 10 || kind === "store files", `${kind}: none of ${RUNS} was told of`);
      }
    });
  }
}

/** The image with these files as another one has them. */
function withFiles(image: DiskImage, from: DiskImage, paths: readonly string[]): Map<string, Uint8Array | null> {
  const changed = new Map(image);
  for (const path of paths) {
    const bytes = from.get(path);
    if (bytes === undefined) changed.delete(path);
    else changed.set(path, bytes);
  }
  return changed;
}

const COPIES = ["deleted", "consumers", "meta"].map((name) => `streams/00000001/${name}`);

test("both copies older, and both missing, are reported once by name, and found by verifying", async () => {
  const made = await history("stopped", FILLED_OPTIONS, SEED);
  for (const name of COPIES) {
    const paths = [`${name}.0`, `${name}.1`];
    for (const [what, from] of [
      ["older", made.older[1]!],
      ["missing", new Map()],
    ] as const) {
      if (what === "missing" && name.endsWith("meta")) continue; // then nobody can name the stream
      const image = withFiles(made.image, from, paths);
      const { problems, reports } = await verifyStore(disk(image), new SimClock(), new SimRandom(1), made.options);
      assert.deepEqual(
        problems.map(({ path, cost }) => [path, cost]),
        paths.map((path) => [path, "messages"]),
      );
      assert.match(reports.join("\n"), new RegExp(`${name}.0 and ${name}.1: .*${what}`));
      const folder = disk(image);
      const store = await FileStore.open(folder, new SimClock(), new SimRandom(1), made.options);
      assert.deepEqual(store.health().reports, reports);
      await store.stop();
      const again = await FileStore.open(folder, new SimClock(), new SimRandom(1), made.options);
      // Removed messages whose records are gone look lost, and are told each time; so is a description until there is another.
      const stays = reports.filter((line) => line.includes(": lost sequences ") || line.includes("/meta"));
      assert.deepEqual(again.health().reports, stays, `${name} ${what}: opened again`);
      await again.stop();
    }
  }
});

test("one copy that is older is told of, costs nothing, and a repair makes it new", async () => {
  const made = await history("stopped", FILLED_OPTIONS, SEED);
  for (const name of COPIES) {
    for (const copy of [0, 1]) {
      const path = `${name}.${copy}`;
      const folder = disk(withFiles(made.image, made.older[1]!, [path]));
      const { problems, reports } = await verifyStore(folder, new SimClock(), new SimRandom(1), made.options);
      assert.deepEqual(
        problems.map((problem) => [problem.path, problem.cost]),
        [[path, "copy"]],
      );
      assert.ok(
        reports.some((line) => line.startsWith(`${path}: older than the checkpoint`)),
        path,
      );
      assert.equal(await judge(folder.image(), made, path), false);
      const { restored } = await repairStore(folder, new SimClock(), new SimRandom(1), made.options);
      assert.deepEqual(restored, [path]);
      assert.deepEqual(folder.image().get(path), made.image.get(path));
    }
  }
});

function disk(image: DiskImage): SimDisk {
  return new SimDisk({ image, record: false });
}

/** Refused by a message that names these, and nothing is changed. */
async function assertRefused(image: DiskImage, { options }: History, named: readonly string[]): Promise<void> {
  const folder = disk(image);
  const opening = FileStore.open(folder, new SimClock(), new SimRandom(1), options);
  await assert.rejects(opening, (error: StoreError) => {
    assert.equal(error.code, "DAMAGED");
    for (const part of [...named, "Restore", "an empty file"]) assert.ok(error.message.includes(part), error.message);
    return true;
  });
  assert.deepEqual(folder.image(), image);
  assert.equal(folder.openFiles, 0);
}

for (const [secrecy, options] of Object.entries(STORES)) {
  test(`a journal without its segments is refused where it may hold something; empty files say that it is gone: ${secrecy}`, async () => {
    const made = await history("killed", options, SEED);
    const segments = [...made.image.keys()].filter((path) => path.endsWith(".seg"));
    assert.ok(segments.length > 1);
    await assertRefused(withFiles(made.image, new Map(), segments), made, segments);
    for (const path of segments) await assertRefused(withFiles(made.image, new Map(), [path]), made, [path]);
    const empty = new Map(segments.map((path) => [path, new Uint8Array(0)]));
    const store = await open(withFiles(made.image, empty, segments), options);
    const reports = store.health().reports.join("\n");
    for (const path of segments) assert.ok(reports.includes(`${path}: 0 bytes long instead of 16384`), reports);
    await store.stop();
    // In order, nothing was in it.
    const stopped = await history("stopped", options, SEED);
    assert.equal(await judge(withFiles(stopped.image, new Map(), segments), stopped, "stopped"), false);
  });

  test(`store files from before the last opening are refused; empty segments say that there are no others: ${secrecy}`, async () => {
    let messages = 0;
    for (const end of ["killed", "stopped"] as const) {
      const made = await history(end, options, SEED);
      for (const before of made.older.slice(0, 4)) {
        const image = withFiles(made.image, before, ["store.0", "store.1"]);
        const newer = [...image].filter(([path, bytes]) => path.endsWith(".seg") && epoch(bytes!) > storeEpoch(before));
        assert.ok(newer.length > 0);
        const paths = newer.map(([path]) => path);
        await assertRefused(image, made, ["store.0 and store.1", ...paths]);
        const store = await open(
          withFiles(image, new Map(paths.map((path) => [path, new Uint8Array(0)])), paths),
          options,
        );
        for (const name of NAMES) messages += store.stream(name)!.state().messages;
        await store.stop();
      }
    }
    assert.ok(messages > 0); // not in each of them: all may have been purged
  });
}

const epoch = (segment: Uint8Array): number => u32(segment, 12);
const storeEpoch = (image: DiskImage): number => u32(image.get("store.0")!, 32);

test("store files from before a later checkpoint of the same opening are reported where the journal knows of it", async () => {
  const folder = new SimDisk({ record: false });
  const store = await FileStore.open(folder, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  const log = await store.createStream("A", NO_LIMITS, new Uint8Array(0));
  for (let i = 0; i < 9; i++) log.append(new MessageDraft().set("a", `${i}`));
  await store.checkpointNow();
  const before = folder.image();
  log.remove(3);
  await store.checkpointNow();
  log.append(new MessageDraft().set("a", "later"));
  await store.durable();
  const image = withFiles(folder.image(), before, ["store.0", "store.1"]);
  await store.stop();
  const again = await open(image, FILLED_OPTIONS);
  assert.ok(again.health().reports.some((line) => line.startsWith("store.0 and store.1: older than the journal")));
  assert.equal(again.stream("A")!.state().lastSeq, 10);
  await again.stop();
});

test("a block from before a truncation is told of, and what came later counts", async () => {
  const disk = new SimDisk({ record: false });
  const fill = async (log: StreamLog, what: string, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) log.append(new MessageDraft().set("a", `${what} ${i}`));
    await new Promise((resolve) => setImmediate(resolve));
  };
  let store = await FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  await fill(await store.createStream("S", NO_LIMITS, new Uint8Array(0)), "old", 10);
  await store.stop();
  const before = disk.image();
  store = await FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  await store.stream("S")!.truncate(5);
  await fill(store.stream("S")!, "new", 8);
  await store.stop();
  const block = "streams/00000001/00000001.blk";
  assert.ok(before.get(block)!.length > disk.image().get(block)!.length);
  const image = withFiles(disk.image(), before, [block]);
  store = await FileStore.open(new SimDisk({ image }), new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  const payloads: string[] = [];
  const log = store.stream("S")!;
  for (let view = log.next("", 0); view !== null; view = log.next("", view.seq + 1))
    payloads.push(Buffer.from(view.payload).toString());
  const expected = [...[0, 1, 2, 3, 4].map((i) => `old ${i}`), ...[0, 1, 2, 3, 4, 5, 6, 7].map((i) => `new ${i}`)];
  assert.deepEqual(payloads, expected);
  assert.match(store.health().reports.join("\n"), /00000001\.blk: older than it should be: .*has sequence 6 as well/);
  await store.stop();
});

test("tombstones from before a truncation take nothing away that came later, unless it is told of", async () => {
  const folder = new SimDisk({ record: false });
  const store = await FileStore.open(folder, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  const log = await store.createStream("A", NO_LIMITS, new Uint8Array(0));
  for (let i = 0; i < 9; i++) log.append(new MessageDraft().set("a", `${i}`));
  log.remove(7);
  await store.checkpointNow();
  const before = folder.image();
  await log.truncate(5);
  for (let i = 0; i < 4; i++) log.append(new MessageDraft().set("a", `again ${i}`));
  await store.stop();
  for (const copies of [[0], [1], [0, 1]]) {
    const paths = copies.map((copy) => `streams/00000001/deleted.${copy}`);
    const again = await open(withFiles(folder.image(), before, paths), FILLED_OPTIONS);
    const reports = again.health().reports.join("\n");
    assert.match(reports, /deleted\.[01].*older than the checkpoint/);
    // Both: what they say is all that there is, and it is told that they are old.
    if (copies.length === 1) assert.equal(Buffer.from(again.stream("A")!.load(7)!.payload).toString(), "again 1");
    await again.stop();
  }
});

test("a store that was opened on a full disk confirms nothing in an epoch that its files do not name", async () => {
  const made = await history("killed", FILLED_OPTIONS, SEED);
  const folder = disk(made.image);
  let full = true;
  folder.fault = (call, path) => (full && call === "write" && path.startsWith("store.") ? "ENOSPC" : null);
  const clock = new SimClock();
  const store = await FileStore.open(folder, clock, new SimRandom(1), FILLED_OPTIONS);
  const log = store.stream("A")!;
  const { firstSeq } = log.state();
  assert.equal(log.remove(firstSeq), true);
  let confirmed = false;
  const durable = store.durable().then(() => {
    confirmed = true;
  });
  for (let turn = 0; turn < 20; turn++) {
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(confirmed, false);
  const early = await open(folder.image(), FILLED_OPTIONS);
  assert.equal(early.stream("A")!.state().firstSeq, firstSeq);
  await early.stop();
  full = false;
  while (!confirmed) {
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await durable;
  const later = await open(folder.image(), FILLED_OPTIONS);
  assert.notEqual(later.stream("A")!.state().firstSeq, firstSeq);
  await later.stop();
  await store.stop();
});
