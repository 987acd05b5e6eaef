// Runs a random workload on a recording disk and judges what a crash at any point of the recording leaves.
//
// Of each stream the run keeps a snapshot of the model after every operation, together with two places in the recording: where the
// operation was asked for, and where it was confirmed as durable. After a crash the stream must be something between the last
// confirmed snapshot and the last asked-for one:
//   - a message that is in all of these snapshots is there, byte for byte;
//   - nothing is there that is in none of them;
//   - of messages that were never confirmed, none is there without those before it;
//   - the time of the last message stored is what it was when its last sequence was given.

import assert from "node:assert/strict";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { FileStore } from "../file/file-store.ts";
import type { FileStoreOptions } from "../file/options.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamLimits, type StreamLog } from "../store.ts";
import { type PlainMessage, PlainStream } from "./plain-stream.ts";

/** Small, so that blocks roll, segments fill, streams go direct and checkpoints run within a few hundred operations. */
export const CRASH_OPTIONS: FileStoreOptions = {
  blockBytes: 4096,
  segmentBytes: 16 * 1024,
  segments: 3,
  directBytes: 1500,
  indexBytes: 256,
  ballastBytes: 4096,
};

interface Snapshot {
  /** Length of the recording when the operation was asked for. */
  readonly askedAt: number;
  /** Length of the recording when it was confirmed; Infinity: never. */
  confirmedAt: number;
  readonly messages: readonly PlainMessage[];
  readonly lastSeq: number;
  readonly lastTimeNs: bigint | null;
  readonly consumer: string | null;
  /** False: the stream was deleted, or not made yet. */
  readonly exists: boolean;
  readonly truncates: boolean;
}

/** What happened to one stream. */
interface StreamHistory {
  readonly name: string;
  readonly snapshots: Snapshot[];
}

/** A recorded run. */
export interface CrashRun {
  readonly disk: SimDisk;
  readonly histories: readonly StreamHistory[];
  readonly seed: number;
}

const LIMITS: readonly Partial<StreamLimits>[] = [
  {},
  { maxMsgsPerSubject: 2 },
  { maxMsgs: 30 },
  { maxBytes: 4000, maxMsgsPerSubject: 5 },
];

/** One seed in so many has streams that compress. */
const COMPRESSED_EVERY = 4;

/** One seed in so many has a disk on which all syncs take equally long; on the others any may take up to so many turns. */
const EVEN_SYNCS_EVERY = 3;
const SYNC_TURNS_MAX = 24;

class Runner {
  readonly disk: SimDisk;
  readonly histories: StreamHistory[] = [];
  /** Begins within a millisecond, of which nothing may be lost. */
  readonly #clock: SimClock = new SimClock(Date.UTC(2026, 0, 1) + 0.125);
  readonly #random: SimRandom;
  #store!: FileStore;
  #options: FileStoreOptions;
  #models: Map<string, PlainStream> = new Map();
  #logs: Map<string, StreamLog> = new Map();
  #consumers: Map<string, string> = new Map();
  #unconfirmed: { ticket: number; snapshot: Snapshot }[] = [];
  #made = 0;
  readonly #compresses: boolean;

  constructor(seed: number, options: FileStoreOptions) {
    this.#compresses = seed % COMPRESSED_EVERY === 0;
    this.#random = new SimRandom(seed);
    const syncs = new SimRandom(seed + 1);
    // Most are quick, some take as long as many of the others together.
    const turns = (): number => 1 + (syncs.uint32() % 4 === 0 ? syncs.uint32() % SYNC_TURNS_MAX : 0);
    this.disk = new SimDisk(seed % EVEN_SYNCS_EVERY === 0 ? {} : { syncTurns: turns });
    this.#options = options;
  }

