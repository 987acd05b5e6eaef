// The same stream twice, in this store and in the reference: each operation goes to both, and both are asked the same questions.

import assert from "node:assert/strict";
import { MessageDraft, type MessageView, StoreError, type StreamLog } from "@myelin/store";
import { FILTERS, type Operation, type Probe } from "./operations.ts";
import {
  nanosecondsOf,
  type ReferenceMessage,
  type ReferenceState,
  type ReferenceStream,
  Refusal,
  type StreamSetting,
} from "./reference-stream.ts";

/** Beyond this many sequences, not every one of them is read. */
const SEQS_MAX = 100;

/** Two streams that have to stay the same. */
export class StreamPair {
  /** Ours. */
  log: StreamLog;
  #isReopened = false;
  #theirs: ReferenceStream;
  #setting: StreamSetting;

  constructor(log: StreamLog, theirs: ReferenceStream, setting: StreamSetting) {
    this.log = log;
    this.#theirs = theirs;
    this.#setting = setting;
  }

  /** @throws AssertionError when the two differ in what the operation says, or behind it. */
  async run(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case "publish":
        await this.#publish(operation);
        break;
      case "purge":
        await this.#purge(operation);
        break;
      case "remove": {
        const seq = this.#seqAt(operation.at);
        const was = await this.#theirs.remove(seq, operation.erase);
        assert.equal(operation.erase ? this.log.erase(seq) : this.log.remove(seq), was, `there to be removed: ${seq}`);
        break;
      }
      case "update": {
        const limits = { ...this.#setting.limits, ...operation.limits };
        this.#setting = { ...this.#setting, limits };
        await this.#theirs.update(this.#setting);
        await this.log.update(limits, new Uint8Array(0));
        break;
      }
    }
    await this.assertStates();
  }

  /** Both were stopped and opened again. */
  reopened(log: StreamLog): void {
    this.log = log;
    this.#isReopened = true;
  }

  async assertStates(): Promise<void> {
    await this.#compareStates(await this.#theirs.state());
  }

  /** Compares every message. */
  async assertMessages(): Promise<void> {
    const { firstSeq, lastSeq } = this.log.state();
    const asked: Array<Promise<void>> = [];
    for (let seq = firstSeq; seq <= lastSeq && seq < firstSeq + SEQS_MAX; seq++) asked.push(this.#load(seq));
    await Promise.all(asked);
  }

  /** Compares the answers to some questions. */
  async assertProbes(probes: readonly Probe[]): Promise<void> {
    for (const probe of probes) await this.#probe(probe);
  }

  async #publish(operation: Operation & { kind: "publish" }): Promise<void> {
    const { subject, headers, payloadBytes, rollup, ttlSeconds } = operation;
    const lines: Array<[string, string]> = headers.map(([name, value]) => [name, value]);
    if (rollup !== "none") lines.push(["Nats-Rollup", rollup === "all" ? "all" : "sub"]);
    if (ttlSeconds !== 0) lines.push(["Nats-TTL", ttlSeconds < 0 ? "never" : String(ttlSeconds)]);
    const block = lines.length === 0 ? "" : `NATS/1.0\r\n${lines.map((line) => `${line.join(": ")}\r\n`).join("")}\r\n`;
    const payload = "x".repeat(payloadBytes);
    const theirs = await this.#outcome(() => this.#theirs.publish(subject, payload, lines));
    const draft = new MessageDraft().set(subject, payload, block);
    draft.rollup = rollup;
    draft.ttlSeconds = ttlSeconds;
    const timeNs = nanosecondsOf((await this.#theirs.state()).last_ts) ?? 0n;
    if (typeof theirs === "number") {
      draft.timeMs = Number(timeNs / 1_000_000n);
      draft.timeSubNs = Number(timeNs % 1_000_000n);
    }
    const ours = await this.#outcome(() => this.log.append(draft));
    assert.equal(ours, theirs, `publish to ${subject}`);
  }

  async #purge({ filter, at, keep }: Operation & { kind: "purge" }): Promise<void> {
    const seq = at === null ? 0 : this.#seqAt(at);
    const theirs = await this.#outcome(() => this.#theirs.purge(filter, seq, keep));
    const ours = await this.#outcome(() => this.log.purge({ filter, seq, keep }));
    if (typeof theirs === "number") assert.equal(ours, theirs, `purged of ${filter} ${seq} ${keep}`);
    else assert.equal(typeof ours, "string", "both refuse a purge");
  }

  async #compareStates(theirs: ReferenceState): Promise<void> {
    const ours = this.log.state();
    // A stream that never had a message begins at 0 there, and a file store calls that sequence deleted.
    const isNew = theirs.first_seq === 0 && theirs.last_seq === 0;
    const deleted: number[] = [];
    for (const [first, last] of this.log.deletedRanges()) for (let seq = first; seq <= last; seq++) deleted.push(seq);
    const { subjects } = await this.log.subjectStates(">");
    const totals = Object.fromEntries(subjects.map(({ subject, messages }) => [subject, messages]));
    assert.deepEqual(
      {
        messages: ours.messages,
        bytes: ours.bytes,
        first: ours.firstSeq,
        firstTime: ours.firstTimeNs,
        last: ours.lastSeq,
        lastTime: ours.lastTimeNs,
        subjects: ours.subjects,
        deleted: ours.deleted,
        deletedList: deleted,
        totals,
      },
      {
        messages: theirs.messages,
        bytes: theirs.bytes,
        first: isNew ? 1 : theirs.first_seq,
        firstTime: nanosecondsOf(theirs.first_ts),
        last: theirs.last_seq,
        lastTime: nanosecondsOf(theirs.last_ts),
        subjects: theirs.num_subjects ?? 0,
        deleted: isNew ? 0 : (theirs.num_deleted ?? 0),
        deletedList: isNew ? [] : (theirs.deleted ?? []),
        totals: { ...theirs.subjects },
      },
      "states",
    );
  }

