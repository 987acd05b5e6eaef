// Damage that comes and goes, while everything else goes on: whatever was done meanwhile, a message is gone only if that took it, and what
// was taken stays away. MYELIN_LOST_RUNS and MYELIN_LOST_SEED make it longer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamLog } from "../store.ts";
import { FILLED_OPTIONS } from "../testing/filled-store.ts";
import { PlainStream, plainMatch } from "../testing/plain-stream.ts";
import { seqsOf } from "../testing/seqs-of.ts";
import { FileStore } from "./file-store.ts";

const RUNS = Number(process.env["MYELIN_LOST_RUNS"] ?? 60);
const SEED = Number(process.env["MYELIN_LOST_SEED"] ?? 1);
const STEPS = 200;
/** The first letter of a payload, and what a flipped bit makes of it. */
const [SOUND, FLIPPED] = ["payload", "tayload"];

class LostRun {
  readonly #random: SimRandom;
  readonly #truth: PlainStream = new PlainStream(NO_LIMITS);
  /** Sequences whose records have a flipped bit, whether or not somebody has noticed, or the message is wanted. */
  #flipped: Set<number> = new Set();
  /** Those that need not be there again. */
  readonly #givenUp: Set<number> = new Set();
  #disk: SimDisk = new SimDisk({ record: false });
  #store!: FileStore;
  #log!: StreamLog;

  constructor(seed: number) {
    this.#random = new SimRandom(seed);
  }

  async run(): Promise<void> {
    this.#store = await FileStore.open(this.#disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
    this.#log = await this.#store.createStream("S", NO_LIMITS, new Uint8Array(0));
    for (let step = 0; step < STEPS; step++) await this.#step();
    await this.#reopen("mended");
    this.#check();
    await this.#store.stop();
  }

  async #step(): Promise<void> {
    const log = this.#log;
    const truth = this.#truth;
    const dice = this.#pick(100);
    if (dice < 50) {
      for (let left = 1 + this.#pick(4); left > 0; left--) this.#append();
    } else if (dice < 65) {
      const seq = truth.firstSeq + this.#pick(truth.lastSeq - truth.firstSeq + 2);
      if (log.remove(seq)) truth.remove(seq);
    } else if (dice < 70) {
      const filter = ["a", "b.*"][this.#pick(2)] as string;
      const noticed = new Set(seqsOf(log.state().lost));
      await log.purge({ filter });
      for (const { seq, subject } of [...truth.messages])
        if (plainMatch(filter, subject) && !noticed.has(seq)) truth.remove(seq);
    } else if (dice < 73) {
      const seq = truth.firstSeq + this.#pick(8);
      await log.compact(seq);
      truth.compact(seq);
    } else if (dice < 75) {
      const count = 1 + this.#pick(3);
      log.skip(count);
      truth.skip(count);
    } else if (dice < 77) {
      const seq = Math.max(0, truth.lastSeq - this.#pick(6));
      this.#check();
      // The end of a file that is cut may hold one of them.
      for (const lost of seqsOf(log.state().lost)) this.#givenUp.add(lost);
      await log.truncate(seq);
      truth.truncate(seq);
      for (const lost of this.#givenUp) if (lost > seq) this.#givenUp.delete(lost);
    } else if (dice < 78 && this.#pick(4) === 0) {
      await log.purge();
      truth.purge("", 0, 0);
    } else if (dice < 82) {
      await this.#store.checkpointNow();
    } else if (dice < 86) {
      this.#check();
    } else if (dice < 92) {
      await this.#store.durable();
    } else {
      await this.#reopen((["mended", "damaged", "as it is"] as const)[this.#pick(3)]!);
    }
  }

  #append(): void {
    const subject = ["a", "b.c", "b.d", "e"][this.#pick(4)] as string;
    const seq = this.#truth.lastSeq + 1;
    const length = this.#pick(10) === 0 ? 3000 : 10 + this.#pick(300);
    const payload = `${SOUND} ${seq} `.padEnd(length, "x");
    this.#log.append(new MessageDraft().set(subject, payload));
    this.#truth.append({ subject, headers: "", payload, rollup: "none" });
  }

  /** Stops or kills the store, damages or mends what is on its disk, and opens it again. */
  async #reopen(how: "mended" | "damaged" | "as it is"): Promise<void> {
    await this.#store.durable();
    // Behind a checkpoint damage passes for a torn end, if nothing readable follows.
    if (this.#flipped.size > 0 || how === "damaged") await this.#store.checkpointNow();
    const killed = this.#disk.image();
    await this.#store.stop();
    const image = this.#pick(2) === 0 ? killed : this.#disk.image();
    if (how === "mended") this.#flipped = new Set();
    if (how === "damaged")
      for (let left = this.#pick(4); left > 0; left--) {
        const { messages } = this.#truth;
        if (messages.length > 0) this.#flipped.add(messages[this.#pick(messages.length)]!.seq);
      }
    this.#disk = new SimDisk({ image: withFlips(image, this.#flipped), record: false });
    this.#store = await FileStore.open(this.#disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
    this.#log = this.#store.stream("S")!;
  }

  /** Reads everything: what is missing is damaged, and is listed. */
  #check(): void {
    const log = this.#log;
    const found: number[] = [];
    for (let view = log.next("", 0); view !== null; view = log.next("", view.seq + 1)) found.push(view.seq);
    const wanted = this.#truth.messages.map(({ seq }) => seq);
    const present = new Set(found);
    const missing = wanted.filter((seq) => !present.has(seq));
    assert.deepEqual(
      found.filter((seq) => !wanted.includes(seq)),
      [],
      "nothing is back",
    );
    assert.deepEqual(
      missing.filter((seq) => !this.#flipped.has(seq) && !this.#givenUp.has(seq)),
      [],
      "nothing is gone",
    );
    const { lost, lastSeq } = log.state();
    assert.deepEqual(seqsOf(lost), missing, "what is missing is listed");
    assert.equal(lastSeq, this.#truth.lastSeq);
  }

  #pick(count: number): number {
    return this.#random.uint32() % count;
  }
}

/** The same image with bits of these records flipped, and of no others. */
function withFlips(image: DiskImage, seqs: ReadonlySet<number>): DiskImage {
  const changed = new Map(image);
  for (const [path, bytes] of image) {
    if (bytes === null || !path.endsWith(".blk")) continue;
    const copy = Buffer.from(bytes);
    for (const match of copy.toString("latin1").matchAll(/[pt]ayload (\d+) /g))
      copy.write(seqs.has(Number(match[1])) ? FLIPPED : SOUND, match.index);
    changed.set(path, copy);
  }
  return changed;
}

for (let run = 0; run < RUNS; run++) {
  test(`what is damaged for a while is there again afterwards, and nothing else: seed ${SEED + run}`, () =>
    new LostRun(SEED + run).run());
}