  async run(steps: number): Promise<void> {
    this.#store = await FileStore.open(this.disk, this.#clock, new SimRandom(1), this.#options);
    this.#store.onDurable = (ticket) => {
      while ((this.#unconfirmed[0]?.ticket ?? Number.POSITIVE_INFINITY) <= ticket) {
        this.#unconfirmed.shift()!.snapshot.confirmedAt = this.disk.trace.length;
      }
    };
    for (let i = 0; i < 3; i++) await this.#create();
    for (let step = 0; step < steps; step++) await this.#step();
    await this.#store.durable();
    if (this.#pick(2) === 0) await this.#store.stop();
    // What the store still does by itself belongs to the recording.
    for (let length = -1; length !== this.disk.trace.length; ) {
      length = this.disk.trace.length;
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #step(): Promise<void> {
    this.#clock.advance(1.001);
    const names = [...this.#logs.keys()];
    const name = names[this.#pick(names.length)] as string;
    const log = this.#logs.get(name)!;
    const model = this.#models.get(name)!;
    const askedAt = this.disk.trace.length;
    const dice = this.#pick(100);
    if (dice < 60) {
      for (let left = dice < 4 ? 40 : 1; left > 0; left--) {
        this.#append(log, model);
        this.#note(name, askedAt, true, false, true);
      }
      return;
    } else if (dice < 70) {
      const seq = model.firstSeq + this.#pick(model.lastSeq - model.firstSeq + 2);
      if (this.#pick(3) === 0) log.erase(seq);
      else log.remove(seq);
      model.remove(seq);
    } else if (dice < 73) {
      const filter = ["", "a", "b.>"][this.#pick(3)] as string;
      const keep = this.#pick(3);
      await log.purge({ filter, keep });
      model.purge(filter, 0, keep);
    } else if (dice < 75) {
      const seq = model.firstSeq + this.#pick(4);
      await log.compact(seq);
      model.compact(seq);
    } else if (dice < 77) {
      const count = 1 + this.#pick(3);
      log.skip(count);
      model.skip(count);
    } else if (dice < 82) {
      const state = `state ${this.#made++}`;
      log.consumer("C").save(Buffer.from(state));
      this.#consumers.set(name, state);
    } else if (dice < 83) {
      const seq = Math.max(0, model.lastSeq - this.#pick(5));
      model.truncate(seq);
      const snapshot = this.#note(name, askedAt, true, true);
      await log.truncate(seq);
      snapshot.confirmedAt = this.disk.trace.length;
      return;
    } else if (dice < 84) {
      await this.#delete(name);
      return;
    } else if (dice < 86) {
      await this.#update(name, log, model, askedAt);
      return;
    } else if (dice < 97) {
      await new Promise((resolve) => setImmediate(resolve));
      return;
    } else {
      await this.#store.durable();
      return;
    }
    this.#note(name, askedAt, true, false, true);
  }

  #append(log: StreamLog, model: PlainStream): void {
    const subject = ["a", "b.c", "b.d", "e.f.g"][this.#pick(4)] as string;
    const headers = this.#pick(4) === 0 ? "NATS/1.0\r\nA: b\r\n\r\n" : "";
    const payload = `${this.#made++} `.repeat(1 + this.#pick(this.#pick(12) === 0 ? 400 : 12));
    const rollup = this.#pick(30) === 0 ? "subject" : "none";
    const draft = new MessageDraft().set(subject, payload, headers);
    draft.rollup = rollup;
    log.append(draft);
    model.append({ subject, headers, payload, rollup });
  }

  async #create(): Promise<void> {
    const name = `S${this.histories.length}`;
    const limits = this.#limits(this.histories.length);
    this.histories.push({ name, snapshots: [] });
    this.#models.set(name, new PlainStream(limits));
    this.#note(name, 0, false, false).confirmedAt = 0;
    const snapshot = this.#note(name, this.disk.trace.length, true, false);
    this.#logs.set(name, await this.#store.createStream(name, limits, Buffer.from(name)));
    snapshot.confirmedAt = this.disk.trace.length;
  }

  async #delete(name: string): Promise<void> {
    const askedAt = this.disk.trace.length;
    this.#logs.delete(name);
    this.#consumers.delete(name);
    this.#models.set(name, new PlainStream(NO_LIMITS));
    const snapshot = this.#note(name, askedAt, false, false);
    await this.#store.deleteStream(name);
    snapshot.confirmedAt = this.disk.trace.length;
    await this.#create();
  }

  async #update(name: string, log: StreamLog, model: PlainStream, askedAt: number): Promise<void> {
    const limits = this.#limits(this.#pick(LIMITS.length));
    model.setLimits(limits);
    const snapshot = this.#note(name, askedAt, true, false);
    await log.update(limits, Buffer.from(name));
    snapshot.confirmedAt = this.disk.trace.length;
  }

  #limits(i: number): StreamLimits {
    const limits = { ...NO_LIMITS, ...LIMITS[i % LIMITS.length] };
    // The model does not know what compressed messages take.
    return this.#compresses ? { ...limits, compression: "s2", maxBytes: 0 } : limits;
  }

  #note(name: string, askedAt: number, exists: boolean, truncates: boolean, byTicket = false): Snapshot {
    const model = this.#models.get(name)!;
    const snapshot: Snapshot = {
      askedAt,
      confirmedAt: Number.POSITIVE_INFINITY,
      messages: [...model.messages],
      lastSeq: model.lastSeq,
      lastTimeNs: this.#logs.get(name)?.state().lastTimeNs ?? null,
      consumer: this.#consumers.get(name) ?? null,
      exists,
      truncates,
    };
    this.histories.find((history) => history.name === name)!.snapshots.push(snapshot);
    if (byTicket) this.#unconfirmed.push({ ticket: this.#store.ticket(), snapshot });
    return snapshot;
  }

  #pick(count: number): number {
    return this.#random.uint32() % count;
  }
}

/** Records a run of `steps` random operations. */
export async function recordRun(
  seed: number,
  steps: number,
  options: FileStoreOptions = CRASH_OPTIONS,
): Promise<CrashRun> {
  const runner = new Runner(seed, options);
  await runner.run(steps);
  return { disk: runner.disk, histories: runner.histories, seed };
}

/**
 * Opens what a crash left and judges it, works with it, and opens it again.
 *
 * @param at - How much of the recording had been asked for.
 * @returns The disk of the recovery and how long its recording was when the store was open, so that it can be cut, too.
 */
export async function judgeCrash(
  run: CrashRun,
  image: DiskImage,
  at: number,
  options: FileStoreOptions = CRASH_OPTIONS,
): Promise<{ disk: SimDisk; openedAt: number }> {
  const disk = new SimDisk({ image });
  const clock = new SimClock();
  const store = await FileStore.open(disk, clock, new SimRandom(2), options);
  const openedAt = disk.trace.length;
  for (const history of run.histories) await judgeStream(store, history, at);
  const damage = store
    .health()
    .reports.filter((report) => !/never confirmed|cut at|other copy is used|read instead/.test(report));
  assert.deepEqual(damage, [], "a crash alone is not damage");
  const recovered = new SimDisk({ image: disk.image(), record: false });
  // It goes on working, and keeps what it has.
  const before = store.streams().map((log) => ({ name: log.name, state: log.state() }));
  for (const log of store.streams()) log.append(new MessageDraft().set("after", "crash"));
  await store.stop();
  const again = await FileStore.open(recovered, clock, new SimRandom(3), options);
  for (const { name, state } of before) assert.deepEqual(again.stream(name)!.state(), state, `${name} opened again`);
  await again.stop();
  const third = await FileStore.open(disk, clock, new SimRandom(3), options);
  for (const { name, state } of before) {
    const log = third.stream(name)!;
    assert.equal(log.state().lastSeq, state.lastSeq + 1, `${name} after one more message`);
    assert.equal(Buffer.from(log.last("after")!.payload).toString(), "crash");
  }
  await third.stop();
  assert.equal(disk.openFiles, 0, "stop() closes all files");
  return { disk, openedAt };
}

async function judgeStream(store: FileStore, history: StreamHistory, at: number): Promise<void> {
  const { snapshots, name } = history;
  let from = 0;
  for (let i = 0; i < snapshots.length && snapshots[i]!.confirmedAt <= at; i++) from = i;
  let to = from;
  while (to + 1 < snapshots.length && snapshots[to + 1]!.askedAt <= at) to++;
  const possible = snapshots.slice(from, to + 1);
  const log = store.stream(name);
  if (log === null) {
    assert.ok(
      possible.some((snapshot) => !snapshot.exists),
      `${name} is gone`,
    );
    return;
  }
  assert.ok(
    possible.some((snapshot) => snapshot.exists),
    `${name} is back`,
  );
  assert.equal(Buffer.from(log.config).toString(), name);
  const consumer = log.consumers()[0]?.state ?? null;
  const state = consumer === null ? null : Buffer.from(consumer).toString();
  assert.ok(
    possible.some((snapshot) => snapshot.consumer === state),
    `${name}: consumer has ${state}`,
  );
  if (possible.some((snapshot) => !snapshot.exists)) return;
  await judgeMessages(log, possible, name);
}

async function judgeMessages(log: StreamLog, possible: readonly Snapshot[], name: string): Promise<void> {
  const known = new Set<string>();
  for (const snapshot of possible) for (const message of snapshot.messages) known.add(keyOf(message));
  const found = new Set<string>();
  const filter = log.filter([]);
  for (let view = log.next(filter, 0); view !== null; view = log.next(filter, view.seq + 1, view)) {
    const { seq, subject } = view;
    const headers = Buffer.from(view.headers).toString("latin1");
    const key = keyOf({ seq, subject, headers, payload: Buffer.from(view.payload).toString("latin1") });
    assert.ok(known.has(key), `${name}: ${seq} was removed, or never was: ${key.slice(0, 80)}`);
    found.add(key);
  }
  for (const message of possible[0]!.messages) {
    const key = keyOf(message);
    if (found.has(key) || (await goneByLimits(log, message))) continue;
    assert.ok(
      !possible.every((snapshot) => snapshot.messages.some((other) => keyOf(other) === key)),
      `${name}: lost ${message.seq}`,
    );
  }
  const state = log.state();
  assert.equal(state.messages, found.size, `${name}: messages`);
  assert.deepEqual(state.lost, [], `${name}: lost`);
  const lastSeqs = possible.map((snapshot) => snapshot.lastSeq);
  assert.ok(
    state.lastSeq >= Math.min(...lastSeqs) && state.lastSeq <= Math.max(...lastSeqs),
    `${name}: lastSeq ${state.lastSeq}`,
  );
  if (possible.some((snapshot) => snapshot.truncates)) return;
  await judgeOrder(log, possible, found, name);
  const agrees = possible.some(
    ({ lastSeq, lastTimeNs }) => lastSeq === state.lastSeq && lastTimeNs === state.lastTimeNs,
  );
  assert.ok(agrees, `${name}: lastTimeNs ${state.lastTimeNs} at ${state.lastSeq}`);
}

/**
 * Whether the limits alone may have taken a confirmed message: an unconfirmed removal that was lost and an unconfirmed message that
 * was kept can make too many.
 */
async function goneByLimits(log: StreamLog, message: PlainMessage): Promise<boolean> {
  const { maxMsgs, maxBytes, maxMsgsPerSubject } = log.limits;
  const own = await log.filteredState(message.subject);
  const state = log.state();
  const size = message.subject.length + message.headers.length + message.payload.length + 34;
  return (
    (maxMsgsPerSubject > 0 && own.messages >= maxMsgsPerSubject && own.first > message.seq) ||
    (maxMsgs > 0 && state.messages >= maxMsgs && state.firstSeq > message.seq) ||
    (maxBytes > 0 && state.bytes + size > maxBytes && state.firstSeq > message.seq)
  );
}

/** No unconfirmed message without those before it, unless they were taken away. */
async function judgeOrder(
  log: StreamLog,
  possible: readonly Snapshot[],
  found: ReadonlySet<string>,
  name: string,
): Promise<void> {
  const confirmedTo = possible[0]!.lastSeq;
  const last = possible.at(-1)!;
  let missing = 0;
  for (const message of last.messages) {
    if (message.seq <= confirmedTo || (await goneByLimits(log, message))) continue;
    if (!found.has(keyOf(message))) missing ||= message.seq;
    else assert.equal(missing, 0, `${name}: ${message.seq} is there, ${missing} before it is not`);
  }
}

function keyOf(message: PlainMessage): string {
  return `${message.seq} ${message.subject} ${message.headers} ${message.payload}`;
}
