// Index files: what they save on opening, and that nothing in them is believed that the blocks do not bear out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { u32, u64 } from "../record.ts";
import { NO_LIMITS, type StreamLog } from "../store.ts";
import { FILLED_OPTIONS, type FilledStore, filledStore } from "../testing/filled-store.ts";
import { FileStore } from "./file-store.ts";

const NO_CONFIG = new Uint8Array(0);

function open(disk: SimDisk): Promise<FileStore> {
  return FileStore.open(disk, new SimClock(), new SimRandom(4), FILLED_OPTIONS);
}

async function openImage(image: DiskImage): Promise<FileStore> {
  return open(new SimDisk({ image, record: false }));
}

function pathsOf(image: DiskImage, pattern: RegExp): string[] {
  return [...image.keys()].filter((path) => pattern.test(path)).sort();
}

/** Everything that a store holds, as `stream seq subject payload`. */
function contentOf(store: FileStore): string[] {
  const lines: string[] = [];
  for (const log of store.streams()) {
    for (let view = log.next("", 0); view !== null; view = log.next("", view.seq + 1))
      lines.push(`${log.name} ${view.seq} ${view.subject} ${Buffer.from(view.payload).toString()}`);
  }
  return lines.sort();
}

function expected(filled: FilledStore): string[] {
  const lines: string[] = [];
  for (const [name, messages] of filled.streams)
    for (const [seq, payload] of messages) lines.push(`${name} ${seq} ${payload}`);
  return lines.sort();
}

function withoutSubjects(lines: string[]): string[] {
  return lines.map((line) => line.replace(/^(\S+ \S+) \S+ /, "$1 ")).sort();
}

function fill(log: StreamLog, count: number, subject = "s"): void {
  for (let i = 0; i < count; i++) log.append(new MessageDraft().set(`${subject}.${i % 7}`, `payload ${i} `.repeat(8)));
}

test("a store that was stopped opens by its index files: of a full block, no more than its header and two records are read", async () => {
  const filled = await filledStore("stopped", 21);
  const disk = new SimDisk({ image: filled.image, record: false });
  const reads = new Map<string, number>();
  disk.fault = (call, path) => {
    if (call === "read") reads.set(path, (reads.get(path) ?? 0) + 1);
    return null;
  };
  const store = await open(disk);
  for (const folder of ["00000001", "00000002", "00000003"]) {
    const blocks = pathsOf(filled.image, new RegExp(`${folder}/.*blk$`));
    assert.ok(blocks.length > 2);
    for (const path of blocks.slice(0, -1)) {
      const chunks = 8; // a block that grew over several checkpoints has a chunk for each
      assert.ok((reads.get(path) ?? 0) <= 1 + 2 * chunks, `${path}: ${reads.get(path)} reads`);
    }
  }
  assert.deepEqual(store.health().reports, []);
  assert.deepEqual(withoutSubjects(contentOf(store)), expected(filled));
  await store.stop();
});

test("a store that was killed opens by the index files of its last checkpoint", async () => {
  const disk = new SimDisk({ record: false });
  const store = await open(disk);
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  for (let i = 0; i < 40; i++) {
    fill(log, 10);
    await store.durable();
  }
  const image = disk.image();
  const blocks = pathsOf(image, /\.blk$/);
  const indexes = pathsOf(image, /\.idx$/);
  assert.ok(blocks.length > 8);
  assert.ok(indexes.length > blocks.length / 2, `${indexes.length} of ${blocks.length} blocks have an index file`);
  const again = await openImage(image);
  assert.deepEqual(contentOf(again), contentOf(store));
  await again.stop();
  await store.stop();
});

