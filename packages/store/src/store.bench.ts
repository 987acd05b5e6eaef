// How fast the stores are, in this process: synced appends, reads by sequence, scans, next match, opening.
//
//   node packages/store/dist/store.bench.js            all, about a minute
//   node packages/store/dist/store.bench.js append     one of: append, read, open, holds, questions, memory, memory-store
//
// MYELIN_BENCH_MS: how long each measurement of appends takes; MYELIN_BENCH_STREAMS: only the cases with so many streams;
// MYELIN_BENCH_RECORDS: how many messages are opened, purged, asked about or counted. With MYELIN_BENCH_STREAMS, those that are opened are spread.
//
// Prints a table; every loop feeds a checksum, so that no work can vanish.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isTiny } from "@myelin/platform/bench";
import { NodeClock, NodeDisk, NodeRandom } from "@myelin/platform/node";
import { readBackup } from "./backup/read-backup.ts";
import { writeBackup } from "./backup/write-backup.ts";
import { FileStore } from "./file/file-store.ts";
import { MemoryStore } from "./memory-store.ts";
import { MessageDraft, type Rollup } from "./message-draft.ts";
import { MessageView } from "./message-view.ts";
import { NO_LIMITS, type Store, type StreamLog } from "./store.ts";

const NO_CONFIG = new Uint8Array(0);
const MEASURE_MS = Number(process.env["MYELIN_BENCH_MS"] ?? (isTiny() ? 5 : 1500));
/** What tests run is the same with so much less of everything. */
const SHARE = isTiny() ? 1 / 500 : 1;
const MILLION = 1_000_000 * SHARE;
/** A journal that costs a test no time to fill with zeros. */
const OPTIONS = isTiny() ? { segmentBytes: 256 * 1024, ballastBytes: 4096 } : {};
const only = process.argv[2];
/** Only the cases with so many streams. */
const records = Number(process.env["MYELIN_BENCH_RECORDS"] ?? MILLION);
const onlyStreams = Number(process.env["MYELIN_BENCH_STREAMS"] ?? 0);
let sum = 0;
const schedstat = openSchedstat();
const schedstatText = Buffer.alloc(64);

function row(...cells: (string | number)[]): void {
  if (!isTiny())
    console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(46) : String(cell).padStart(12))).join(""));
}

function percentile(sorted: Float64Array, share: number): string {
  return (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3);
}

