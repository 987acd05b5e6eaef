// Random sequences of everything that a store can be asked, on several streams, against plain models; fast-check makes what fails
// short. Stopping and opening again, and losing power with everything durable, are commands like the others.
//
//   MYELIN_MODEL_RUNS=5000 MYELIN_MODEL_SEED=7 node --test packages/store/dist/model.test.js

import assert from "node:assert/strict";
import { test } from "node:test";
import { type CrashMode, crashImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import fc from "fast-check";
import { FileStore } from "./file/file-store.ts";
import { MemoryStore } from "./memory-store.ts";
import { MessageDraft } from "./message-draft.ts";
import { NO_LIMITS, type Store, type StreamLimits, type StreamLog } from "./store.ts";
import { assertSame, assertTotals } from "./testing/check-stream.ts";
import { MODEL_LIMITS, type PlainDraft, type PlainMessage, PlainStream } from "./testing/plain-stream.ts";
import { codeOf } from "./testing/under-test.ts";

const RUNS = Number(process.env["MYELIN_MODEL_RUNS"] ?? 60);
const SEED = Number(process.env["MYELIN_MODEL_SEED"] ?? 1);
const COMMANDS_MAX = 150;
/** Small, so that blocks roll, segments fill and checkpoints run. */
const OPTIONS = { blockBytes: 4096, segmentBytes: 16 * 1024, segments: 3, directBytes: 1500, ballastBytes: 4096 };
const NAMES = ["S", "T", "U"] as const;

const LIMITS: readonly Partial<StreamLimits>[] = [...MODEL_LIMITS, { maxAgeMs: 3000 }, { maxAgeMs: 500, maxMsgs: 10 }];

/** A stream's model: the plain one, with time and consumers. */
class StreamModel {
  readonly plain: PlainStream;
  config: string;
  readonly consumers: Map<string, string> = new Map();
  /** Time of the last message stored; null: there never was one. */
  lastNs: bigint | null = null;
  /** When each sequence was stored, and its time to live. */
  readonly #stored: Map<number, Stored> = new Map();

  constructor(limits: StreamLimits, config: string, firstSeq: number) {
    this.plain = new PlainStream(limits);
    this.plain.skip(firstSeq - 1);
    this.config = config;
  }

  /** Where a truncation goes that takes `back` sequences. */
  truncation(back: number): number {
    return Math.max(0, this.plain.lastSeq - back);
  }

  /** @param subNs - Given with the message, which then has a time of its own; undefined: it gets a stamp. */
  append(draft: PlainDraft, clock: SimClock, ttlSeconds: number, subNs: number | undefined): number {
    const seq = this.plain.append(draft);
    const ms = clock.wallMs();
    const given = subNs === undefined ? clock.wallNs() : BigInt(ms) * 1_000_000n + BigInt(subNs);
    // A stamp never goes back.
    const ns = subNs === undefined && this.lastNs !== null && given < this.lastNs ? this.lastNs : given;
    this.lastNs = ns;
    this.#stored.set(seq, { ms, ns, ttlSeconds });
    return seq;
  }

  truncate(seq: number): void {
    if (seq < this.plain.lastSeq && this.plain.messages.some((message) => message.seq === seq))
      this.lastNs = this.#stored.get(seq)!.ns;
    this.plain.truncate(seq);
  }

  /** The first sequences that are given, if without a message, count as stored now; those that a compaction passes over do not. */
  skip(count: number, nowNs: bigint): void {
    this.plain.skip(count);
    if (count > 0) this.lastNs ??= nowNs;
  }

  expire(nowMs: number): void {
    const { maxAgeMs } = this.plain.limits;
    const goes = ({ seq }: PlainMessage): boolean => {
      const { ms, ttlSeconds } = this.#stored.get(seq)!;
      const byItself = ttlSeconds > 0 && ms + ttlSeconds * 1000 <= nowMs;
      return byItself || (maxAgeMs > 0 && ttlSeconds >= 0 && ms + maxAgeMs <= nowMs);
    };
    for (const message of this.plain.messages.filter(goes)) this.plain.remove(message.seq);
  }

  seqAtTime(ms: number): number {
    return this.plain.messages.find(({ seq }) => this.#stored.get(seq)!.ms >= ms)?.seq ?? this.plain.lastSeq + 1;
  }

  /** A sequence in or near the stream: `where` from 0 to 1. */
  seq(where: number): number {
    const { firstSeq, lastSeq } = this.plain;
    return Math.max(0, firstSeq - 2 + Math.floor(where * (lastSeq - firstSeq + 6)));
  }
}

interface Stored {
  readonly ms: number;
  readonly ns: bigint;
  readonly ttlSeconds: number;
}

type World = Map<string, StreamModel>;

/** A store and what is round it. */
class Real {
  /** Begins within a millisecond, of which nothing may be lost. */
  readonly clock: SimClock = new SimClock(Date.UTC(2026, 0, 1) + 0.125);
  readonly countsAsFile: boolean;
  store!: Store;
  #disk: SimDisk | null;

  constructor(kind: "file" | "memory") {
    this.countsAsFile = kind === "file";
    this.#disk = kind === "file" ? new SimDisk() : null;
  }

  async open(): Promise<void> {
    this.store =
      this.#disk === null
        ? new MemoryStore(this.clock)
        : await FileStore.open(this.#disk, this.clock, new SimRandom(1), OPTIONS);
  }

  async reopen(): Promise<void> {
    await this.store.stop();
    await this.open();
  }

  /** Power is lost when everything is durable: what has not been synced may be lost, and must not be missed. */
  async crash(mode: CrashMode, seed: number): Promise<void> {
    await this.store.durable();
    const { startImage, trace } = this.#disk!;
    this.#disk = new SimDisk({ image: crashImage(startImage, trace, trace.length, mode, new SimRandom(seed)) });
    await this.open();
    const alarms = this.store
      .health()
      .reports.filter((report) => !/never confirmed|cut at|other copy is used|read instead/.test(report));
    assert.deepEqual(alarms, [], "a crash alone is not damage");
  }
}

/** One command: when it makes sense, and what it does to both. */
class Command implements fc.AsyncCommand<World, Real> {
  readonly #label: string;
  readonly #check: (world: World) => boolean;
  readonly #run: (world: World, real: Real) => void | Promise<void>;

  constructor(
    label: string,
    check: (world: World) => boolean,
    run: (world: World, real: Real) => void | Promise<void>,
  ) {
    this.#label = label;
    this.#check = check;
    this.#run = run;
  }

  check(world: Readonly<World>): boolean {
    return this.#check(world);
  }

  async run(world: World, real: Real): Promise<void> {
    await this.#run(world, real);
    assert.deepEqual(
      real.store
        .streams()
        .map(({ name }) => name)
        .sort(),
      [...world.keys()].sort(),
    );
    for (const [name, model] of world) {
      assertTotals(real.store.stream(name)!, model.plain, real.countsAsFile);
      assert.equal(real.store.stream(name)!.state().lastTimeNs, model.lastNs, "lastTimeNs");
    }
  }

  toString(): string {
    return this.#label;
  }
}

function onStream(
  label: string,
  name: string,
  run: (model: StreamModel, log: StreamLog, real: Real) => void | Promise<void>,
): Command {
  return new Command(
    `${name}.${label}`,
    (world) => world.has(name),
    (world, real) => run(world.get(name)!, real.store.stream(name)!, real),
  );
}

function limitsOf(index: number, countsAsFile: boolean): StreamLimits {
  const limits = { ...NO_LIMITS, ...LIMITS[index] };
  return countsAsFile ? limits : { ...limits, maxBytes: 0 }; // the model counts bytes as a file store does
}

/** Everything that can be asked, and everything kept beside the messages. */
async function assertWhole(world: World, real: Real, seed: number): Promise<void> {
  for (const [name, model] of world) {
    const log = real.store.stream(name)!;
    await assertSame(log, model.plain, new SimRandom(seed), real.countsAsFile);
    assert.equal(Buffer.from(log.config).toString(), model.config);
    assert.deepEqual(log.limits, model.plain.limits);
    const consumers = new Map(log.consumers().map(({ name: of, state }) => [of, Buffer.from(state!).toString()]));
    assert.deepEqual(consumers, model.consumers);
    assert.equal(log.state().consumers, model.consumers.size);
    assert.equal(log.state().lastTimeNs, model.lastNs, "lastTimeNs");
    const now = real.clock.wallMs();
    for (const ms of [0, now - 3000, now - 100, now, now + 1])
      assert.equal(log.seqAtTime(ms), model.seqAtTime(ms), `seqAtTime(now ${ms - now})`);
  }
}

const stream = fc.constantFrom(...NAMES);
const where = fc.double({ min: 0, max: 1, noNaN: true });
const limits = fc.nat(LIMITS.length - 1);
const token = fc.constantFrom("a", "b", "c");
const subject = fc.array(token, { minLength: 1, maxLength: 3 }).map((tokens) => tokens.join("."));
const payload = fc.oneof({ weight: 20, arbitrary: fc.nat(60) }, { weight: 1, arbitrary: fc.nat(3000) });
const seed = fc.nat(1 << 30);

function createStream(name: string, index: number, firstSeq: number): Command {
  return new Command(
    `create(${name}, ${JSON.stringify(LIMITS[index])}, ${firstSeq})`,
    (world) => !world.has(name),
    async (world, real) => {
      const given = limitsOf(index, real.countsAsFile);
      await real.store.createStream(name, given, Buffer.from(`config ${index}`), firstSeq);
      world.set(name, new StreamModel(given, `config ${index}`, firstSeq));
    },
  );
}

const create = fc
  .tuple(stream, limits, fc.constantFrom(1, 1, 2, 1000))
  .map(([name, index, firstSeq]) => createStream(name, index, firstSeq));

const append = fc
  .record({
    name: stream,
    subject,
    headers: fc.constantFrom("", "", "NATS/1.0\r\nA: b\r\n\r\n"),
    size: payload,
    rollup: fc.constantFrom("none", ...Array<"none">(20).fill("none"), "subject", "subject", "all"),
    ttlSeconds: fc.constantFrom(0, 0, 0, 0, 1, 3, -1),
    subNs: fc.constantFrom(undefined, undefined, undefined, 1, 125_001, 999_999),
    expects: fc.constantFrom("any", "any", "next", "other"),
  })
  .map(({ name, subject: to, headers, size, rollup, ttlSeconds, subNs, expects }) =>
    onStream(
      `append(${to}, ${size} B, ${rollup}, ttl ${ttlSeconds}, ${subNs} ns, ${expects})`,
      name,
      (model, log, { clock }) => {
        const draft = { subject: to, headers, payload: "p".repeat(size), rollup };
        const real = new MessageDraft().set(to, draft.payload, headers);
        real.ttlSeconds = ttlSeconds;
        real.rollup = rollup;
        if (subNs !== undefined) {
          real.timeMs = clock.wallMs();
          real.timeSubNs = subNs;
        }
        if (expects === "other" && model.plain.limits.discard === "old") {
          real.expectedSeq = model.plain.lastSeq + 3;
          assert.equal(
            codeOf(() => log.append(real)),
            "SEQUENCE_MISMATCH",
          );
          return;
        }
        if (expects === "next") real.expectedSeq = model.plain.lastSeq + 1;
        const refused = codeOf(() => assert.equal(log.append(real), model.plain.lastSeq + 1));
        assert.equal(
          codeOf(() => model.append(draft, clock, ttlSeconds, subNs)),
          refused,
        );
      },
    ),
  );

const remove = fc.tuple(stream, where, fc.boolean()).map(([name, at, erases]) =>
  onStream(`${erases ? "erase" : "remove"}(${at.toFixed(3)})`, name, (model, log) => {
    const seq = model.seq(at);
    assert.equal(erases ? log.erase(seq) : log.remove(seq), model.plain.remove(seq));
  }),
);

const purge = fc
  .record({
    name: stream,
    filter: fc.oneof(fc.constantFrom("a.*", "*", ">", "b.>"), subject),
    keep: fc.constantFrom(0, 0, 1, 3),
    at: fc.option(where),
  })
  .map(({ name, filter, keep, at }) =>
    onStream(`purge(${filter}, keep ${keep}, ${at?.toFixed(3)})`, name, async (model, log) => {
      const seq = keep > 0 || at === null ? 0 : model.seq(at);
      const options = { filter, keep, seq };
      assert.equal(await log.purge(options), model.plain.purge(filter, seq, keep));
    }),
  );

const compact = fc.tuple(stream, where).map(([name, at]) =>
  onStream(`compact(${at.toFixed(3)})`, name, async (model, log) => {
    const seq = model.seq(at) + 1;
    assert.equal(await log.compact(seq), model.plain.compact(seq));
  }),
);

const truncate = fc.tuple(stream, fc.nat(12)).map(([name, back]) =>
  onStream(`truncate(last - ${back})`, name, async (model, log) => {
    const seq = model.truncation(back);
    await log.truncate(seq);
    model.truncate(seq);
  }),
);

const skip = fc.tuple(stream, fc.nat(6)).map(([name, count]) =>
  onStream(`skip(${count})`, name, (model, log, { clock }) => {
    log.skip(count);
    model.skip(count, clock.wallNs());
  }),
);

const update = fc.tuple(stream, limits).map(([name, index]) =>
  onStream(`update(${JSON.stringify(LIMITS[index])})`, name, async (model, log, { clock, countsAsFile }) => {
    const given = limitsOf(index, countsAsFile);
    await log.update(given, Buffer.from(`updated ${index}`));
    model.plain.setLimits(given);
    model.config = `updated ${index}`;
    clock.advance(0);
    model.expire(clock.wallMs());
  }),
);

const consume = fc
  .tuple(stream, fc.constantFrom("C", "D"), fc.constantFrom("save", "save", "delete"), fc.nat(99))
  .map(([name, consumer, what, value]) =>
    onStream(`${what} consumer ${consumer} ${value}`, name, (model, log) => {
      const real = log.consumer(consumer);
      if (what === "delete") {
        real.delete();
        model.consumers.delete(consumer);
        return;
      }
      real.save(Buffer.from(`${value}`));
      model.consumers.set(consumer, `${value}`);
    }),
  );

const drop = stream.map(
  (name) =>
    new Command(
      `delete(${name})`,
      (world) => world.has(name),
      async (world, { store }) => {
        await store.deleteStream(name);
        world.delete(name);
      },
    ),
);

const always = (): boolean => true;
const turn = fc.constant(new Command("turn", always, () => new Promise<void>((resolve) => void setImmediate(resolve))));
const wait = fc.constantFrom(1, 100, 499, 1000, 5000).map(
  (ms) =>
    new Command(`advance(${ms})`, always, (world, { clock }) => {
      clock.advance(ms);
      for (const model of world.values()) model.expire(clock.wallMs());
    }),
);
const durable = fc.constant(
  new Command("durable", always, async (_world, { store }) => {
    const ticket = store.ticket();
    await store.durable();
    assert.ok(store.durableTicket >= ticket);
  }),
);
const look = seed.map((value) => new Command("look", always, (world, real) => assertWhole(world, real, value)));
const reopen = seed.map(
  (value) =>
    new Command("reopen", always, async (world, real) => {
      await real.reopen();
      await assertWhole(world, real, value);
    }),
);
const crash = fc.tuple(fc.constantFrom<CrashMode>("mixed", "mixed", "drop-all", "keep-all"), seed).map(
  ([mode, value]) =>
    new Command(`crash(${mode}, ${value})`, always, async (world, real) => {
      await real.crash(mode, value);
      await assertWhole(world, real, value);
    }),
);

/** How often each kind of command comes, by repetition. */
const COMMON = [
  create,
  create,
  ...Array<typeof append>(24).fill(append),
  remove,
  remove,
  remove,
  remove,
  purge,
  compact,
];
const RARE = [truncate, skip, update, consume, consume, drop, turn, turn, wait, wait, durable, look];

async function agrees(kind: "file" | "memory"): Promise<void> {
  const forFiles = kind === "file" ? [reopen, crash] : [];
  const commands = fc.commands([...COMMON, ...RARE, ...forFiles], { maxCommands: COMMANDS_MAX, size: "max" });
  await fc.assert(
    fc.asyncProperty(limits, limits, commands, async (first, second, asked) => {
      const real = new Real(kind);
      const world: World = new Map();
      await real.open();
      await createStream("S", first, 1).run(world, real);
      await createStream("T", second, 1000).run(world, real);
      await fc.asyncModelRun(() => ({ model: world, real }), asked);
      await assertWhole(world, real, 1);
      await real.store.stop();
    }),
    { numRuns: RUNS, seed: SEED },
  );
}

for (const kind of ["file", "memory"] as const)
  test(`a ${kind} store agrees with the plain model, whatever it is asked`, () => agrees(kind));