test("an index file that is missing, cut, of another block, stream or store is not used, and is made again", async () => {
  const filled = await filledStore("stopped", 22);
  const other = await filledStore("stopped", 23);
  const indexes = pathsOf(filled.image, /\.idx$/);
  const path = indexes[0] as string;
  const bytes = filled.image.get(path)!;
  const cases: Record<string, Uint8Array | null> = {
    missing: null,
    empty: new Uint8Array(0),
    "cut in its header": bytes.slice(0, 60),
    "cut in its slots": bytes.slice(0, bytes.length - 16),
    "followed by garbage": new Uint8Array([...bytes, ...bytes.subarray(0, 40)]),
    "of another block": filled.image.get(indexes[1] as string)!,
    "of another stream": filled.image.get(path.replace("00000001", "00000002"))!,
    "of another store": other.image.get(path)!,
  };
  for (const [name, content] of Object.entries(cases)) {
    const image = new Map(filled.image);
    if (content === null) image.delete(path);
    else image.set(path, content);
    const disk = new SimDisk({ image, record: false });
    const store = await open(disk);
    assert.deepEqual(withoutSubjects(contentOf(store)), expected(filled), name);
    const [report = "", ...others] = store.health().reports;
    assert.ok(report.startsWith(path) && report.includes("read instead"), `${name} is reported: ${report}`);
    assert.deepEqual(others, [], name);
    await store.stop();
    const again = await open(disk);
    assert.deepEqual(again.health().reports, [], `${name}: made again`);
    await again.stop();
  }
});

test("index files that are missing are reported in one line for each stream", async () => {
  const filled = await filledStore("stopped", 22);
  const image = new Map([...filled.image].filter(([path]) => !path.endsWith(".idx")));
  const store = await open(new SimDisk({ image, record: false }));
  const { reports } = store.health();
  assert.equal(reports.length, 3, reports.join("\n"));
  for (const [i, report] of reports.entries()) {
    const folder = `streams/0000000${i + 1}`;
    const count = pathsOf(image, new RegExp(`${folder}/.*blk$`)).length - 1;
    assert.equal(
      report,
      `${folder}/00000001.idx and those of ${count - 1} more blocks: missing: what they would have told was read instead`,
    );
  }
  assert.deepEqual(withoutSubjects(contentOf(store)), expected(filled));
  await store.stop();
});

test("an index file of an older state is not used: the block was compacted since", async () => {
  const disk = new SimDisk({ record: false });
  const store = await open(disk);
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  fill(log, 200);
  await store.durable();
  await store.checkpointNow();
  const old = disk.image();
  for (let seq = 2; seq <= log.state().lastSeq; seq++) if (seq % 3 !== 0) log.remove(seq);
  await store.durable();
  await store.checkpointNow();
  await store.stop();
  const image = new Map(disk.image());
  let replaced = 0;
  for (const path of pathsOf(image, /\.idx$/)) {
    const before = old.get(path);
    if (
      before === undefined ||
      image.get(path.replace(".idx", ".blk"))!.length === old.get(path.replace(".idx", ".blk"))!.length
    )
      continue;
    image.set(path, before);
    replaced++;
  }
  assert.ok(replaced > 2);
  const again = await openImage(image);
  assert.deepEqual(contentOf(again), contentOf(await openImage(disk.image())));
  assert.ok(again.health().reports.filter((report) => report.includes("read instead")).length >= replaced);
  await again.stop();
});

test("an index file of an older state is not used: the stream was truncated and grew again", async () => {
  const disk = new SimDisk({ record: false });
  const store = await open(disk);
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  fill(log, 60, "old");
  await store.durable();
  await store.checkpointNow();
  await store.stop();
  const old = disk.image();
  const second = await open(disk);
  await second.stream("S")!.truncate(5);
  await second.stop();
  const third = await open(disk); // goes on in the block that was cut
  fill(third.stream("S")!, 55, "new");
  await third.durable();
  await third.stop();
  const image = new Map(disk.image());
  for (const path of pathsOf(old, /\.idx$/))
    if (image.has(path.replace(".idx", ".blk"))) image.set(path, old.get(path)!);
  const again = await openImage(image);
  assert.deepEqual(contentOf(again), contentOf(await openImage(disk.image())));
  const { subjects } = await again.stream("S")!.subjectStates("old.>");
  assert.deepEqual(
    subjects.map(({ subject, messages }) => [subject, messages]),
    [0, 1, 2, 3, 4].map((i) => [`old.${i}`, 1]),
  );
  await again.stop();
});