async function withStore(run: (store: FileStore, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "myelin-store-bench-"));
  try {
    const store = await FileStore.open(new NodeDisk(folder), new NodeClock(), new NodeRandom(), OPTIONS);
    await run(store, folder);
    await store.stop();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Keeps `window` appends outstanding over all streams and counts those that became durable. */
async function measureAppends(
  store: Store,
  logs: StreamLog[],
  payload: number,
  window: number,
  subjects: number,
): Promise<void> {
  const draft = new MessageDraft().set("bench.subject.0", Buffer.alloc(payload, 120));
  const names = Array.from({ length: subjects }, (_, i) => Buffer.from(`bench.subject.${i}`));
  const latencies: number[] = [];
  let pending: { ticket: number; count: number; at: number }[] = [];
  let outstanding = 0;
  let done = 0;
  let next = 0;
  const begin = performance.now();
  const cpu = process.cpuUsage();
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const fill = (): void => {
    const room = window - outstanding;
    for (let i = 0; i < room; i++) {
      const name = names[next % subjects]!;
      draft.subjectBytes = name;
      draft.subjectEnd = name.length;
      logs[next++ % logs.length]!.append(draft);
    }
    outstanding = window;
    pending.push({ ticket: store.ticket(), count: room, at: performance.now() });
  };
  store.onDurable = (ticket) => {
    const now = performance.now();
    while (pending.length > 0 && pending[0]!.ticket <= ticket) {
      const batch = pending.shift()!;
      outstanding -= batch.count;
      done += batch.count;
      latencies.push(now - batch.at);
    }
    if (now - begin > MEASURE_MS) finish();
    else if (outstanding < window) fill();
  };
  fill();
  await finished;
  const seconds = (performance.now() - begin) / 1000;
  const used = process.cpuUsage(cpu);
  store.onDurable = null;
  await store.durable();
  pending = [];
  const sorted = Float64Array.from(latencies).sort();
  row(
    `${logs.length} streams, ${payload} B, window ${window}, ${subjects} subjects`,
    (done / seconds / 1000).toFixed(0),
    percentile(sorted, 0.5),
    percentile(sorted, 0.99),
    ((used.user + used.system) / done).toFixed(2),
  );
}

async function benchAppends(): Promise<void> {
  row("append, synced", "k/s", "p50 ms", "p99 ms", "CPU us/msg");
  for (const [streams, payload, window, subjects] of [
    [1, 128, 1, 1],
    [1, 128, 16, 1],
    [1, 128, 256, 1],
    [1, 128, 4096, 1],
    [1, 1024, 256, 1],
    [1, 1024, 4096, 1],
    [1, 128, 4096, 100_000],
    [isTiny() ? 10 : 100, 128, 256, 1],
    [isTiny() ? 10 : 100, 128, 4096, 1],
    [isTiny() ? 20 : 1000, 128, 256, 1],
    [isTiny() ? 20 : 1000, 128, 4096, 1],
  ] as const) {
    if (onlyStreams > 0 && streams !== onlyStreams) continue;
    await withStore(async (store) => {
      const logs: StreamLog[] = [];
      for (let i = 0; i < streams; i++) logs.push(await store.createStream(`S${i}`, NO_LIMITS, NO_CONFIG));
      // The journal's first segment is made by the first append.
      for (const log of logs) log.append(new MessageDraft().set("warm.up", "x"));
      await store.durable();
      await measureAppends(store, logs, payload, window, subjects);
    });
  }
}

async function fillLogs(
  store: Store,
  logs: readonly StreamLog[],
  count: number,
  subjects: number,
  ttlSeconds = 0,
): Promise<void> {
  const draft = new MessageDraft().set("bench.0", Buffer.alloc(128, 120));
  draft.ttlSeconds = ttlSeconds;
  const names = Array.from({ length: subjects }, (_, i) => Buffer.from(`bench.${i}`));
  for (let i = 0; i < count; i++) {
    draft.subjectBytes = names[i % subjects]!;
    draft.subjectEnd = draft.subjectBytes.length;
    logs[i % logs.length]!.append(draft);
    if (i % 4096 === 4095) await store.durable();
  }
  await store.durable();
}

function fillLog(store: Store, log: StreamLog, count: number, subjects: number): Promise<void> {
  return fillLogs(store, [log], count, subjects);
}

async function benchReads(): Promise<void> {
  row("read, one million of 128 B, 1,000 subjects", "k/s", "p50 us", "p99 us");
  await withStore(async (store) => {
    const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
    await fillLog(store, log, MILLION, 1000);
    log.append(new MessageDraft().set("rare.one", "x"));
    await store.durable();
    const view = new MessageView();
    const times = new Float64Array(50_000 * SHARE);
    const begin = performance.now();
    for (let i = 0; i < times.length; i++) {
      const at = performance.now();
      sum += log.load(1 + ((i * 7919) % MILLION), view)!.end;
      times[i] = (performance.now() - at) * 1000;
    }
    const seconds = (performance.now() - begin) / 1000;
    times.sort();
    row(
      "load by random sequence",
      (times.length / seconds / 1000).toFixed(0),
      percentile(times, 0.5),
      percentile(times, 0.99),
    );
    const all = log.filter([]);
    const scan = performance.now();
    let count = 0;
    for (let found = log.next(all, 1, view); found !== null; found = log.next(all, found.seq + 1, view))
      count += found.end > 0 ? 1 : 0;
    row("scan, checksums verified", (count / (performance.now() - scan)).toFixed(0));
    const rare = log.filter(["rare.*"]);
    const find = performance.now();
    sum += log.next(rare, 1, view)!.seq;
    row("next match of one in a million, first time, us", "", ((performance.now() - find) * 1000).toFixed(0));
    const again = performance.now();
    for (let i = 0; i < 1000 * SHARE; i++) sum += log.next(rare, 1, view)!.seq;
    row("next match of one in a million, again, us", "", (performance.now() - again).toFixed(1));
  });
}

/** Fills a folder in a process of its own; the parent kills it when it says that it is done. */
async function fillAndDie(folder: string): Promise<void> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "fill", folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function fillFolder(folder: string): Promise<void> {
  const store = await FileStore.open(new NodeDisk(folder), new NodeClock(), new NodeRandom(), OPTIONS);
  const logs: StreamLog[] = [];
  for (let i = 0; i < Math.max(1, onlyStreams); i++) logs.push(await store.createStream(`S${i}`, NO_LIMITS, NO_CONFIG));
  await fillLogs(store, logs, records, 1000);
  process.stdout.write("filled");
  await new Promise(() => setInterval(() => {}, 1000));
}

async function benchOpen(): Promise<void> {
  row(`open, ${records} of 128 B, 1,000 subjects, ${Math.max(1, onlyStreams)} streams`, "ms", "hold ms", "busy ms");
  const folder = mkdtempSync(join(tmpdir(), "myelin-store-bench-"));
  try {
    await fillAndDie(folder);
    for (const how of ["after kill -9", "after a clean stop"]) {
      const holds = new LoopHolds();
      const begin = performance.now();
      const store = await FileStore.open(new NodeDisk(folder), new NodeClock(), new NodeRandom(), OPTIONS);
      for (const log of store.streams()) sum += log.state().messages;
      row(how, (performance.now() - begin).toFixed(0), ...holds.end());
      await store.stop();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The longest time for which the event loop was held, and the longest that the process was at work meanwhile: on a machine with
 * other work it may be without a processor.
 */
class LoopHolds {
  #longestMs = 0;
  #longestBusyMs = 0;
  #last = performance.now();
  #lastBusyMs = busyMs();
  #next: NodeJS.Immediate = setImmediate(() => this.#look());

  /** Both in milliseconds. */
  end(): [held: string, busy: string] {
    clearImmediate(this.#next);
    return [this.#longestMs.toFixed(1), this.#longestBusyMs.toFixed(1)];
  }

  #look(): void {
    const now = performance.now();
    const busy = busyMs();
    this.#longestMs = Math.max(this.#longestMs, now - this.#last);
    this.#longestBusyMs = Math.max(this.#longestBusyMs, Math.min(now - this.#last, busy - this.#lastBusyMs));
    this.#last = now;
    this.#lastBusyMs = busy;
    this.#next = setImmediate(() => this.#look());
  }
}

/** Processor time of this thread where the system tells it (Linux), else of all threads of this process. */
function busyMs(): number {
  if (schedstat !== null) {
    readSync(schedstat, schedstatText, 0, schedstatText.length, 0);
    return Number.parseInt(schedstatText.toString("latin1"), 10) / 1e6;
  }
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function openSchedstat(): number | null {
  const path = `/proc/self/task/${process.pid}/schedstat`;
  return existsSync(path) ? openSync(path, "r") : null;
}

/** A row: how long it took, and how long the event loop was held meanwhile. */
async function measured(what: string, run: () => Promise<unknown>): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 200)); // what came before is over
  const holds = new LoopHolds();
  const begin = performance.now();
  await run();
  await new Promise((resolve) => setImmediate(resolve)); // the hold that it ends with counts
  row(what, (performance.now() - begin).toFixed(0), ...holds.end());
}

/** How long the event loop is held at most by what is large. */
async function benchHolds(): Promise<void> {
  row(`longest hold of the event loop, ${records} of 128 B`, "took ms", "hold ms", "busy ms");
  /** Of a stream of its own, full of messages. */
  const ofFull = (
    what: string,
    run: (log: StreamLog, store: FileStore) => unknown,
    subjects = 1000,
    ttlSeconds = 0,
  ): Promise<void> =>
    withStore(async (store) => {
      const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
      await fillLogs(store, [log], records, subjects, ttlSeconds);
      await measured(what, async () => {
        await run(log, store);
        await store.durable();
      });
    });
  await withStore(async (store) => {
    const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
    await measured("append, 256 at a time", async () => {
      const draft = new MessageDraft().set("bench.0", Buffer.alloc(128, 120));
      for (let i = 0; i < records; i++) {
        draft.subjectBytes = Buffer.from(`bench.${i % 1000}`);
        draft.subjectEnd = draft.subjectBytes.length;
        log.append(draft);
        if (i % 256 === 255) await store.durable();
      }
      await store.durable();
    });
    await measured("checkpoint with index files", () => store.checkpointNow());
    await measured("purge of 600 of 1,000 subjects", async () => {
      for (let i = 0; i < 600; i++) sum += await log.purge({ filter: `bench.${i}` });
    });
    await measured("checkpoint that writes all blocks anew", () => store.checkpointNow());
    await measured("limit lowered to a tenth", () => log.update({ ...NO_LIMITS, maxMsgs: records / 10 }, NO_CONFIG));
    await measured("removal of the blocks", () => store.settled());
    await measured("purge of everything", async () => {
      sum += await log.purge();
      await store.settled();
    });
  });
  const rollup = (log: StreamLog, kind: Rollup): void => {
    const draft = new MessageDraft().set("bench.0", "x");
    draft.rollup = kind;
    sum += log.append(draft);
  };
  await ofFull("compact() to the last ten", (log) => log.compact(records - 10));
  await ofFull("truncate() to the first ten", (log) => log.truncate(10));
  await ofFull("rollup of everything", (log) => rollup(log, "all"));
  await ofFull("rollup of one of 1,000 subjects", (log) => rollup(log, "subject"));
  await ofFull(
    "rollup of one of three subjects",
    async (log) => {
      const { bytes } = log.state();
      rollup(log, "subject");
      while (log.state().bytes > bytes * 0.7) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    3,
  );
  await ofFull("purge() of one of three subjects", (log) => log.purge({ filter: "bench.0" }), 3);
  await ofFull("one message per subject", (log) => log.update({ ...NO_LIMITS, maxMsgsPerSubject: 1 }, NO_CONFIG));
  await ofFull("a maximum age of 1 ms", async (log) => {
    await log.update({ ...NO_LIMITS, maxAgeMs: 1 }, NO_CONFIG);
    await emptied(log);
  });
  await ofFull("expiry by times to live", emptied, 1000, isTiny() ? 1 : 5);
  await ofFull("compact() to the last ten, a subject each", (log) => log.compact(records - 10), records);
  await ofFull("deleteStream(), a subject each", (_log, store) => store.deleteStream("S"), records);
  await benchGrowth();
  await benchManyAtOnce();
  await benchCopies();
}

/** Appends to what grows: subjects, messages, times to live. */
async function benchGrowth(): Promise<void> {
  const appended = (what: string, change: (draft: MessageDraft, i: number) => void): Promise<void> =>
    withStore(async (store) => {
      const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
      await measured(`append ${what}, 256 at a time`, async () => {
        const draft = new MessageDraft().set("bench.0", "x");
        for (let i = 0; i < records; i++) {
          change(draft, i);
          sum += log.append(draft);
          if (i % 256 === 255) await store.durable();
        }
        await store.durable();
      });
    });
  const to = (draft: MessageDraft, subject: string): void => {
    draft.subjectBytes = Buffer.from(subject);
    draft.subjectEnd = draft.subjectBytes.length;
  };
  await appended("a subject each", (draft, i) => to(draft, `bench.${i}`));
  await appended("a subject of three tokens each", (draft, i) => to(draft, `${i % 1000}.${i}.x`));
  await appended("one byte each", () => {});
  await appended("with times to live", (draft, i) => {
    draft.ttlSeconds = 1000 + ((i * 7919) % 100_000);
  });
}

/** What many ask for in the same turn. */
async function benchManyAtOnce(): Promise<void> {
  await withStore(async (store, folder) => {
    const logs: StreamLog[] = [];
    const count = isTiny() ? 20 : 1000;
    for (let i = 0; i < count; i++) logs.push(await store.createStream(`S${i}`, NO_LIMITS, NO_CONFIG));
    await fillLogs(store, logs, count * 100, 1000);
    await measured(`checkpoint of ${count} streams`, () => store.checkpointNow());
    await measured(`checkpoint of ${count} streams, nothing new`, () => store.checkpointNow());
    const some = logs.slice(0, count / 2);
    const half = some.length;
    // Asked for one after the other, as requests come; all wait for the same sync.
    await measured(`update of ${half} streams at once`, () =>
      inPieces(some, (log) => log.update(NO_LIMITS, NO_CONFIG)),
    );
    await measured(`deletion of ${half} streams at once`, () => inPieces(some, (log) => store.deleteStream(log.name)));
    const waiting = 100_000 * SHARE;
    let told = 0;
    logs[count - 1]!.append(new MessageDraft().set("bench.0", "x"));
    const asked = Array.from({ length: waiting }, () => store.durable());
    for (const one of asked) void one.then(() => told++);
    const holds = new LoopHolds();
    const begin = performance.now();
    while (told < waiting) await new Promise((resolve) => setImmediate(resolve));
    row(`durable() of ${waiting} callers`, (performance.now() - begin).toFixed(0), ...holds.end());
    await measured("stop()", () => store.stop());
    sum += folder.length;
  });
}

/** Asks for something of each stream, 32 in each turn of the event loop; resolves when all have it. */
async function inPieces(logs: readonly StreamLog[], ask: (log: StreamLog) => Promise<void>): Promise<void> {
  const asked: Promise<void>[] = [];
  for (const log of logs) {
    asked.push(ask(log));
    if (asked.length % 32 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(asked);
}

/** A backup, and reading it back. */
async function benchCopies(): Promise<void> {
  await withStore(async (store) => {
    const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
    await fillLog(store, log, records, 1000);
    const chunks: Uint8Array[] = [];
    await measured("backup", async () => {
      for await (const chunk of writeBackup(store)) chunks.push(new Uint8Array(chunk));
    });
    await store.deleteStream("S");
    await measured("reading a backup back", () => readBackup(store, each(chunks)));
    const holey: Uint8Array[] = [];
    for await (const chunk of writeBackup(store)) {
      holey.push(new Uint8Array(chunk));
      if (holey.length === Math.ceil(chunks.length / 2)) await store.stream("S")!.purge({ seq: records / 2 });
    }
    await store.deleteStream("S");
    await measured("reading one back during which half went", () => readBackup(store, each(holey)));
  });
}

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** The same for questions whose filter all subjects match. */
async function benchQuestions(subjects: number): Promise<void> {
  row(`longest hold by questions, ${records} of 128 B, ${subjects} subjects`, "took ms", "hold ms", "busy ms");
  await withStore(async (store) => {
    const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
    await fillLogs(store, [log], records, subjects);
    const filter = log.filter(["bench.*"]);
    const middle = Math.floor(records / 2);
    const draft = new MessageDraft();
    const payload = Buffer.alloc(128, 120);
    let at = 0;
    await measured("next(), first use of a wildcard", async () => {
      sum += log.next(filter, 1)!.seq;
    });
    await measured("pending(), first use of a wildcard", async () => {
      sum += await log.pending(filter, 1);
    });
    await measured("pending()", async () => {
      sum += await log.pending(filter, 1);
    });
    await measured("pending(), among 256 appends per turn", async () => {
      let next: NodeJS.Immediate = setImmediate(function append() {
        for (let i = 0; i < 256; i++) log.append(draft.set(`bench.${(++at * 7919) % subjects}`, payload));
        next = setImmediate(append);
      });
      sum += await log.pending(filter, 1);
      clearImmediate(next);
    });
    await measured("pending() of what nobody matches, then next()", async () => {
      const nobody = log.filter(["*.*.nobody", "bench.*.x"]);
      sum += await log.pending(nobody, 1);
      if (log.next(nobody, 1) !== null) sum = 0;
    });
    await measured("pending() from the middle", async () => {
      sum += await log.pending(filter, middle);
    });
    await measured("pending() of last ones", async () => {
      sum += await log.pending(filter, 2, true);
    });
    await measured("filteredState()", async () => {
      sum += (await log.filteredState(filter)).messages;
    });
    await measured("multiLast()", async () => {
      sum += (await log.multiLast(filter)).length;
    });
    await measured("multiLast() up to the middle", async () => {
      sum += (await log.multiLast(filter, middle)).length;
    });
    await measured("subjectStates(), the first page", async () => {
      sum += (await log.subjectStates(filter)).total;
    });
    await measured("subjectStates(), a page in the middle", async () => {
      sum += (await log.subjectStates(filter, Math.floor(subjects / 2))).total;
    });
  });
}

async function emptied(log: StreamLog): Promise<void> {
  while (log.state().messages > 0) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function benchMemory(): Promise<void> {
  row("memory beyond payload, bytes", "per record", "per subject");
  const heap = (): number => {
    globalThis.gc?.();
    const usage = process.memoryUsage();
    return usage.heapUsed + usage.external;
  };
  await withStore(async (store) => {
    const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
    const before = heap();
    await fillLog(store, log, records, 1);
    const perRecord = (heap() - before) / records;
    const other = await store.createStream("T", NO_LIMITS, NO_CONFIG);
    const middle = heap();
    const subjects = records / 10;
    await fillLog(store, other, subjects, subjects);
    row("file store", perRecord.toFixed(1), ((heap() - middle) / subjects - perRecord).toFixed(0));
  });
}

async function benchMemoryStore(): Promise<void> {
  const store = new MemoryStore(new NodeClock());
  const log = await store.createStream("S", NO_LIMITS, NO_CONFIG);
  const draft = new MessageDraft().set("bench.0", Buffer.alloc(128, 120));
  const begin = performance.now();
  for (let i = 0; i < MILLION; i++) sum += log.append(draft);
  row("memory store, append, k/s", (MILLION / (performance.now() - begin)).toFixed(0));
}

if (only === undefined || only === "append") await benchAppends();
if (only === undefined || only === "read") await benchReads();
if (only === undefined || only === "open") await benchOpen();
if (only === undefined || only === "holds") await benchHolds();
if (only === undefined || only === "questions") {
  await benchQuestions(1000);
  await benchQuestions(records);
}
if (only === "fill") await fillFolder(process.argv[3] as string);
if (only === undefined || only === "memory") await benchMemory();
if (only === undefined || only === "memory-store") await benchMemoryStore();
if (isTiny()) assert.ok(sum > 0);
else console.log(`checksum ${sum}`);
