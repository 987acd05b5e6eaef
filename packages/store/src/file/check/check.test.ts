// Verifying, repairing and scrubbing stores whose files are damaged.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../../message-draft.ts";
import { u32, u64 } from "../../record.ts";
import { FILLED_OPTIONS, filledStore } from "../../testing/filled-store.ts";
import { seqsOf } from "../../testing/seqs-of.ts";
import { FileStore } from "../file-store.ts";
import { OverlayDisk } from "./overlay-disk.ts";
import { repairStore } from "./repair.ts";
import { type StoreVerdict, verifyStore } from "./verify.ts";

const FLIPS = Number(process.env["MYELIN_DAMAGE_FLIPS"] ?? 40);

function changed(image: DiskImage, path: string, change: (bytes: Uint8Array) => Uint8Array): DiskImage {
  return new Map([...image].map(([name, bytes]) => [name, name === path ? change(new Uint8Array(bytes!)) : bytes]));
}

async function verify(disk: SimDisk): Promise<StoreVerdict> {
  const before = disk.image();
  const open = disk.openFiles;
  const verdict = await verifyStore(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  assert.deepEqual(disk.image(), before, "verifying changes nothing");
  assert.equal(disk.openFiles, open);
  return verdict;
}

/** A live record of stream 1 in a block: where it is. */
function someRecord(
  image: DiskImage,
  live: ReadonlyMap<number, string>,
): { path: string; offset: number; seq: number } {
  for (const [path, bytes] of image) {
    if (!/^streams\/00000001\/.*\.blk$/.test(path)) continue;
    for (let at = 64; at < bytes!.length; at += Math.ceil(u32(bytes!, at + 4) / 8) * 8) {
      const seq = u64(bytes!, at + 24);
      if (live.has(seq)) return { path, offset: at, seq };
    }
  }
  throw new Error("there is none");
}

for (const end of ["stopped", "synced"] as const) {
  test(`a sound folder has no problems: ${end}`, async () => {
    const filled = await filledStore(end, 1);
    const verdict = await verify(new SimDisk({ image: filled.image, record: false }));
    assert.deepEqual(verdict.problems, []);
    assert.equal(verdict.refusal, null);
    assert.deepEqual(verdict.reports, []);
    for (const { name, messages, lost } of verdict.streams) {
      assert.equal(messages, filled.streams.get(name)!.size);
      assert.deepEqual(lost, []);
    }
    assert.equal(verdict.streams.length, 3);
  });
}

test("any flipped bit is found, its place and what it costs are named, and a repair leaves nothing to do", async () => {
  const filled = await filledStore("stopped", 2);
  const random = new SimRandom(3);
  // The journal of a stopped store holds nothing that counts, and the ballast never does.
  const paths = [...filled.image].filter(([path, bytes]) => bytes !== null && /^(streams|store)/.test(path));
  for (let flip = 0; flip < FLIPS; flip++) {
    const [path, bytes] = paths[random.uint32() % paths.length]!;
    const at = random.uint32() % bytes!.length;
    const image = changed(filled.image, path, (copy) => {
      copy[at]! ^= 1 << (random.uint32() % 8);
      return copy;
    });
    const disk = new SimDisk({ image, record: false });
    const { problems, streams, refusal } = await verify(disk);
    const what = `byte ${at} of ${path}: ${JSON.stringify(problems)}`;
    assert.equal(refusal, null, what);
    const found = problems.filter((problem) => problem.path === path);
    const inPadding = problems.length === 0;
    if (!inPadding) {
      assert.equal(problems.length, 1, what);
      const { offset, length, lost, stream } = found[0]!;
      assert.ok(at >= offset && at < offset + length, what);
      const missing = streams.flatMap(({ name, lost: runs }) => seqsOf(runs).map((seq) => `${name} ${seq}`));
      assert.deepEqual(
        seqsOf(lost).map((seq) => `${stream} ${seq}`),
        missing,
        what,
      );
      assert.ok(missing.length <= 1, what);
    } else {
      assert.match(path, /\.blk$|deleted\.[01]$/, what); // in padding
    }
    const repair = await repairStore(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
    assert.deepEqual(
      repair.streams.map(({ lost }) => lost),
      streams.map(({ lost }) => lost),
      what,
    );
    const after = await verify(disk);
    for (const { cost } of after.problems) assert.ok(cost === "nothing" || cost === "known", `${what}: after repair`);
    for (const place of repair.restored) {
      const kept = disk.image().get(`quarantine/${place.replaceAll("/", "-")}.bad`);
      assert.deepEqual(kept, image.get(place), "the damaged copy is kept");
      if (place.startsWith("store.")) continue; // written anew by every opening
      assert.deepEqual(disk.image().get(place), filled.image.get(place), "the copy is whole again");
    }
  }
});

test("a missing copy of what is kept twice is told of by opening and verifying, and a repair makes it again", async () => {
  const filled = await filledStore("stopped", 5);
  const copies = [...filled.image.keys()].filter((path) => /\.[01]$/.test(path));
  assert.equal(new Set(copies.map((path) => path.slice(path.lastIndexOf("/") + 1))).size, 8, copies.join());
  for (const path of copies) {
    const image = new Map([...filled.image].filter(([name]) => name !== path));
    const disk = new SimDisk({ image, record: false });
    const { problems, reports } = await verify(disk);
    assert.deepEqual([problems.length, problems[0]!.path, problems[0]!.cost], [1, path, "copy"]);
    if (!path.includes("deleted"))
      assert.ok(
        reports.some((line) => line.startsWith(`${path}: missing`)),
        path,
      );
    const repair = await repairStore(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
    assert.deepEqual(repair.restored, [path]);
    assert.deepEqual((await verify(disk)).problems, [], path);
    if (!path.startsWith("store.")) assert.deepEqual(disk.image().get(path), filled.image.get(path));
  }
});

test("a record that is sound and in the wrong place is damage as well", async () => {
  const filled = await filledStore("stopped", 4);
  const blocks = [...filled.image.keys()].filter((path) => path.endsWith(".blk"));
  const first = blocks.find((path) => path.includes("/00000001/")) as string;
  const second = blocks.find((path) => path.includes("/00000002/")) as string;
  const image = new Map(filled.image).set(first, filled.image.get(second)!);
  const { problems, streams } = await verify(new SimDisk({ image, record: false }));
  assert.ok(problems.some(({ path, text }) => path === first && text.includes("header")));
  assert.ok(problems.some(({ path, lost }) => path === first && lost.length > 0));
  assert.ok(streams.find(({ name }) => name === "A")!.lost.length > 0);
});

test("a torn journal and a torn block of a store that was not stopped cost nothing", async () => {
  const filled = await filledStore("synced", 5);
  const block = [...filled.image.keys()].filter((path) => /00000001\/.*\.blk$/.test(path)).pop() as string;
  const image = changed(filled.image, block, (bytes) => {
    const longer = new Uint8Array(bytes.length + 100).fill(7);
    longer.set(bytes);
    return longer;
  });
  const disk = new SimDisk({ image, record: false });
  const { problems, streams, reports } = await verify(disk);
  assert.equal(problems.length, 1);
  assert.deepEqual([problems[0]!.path, problems[0]!.lost], [block, []]);
  assert.ok(reports.some((line) => /cut at/.test(line)));
  assert.ok(streams.every(({ lost }) => lost.length === 0));
  await repairStore(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  assert.deepEqual((await verify(disk)).problems, []);
});

test("a folder that no store can open is refused with the reason, and what was found is told all the same", async () => {
  const filled = await filledStore("stopped", 6);
  const flip = (bytes: Uint8Array): Uint8Array => {
    bytes[40]! ^= 1;
    return bytes;
  };
  const image = changed(changed(filled.image, "store.0", flip), "store.1", flip);
  const disk = new SimDisk({ image, record: false });
  const { problems, refusal, streams } = await verify(disk);
  assert.equal(refusal?.code, "DAMAGED");
  assert.deepEqual(
    problems.map(({ path }) => path),
    ["store.0", "store.1"],
  );
  assert.deepEqual(streams, []);
  await assert.rejects(repairStore(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS), { code: "DAMAGED" });
  assert.deepEqual(disk.image(), image);
});

test("a folder that somebody has open is refused, and left alone", async () => {
  const disk = new SimDisk({ image: (await filledStore("stopped", 12)).image, record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  const before = disk.image();
  const { refusal } = await verify(disk);
  assert.equal(refusal?.code, "LOCKED");
  await assert.rejects(repairStore(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS), { code: "LOCKED" });
  assert.deepEqual(disk.image(), before);
  await store.stop();
});

test("a folder without a store is told apart from an empty store, and left alone", async () => {
  const disk = new SimDisk({ image: new Map([["notes", new Uint8Array(1)]]) });
  const { refusal } = await verify(disk);
  assert.equal(refusal?.code, "FOREIGN_FOLDER");
  await assert.rejects(repairStore(disk, new SimClock(), new SimRandom(1)), { code: "FOREIGN_FOLDER" });
  assert.equal(disk.trace.length, 0);
});

test("the overlay behaves as a disk that is written to, and leaves the one below as it is", async () => {
  const random = new SimRandom(11);
  const pick = (count: number): number => random.uint32() % count;
  const filled = await filledStore("stopped", 7);
  const below = new SimDisk({ image: filled.image, record: false });
  const plain = new SimDisk({ image: filled.image, record: false });
  const overlay = new OverlayDisk(below);
  const both = [plain, overlay];
  const files = [...filled.image].filter(([, bytes]) => bytes !== null).map(([path]) => path);
  for (let step = 0; step < 600; step++) {
    const at = pick(files.length);
    const path = files[at] as string;
    const dice = pick(10);
    const position = pick(20_000);
    const bytes = random.fillSecret(new Uint8Array(1 + pick(pick(4) === 0 ? 9000 : 50)));
    for (const disk of both) {
      if (dice < 8) {
        const file = disk.open(path, "write");
        if (dice < 6) file.write(bytes, 0, bytes.length, position);
        else file.truncate(dice === 6 ? position : Math.floor(file.size() / 2));
        file.close();
      } else if (dice === 8) {
        disk.rename(path, `moved-${step}`);
      } else {
        const file = disk.open(`new-${step}`, "create");
        file.write(bytes, 0, bytes.length, position % 100);
        file.close();
      }
    }
    if (dice === 8) files[at] = `moved-${step}`;
    if (dice === 9) files.push(`new-${step}`);
  }
  for (const disk of both) {
    disk.makeFolder("made");
    disk.rename("streams/00000001", "made/one");
    disk.remove(files[0] as string);
    (await disk.createZeroed("zeros", 5000)).close();
  }
  const walk = (folder: string): void => {
    assert.deepEqual(overlay.list(folder), plain.list(folder), folder);
    for (const { name, kind } of plain.list(folder)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (kind === "folder") walk(path);
      else assert.deepEqual(content(overlay, path), content(plain, path), path);
    }
  };
  walk("");
  for (const disk of both) {
    assert.throws(() => disk.open("none", "read"), { code: "ENOENT" });
    assert.throws(() => disk.open("zeros", "create"), { code: "EEXIST" });
    assert.throws(() => disk.removeFolder("made"), { code: "ENOTEMPTY" });
  }
  assert.deepEqual(below.image(), filled.image);
});

function content(disk: SimDisk | OverlayDisk, path: string): Uint8Array {
  const file = disk.open(path, "read");
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}

test("scrubbing finds a flip under an open store within one pass, at its rate, and nothing else is lost", async () => {
  const filled = await filledStore("stopped", 10);
  const clock = new SimClock();
  const disk = new SimDisk({ image: filled.image, record: false });
  const scrub = { bytesPerSecond: 10_000, everyMs: 3_600_000 };
  const store = await FileStore.open(disk, clock, new SimRandom(9), { ...FILLED_OPTIONS, scrub });
  const { path, offset, seq } = someRecord(filled.image, filled.streams.get("A")!);
  const file = disk.open(path, "write");
  const byte = new Uint8Array(1);
  const body = offset + 60;
  file.read(byte, 0, 1, body);
  byte[0]! ^= 32;
  file.write(byte, 0, 1, body);
  file.close();
  clock.advance(1);
  const state = (): NonNullable<ReturnType<FileStore["health"]>["scrub"]> => store.health().scrub!;
  assert.ok(state().messages > 0);
  assert.equal(state().passes, 0, "not all at once");
  const soon = state().bytes;
  clock.advance(2000);
  assert.ok(state().bytes - soon <= 2 * 10_000 + 64 * 1024, "not faster than its rate");
  clock.advance(60_000);
  assert.equal(state().passes, 1);
  assert.equal(state().damaged, 1);
  assert.equal(state().stream, null);
  const live = [...filled.streams.values()].reduce((sum, { size }) => sum + size, 0);
  assert.equal(state().messages, live - 1);
  assert.deepEqual(store.stream("A")!.state().lost, [[seq, seq]]);
  assert.ok([...disk.image().keys()].some((name) => /^quarantine\/.*\.bad$/.test(name)));
  store.stream("A")!.append(new MessageDraft().set("a", "b"));
  await store.deleteStream("B");
  clock.advance(3_600_000);
  assert.equal(state().passes, 2);
  await store.stop();
  assert.equal(clock.pendingTimers, 0);
  for (const wrong of [
    { bytesPerSecond: 1, everyMs: 5000 },
    { bytesPerSecond: 5000, everyMs: 1 },
  ]) {
    await assert.rejects(
      FileStore.open(disk, clock, new SimRandom(9), { ...FILLED_OPTIONS, scrub: wrong }),
      RangeError,
    );
  }
});