test("a record that was damaged after its index file was written costs itself only, when it is read and ever after", async () => {
  const filled = await filledStore("stopped", 24);
  const path = pathsOf(filled.image, /00000001\/.*blk$/)[0] as string;
  const bytes = new Uint8Array(filled.image.get(path)!);
  const records: { at: number; seq: number }[] = [];
  for (let at = 64; at < bytes.length; at += Math.ceil(u32(bytes, at + 4) / 8) * 8)
    records.push({ at, seq: u64(bytes, at + 24) });
  const live = filled.streams.get("A")!;
  const { at, seq } = records.slice(2, -2).find((record) => live.has(record.seq))!;
  bytes[at + 60]! ^= 1;
  const disk = new SimDisk({ image: new Map(filled.image).set(path, bytes), record: false });
  const store = await open(disk);
  const log = store.stream("A")!;
  assert.equal(log.load(seq), null);
  assert.deepEqual(log.state().lost, [[seq, seq]]);
  assert.equal(log.state().messages, live.size - 1);
  assert.ok(store.health().reports.some((report) => report.includes(`lost sequence ${seq}`)));
  assert.deepEqual(
    withoutSubjects(contentOf(store)),
    expected(filled).filter((line) => !line.startsWith(`A ${seq} `)),
  );
  await store.stop();
  const again = await open(disk);
  assert.deepEqual(again.stream("A")!.state().lost, [[seq, seq]], "known at once now");
  await again.stop();
});

test("what was taken away after an index file was written, and was not confirmed, is as the journal says", async () => {
  const disk = new SimDisk({ record: false });
  const store = await open(disk);
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  fill(log, 100);
  await store.durable();
  const before = disk.image();
  disk.holdSyncs = true;
  const saved = store.checkpointNow();
  await new Promise((resolve) => setImmediate(resolve));
  // The checkpoint that is under way covers the blocks and not these removals; it writes the index files after them.
  for (let seq = 10; seq < 20; seq++) log.remove(seq);
  disk.holdSyncs = false;
  await saved;
  // The journal's batch with the removals never reached the device.
  const image = new Map(disk.image());
  for (const path of pathsOf(image, /\.seg$/)) {
    const bytes = before.get(path);
    if (bytes === undefined) image.delete(path);
    else image.set(path, bytes);
  }
  assert.ok(pathsOf(image, /\.idx$/).length > 1);
  const again = await openImage(image);
  assert.equal(again.stream("S")!.state().messages, 100);
  assert.equal(again.stream("S")!.load(15)!.subject, "s.0");
  await again.stop();
  await store.stop();
});

test("an erased subject is in no index file", async () => {
  const disk = new SimDisk({ record: false });
  const store = await open(disk);
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  fill(log, 20);
  const seq = log.append(new MessageDraft().set("very.secret.subject", "x"));
  fill(log, 20);
  await store.checkpointNow();
  assert.ok(pathsOf(disk.image(), /\.idx$/).some((path) => Buffer.from(disk.image().get(path)!).includes("secret")));
  log.erase(seq);
  await store.settled();
  for (const [path, bytes] of disk.image()) assert.ok(bytes === null || !Buffer.from(bytes).includes("secret"), path);
  await store.stop();
  for (const [path, bytes] of disk.image()) assert.ok(bytes === null || !Buffer.from(bytes).includes("secret"), path);
  const again = await open(disk);
  assert.equal(again.stream("S")!.state().messages, 40);
  await again.stop();
});

test("times to live are known from index files, without reading the messages", async () => {
  const disk = new SimDisk({ record: false });
  const clock = new SimClock();
  const store = await FileStore.open(disk, clock, new SimRandom(4), FILLED_OPTIONS);
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  for (let i = 0; i < 100; i++) {
    const draft = new MessageDraft().set("s", `payload ${i} `.repeat(8));
    draft.ttlSeconds = i % 2 === 0 ? 0 : 10 + i;
    log.append(draft);
  }
  await store.stop();
  const again = await FileStore.open(disk, clock, new SimRandom(4), FILLED_OPTIONS);
  const opened = again.stream("S")!;
  assert.equal(opened.state().messages, 100);
  clock.advance(60_500);
  assert.equal(opened.state().messages, 75);
  assert.equal(opened.load(50), null);
  assert.notEqual(opened.load(52), null);
  await again.stop();
});

test("a full disk costs the index file, not the store", async () => {
  const disk = new SimDisk({ record: false });
  let refused = 0;
  disk.fault = (call, path) => {
    if (!path.endsWith(".idx") || (call !== "make" && call !== "write")) return null;
    refused++;
    return "ENOSPC";
  };
  const store = await open(disk);
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  fill(log, 200);
  await store.checkpointNow();
  fill(log, 1);
  await store.stop();
  assert.ok(refused > 0);
  assert.deepEqual(pathsOf(disk.image(), /\.idx$/), []);
  const again = await open(disk);
  assert.equal(again.stream("S")!.state().messages, 201);
  await again.stop();
});
