// Files, or pieces of them, that an older copy has taken the place of, and blocks that changed places: what a restored backup or a device
// that loses writes leaves. Longer by MYELIN_ROLLBACKS, other ones by MYELIN_ROLLBACK_SEED.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { StoreError } from "../errors.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS } from "../store.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";

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

const KINDS: Record<string, Change> = {
  tombstones: twins(/deleted\.0$/),
  consumers: twins(/consumers\.0$/),
  descriptions: twins(/meta\.0$/),
  "store files": twins(/^store\.0$/),
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
      for (const [kind, change] of Object.entries(KINDS)) {
        const random = new SimRandom(SEED + kind.length);
        let told = 0;
        for (let run = 0; run < RUNS; run++)
          if (await judge(change(made, random), made, `${kind}, run ${run}, seed ${SEED}`)) told++;
        assert.ok(told > 0 || RUNS < 10 || kind === "store files", `${kind}: none of ${RUNS} was told of`);
      }
    });
  }
}