  async #load(seq: number): Promise<void> {
    assertMessage(this.log.load(seq), await this.#theirs.get({ seq }), `load(${seq})`);
  }

  async #probe({ kind, filter: index, at }: Probe): Promise<void> {
    const { log } = this;
    const filter = FILTERS[index % FILTERS.length] as string;
    const other = FILTERS[(index * 7 + 3) % FILTERS.length] as string;
    const seq = this.#seqAt(at);
    const what = `${kind} ${filter} ${seq}`;
    switch (kind) {
      case "load":
        if (seq > 0) await this.#load(seq);
        break;
      case "next":
        assertMessage(log.next(filter, seq), await this.#theirs.get({ seq, next_by_subj: filter }), what);
        break;
      case "last":
        // The reference looks at the last sequence only, when everything matches.
        if (filter === ">" && log.load(log.state().lastSeq) === null) break;
        assertMessage(log.last(filter), await this.#theirs.get({ last_by_subj: filter }), what);
        break;
      case "multiLast": {
        // The reference's file store finds nothing up to a sequence that was not given yet.
        const upTo = Math.min(seq, log.state().lastSeq);
        const answers = await this.#theirs.direct({ multi_last: [filter, other], up_to_seq: upTo, batch: 1000 });
        const seqs = answers.filter(({ code }) => code === 0).map((headers) => Number(headers.get("Nats-Sequence")));
        assert.deepEqual([...(await log.multiLast(log.filter([filter, other]), upTo))], seqs, what);
        break;
      }
      case "pending": {
        const [first] = await this.#theirs.direct({ seq, next_by_subj: filter, batch: 1 });
        const found = first === undefined || first.code !== 0 ? 0 : Number(first.get("Nats-Num-Pending")) + 1;
        assert.equal(await log.pending(filter, seq), found, what);
        break;
      }
      case "time": {
        const message = log.next(">", seq);
        // What the reference knows of its blocks' times is not always right after it was started again.
        if (message === null || this.#isReopened) break;
        const timeNs = message.timeNs + BigInt(Math.round(at * 3) - 1);
        const [first] = await this.#theirs.direct({ start_time: isoOf(timeNs), next_by_subj: ">", batch: 1 });
        const found = first === undefined || first.code !== 0 ? 0 : Number(first.get("Nats-Sequence"));
        const from = log.seqAtTime(timeNs);
        assert.equal(log.next(">", from)?.seq ?? 0, found, what);
        const [, before] = await this.#theirs.pending({
          deliver_policy: "by_start_time",
          opt_start_time: isoOf(timeNs),
        });
        assert.equal(from - 1, before, `${what}, of a consumer`);
        break;
      }
      case "consumer": {
        const { firstSeq, lastSeq } = log.state();
        const from = Math.max(1, Math.min(Math.max(seq, firstSeq), lastSeq + 1));
        const start = { deliver_policy: "by_start_sequence", opt_start_seq: from, filter_subject: filter };
        const [pending] = await this.#theirs.pending(start);
        assert.equal(await log.pending(filter, from), pending, `${what} from ${from}`);
        if (filter === other || covers(filter, other)) break;
        const filters = { deliver_policy: "last_per_subject", filter_subjects: [filter, other] };
        const [last] = await this.#theirs.pending(filters);
        assert.equal(
          await log.pending(log.filter([filter, other]), firstSeq, true),
          last,
          `${what} and ${other}, last per subject`,
        );
        const both = { deliver_policy: "by_start_sequence", opt_start_seq: from, filter_subjects: [filter, other] };
        const [either] = await this.#theirs.pending(both);
        assert.equal(await log.pending(log.filter([filter, other]), from), either, `${what} and ${other}`);
        break;
      }
    }
  }

  #seqAt(at: number): number {
    const { firstSeq, lastSeq } = this.log.state();
    return Math.max(0, firstSeq - 2 + Math.floor(at * (lastSeq - firstSeq + 6)));
  }

  /** A number, or the words of a refusal. */
  async #outcome(run: () => number | Promise<number>): Promise<number | string> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof Refusal || error instanceof StoreError) return error.message;
      throw error;
    }
  }
}

function assertMessage(ours: MessageView | null, theirs: ReferenceMessage | null, what: string): void {
  const shown =
    ours === null
      ? null
      : {
          seq: ours.seq,
          subject: ours.subject,
          headers: Buffer.from(ours.headers).toString("latin1"),
          payload: Buffer.from(ours.payload).toString("latin1"),
          timeNs: ours.timeNs,
        };
  assert.deepEqual(shown, theirs, what);
}

/** The reference refuses consumers whose filters have subjects in common. */
function covers(a: string, b: string): boolean {
  const left = a.split(".");
  const right = b.split(".");
  for (let i = 0; ; i++) {
    if (left[i] === ">" || right[i] === ">") return true;
    if (i >= left.length || i >= right.length) return left.length === right.length;
    if (left[i] !== right[i] && left[i] !== "*" && right[i] !== "*") return false;
  }
}

function isoOf(timeNs: bigint): string {
  const seconds = new Date(Number(timeNs / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(timeNs % 1_000_000_000n).padStart(9, "0")}Z`;
}
