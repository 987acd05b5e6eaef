// One stream: what happens to its messages. Appends, limits, removal; expiry stands in stream-expiry.ts, questions in stream-questions.ts.
// No I/O here: records go to the backing, everything else is decided on the index.

import type { Clock } from "@myelin/platform";
import { AgeClock } from "./age-clock.ts";
import type { StreamBacking } from "./backing.ts";
import type { RecordBody } from "./compress/record-body.ts";
import type { ConsumerLog } from "./consumer-log.ts";
import { StoreError } from "./errors.ts";
import { type IndexBlock, type Totals, traitsOf } from "./index/record-index.ts";
import type { StreamIndex } from "./index/stream-index.ts";
import { SubjectFilter } from "./index/subject-filter.ts";
import {
  checkAsked,
  checkBound,
  checkLimits,
  checkName,
  checkPage,
  checkPurge,
  checkSequence,
  SUBJECTS_PER_PAGE_MAX,
} from "./limits.ts";
import type { MessageDraft } from "./message-draft.ts";
import { MessageView } from "./message-view.ts";
import { aligned, type LastTime, recordLength } from "./record.ts";
import { checkRecordSize, checkTimes, writeRecord } from "./record-writer.ts";
import type { Slices } from "./slices.ts";
import type { Stamp } from "./stamp.ts";
import type {
  FilterLike,
  PurgeOptions,
  StreamLimits,
  StreamListener,
  StreamLog,
  StreamState,
  SubjectPage,
  SubjectState,
} from "./store.ts";
import { StreamConsumers } from "./stream-consumers.ts";
import type { StreamContext } from "./stream-context.ts";
import { StreamExpiry } from "./stream-expiry.ts";
import { StreamLimiter } from "./stream-limiter.ts";
import { StreamPurger } from "./stream-purger.ts";
import { deletedRanges, lastMatch } from "./stream-queries.ts";
import { StreamQuestions } from "./stream-questions.ts";
import { StreamRemoval } from "./stream-removal.ts";
import type { TtlHeap } from "./ttl-heap.ts";

/** Slots of a block that are counted in one step. */
const SLOTS_PER_COUNT = 4096;

/** A stream on any backing. Stores make it; callers know it as `StreamLog`. */
export class Stream implements StreamLog {
  readonly name: string;
  limits: StreamLimits;
  /** Those of them that apply: {@link outdated}. */
  applied: StreamLimits;
  outdated = false;
  config: Uint8Array;
  listener: StreamListener | null = null;
  readonly index: StreamIndex;
  /** Bytes of all messages, as the state counts them. */
  bytes = 0;
  /** Time of the last message stored; -1: none ever was. */
  lastTimeMs = -1;
  lastTimeSubNs = 0;
  /** Sequences given since the last record that never get a message: the next record says so. */
  gap = 0;
  closed = false;
  /** Its store was stopped: nothing can be read any more. */
  #stopped = false;
  truncations = 0;
  readonly ages: AgeClock;
  /** For whatever takes messages away. */
  readonly removal: StreamRemoval;
  readonly #backing: StreamBacking;
  readonly #stamp: Stamp;
  readonly #clock: Clock;
  readonly #slices: Slices;
  readonly #expiry: StreamExpiry;
  readonly #view: MessageView = new MessageView();
  readonly #all: SubjectFilter;
  readonly #limiter: StreamLimiter;
  readonly #consumers: StreamConsumers;
  readonly #purger: StreamPurger;
  readonly #questions: StreamQuestions;
  readonly #body: RecordBody;
  /** Called when limits or configuration change: the store keeps them. */
  onUpdate: () => Promise<void> = async () => {};

  constructor(
    name: string,
    limits: StreamLimits,
    config: Uint8Array,
    backing: StreamBacking,
    index: StreamIndex,
    { stamp, slices, body }: StreamContext,
  ) {
    this.name = name;
    this.limits = limits;
    this.applied = limits;
    this.config = config;
    this.index = index;
    this.#backing = backing;
    const { clock } = stamp;
    this.#clock = clock;
    this.#stamp = stamp;
    this.#body = body;
    this.#slices = slices;
    this.ages = new AgeClock(clock.wallMs(), clock.monotonicMs());
    this.#expiry = new StreamExpiry(this, clock, slices);
    this.removal = new StreamRemoval(this, backing, this.#expiry);
    this.#limiter = new StreamLimiter(this, slices);
    this.#purger = new StreamPurger(this, backing, slices);
    this.#questions = new StreamQuestions(this, slices);
    this.#consumers = new StreamConsumers(
      () => this.checkOpen(),
      (consumer, state) => backing.consumerChanged(consumer, state),
    );
    this.#all = new SubjectFilter(index.subjects, []);
  }

  /** For stores, after recovery has filled the index: counts bytes. */
  async countBytes(): Promise<void> {
    this.bytes = 0;
    for (const block of [...this.index.records.blocks]) {
      for (let slot = 0; slot < block.slots; slot += SLOTS_PER_COUNT) {
        this.bytes += this.bytesOf(block.liveTotals(slot, Math.min(block.slots, slot + SLOTS_PER_COUNT)));
        if (this.#slices.due) await this.#slices.pause();
      }
    }
  }

  /** Bytes of so many messages as the state counts them. */
  bytesOf({ messages, dataBytes, withHeaders }: Totals): number {
    const plain = this.#backing.storedBytes(0, false);
    return dataBytes + messages * plain + withHeaders * (this.#backing.storedBytes(0, true) - plain);
  }

  /** For stores, after recovery: messages that expire, by wall time. */
  restoreTtls(ttls: TtlHeap): void {
    this.#expiry.restore(ttls);
  }

  /** For stores: everything is in place; enforces the limits and starts expiry. */
  async begin(): Promise<void> {
    await this.#limiter.enforceAll();
    this.#expiry.schedule();
  }

  /** For stores: an empty stream whose first message gets that sequence. */
  startAt(firstSeq: number): void {
    this.index.skipTo(firstSeq - 1);
    this.gap = firstSeq - 1;
  }

  /** For stores: the last message, which may not be there any more, was stored then; null: as the messages say. */
  setLastTime(lastTimeNs: bigint | null): void {
    if (lastTimeNs === null) return;
    this.lastTimeMs = Number(lastTimeNs / 1_000_000n);
    this.lastTimeSubNs = Number(lastTimeNs % 1_000_000n);
    this.#backing.boundsMoved();
  }

  /**
   * For stores, after recovery: when the last message was stored.
   *
   * @param cut - That is of a message that was truncated: as in {@link truncate}, the last sequence's counts instead, if that is there.
   */
  restoreLastTime({ lastTimeMs, lastTimeSubNs }: LastTime, cut: boolean): void {
    const last = cut ? this.load(this.index.lastSeq, this.#view) : null;
    this.lastTimeMs = last?.timeMs ?? lastTimeMs;
    this.lastTimeSubNs = last?.timeSubNs ?? lastTimeSubNs;
  }

  append(draft: MessageDraft): number {
    this.checkOpen();
    const subjectBytes = draft.subjectEnd - draft.subjectStart;
    const headersBytes = draft.payloadStart - draft.headersStart;
    const otherBytes = subjectBytes + this.#backing.sealBytes;
    const plainLength = recordLength(otherBytes + draft.bodyEnd - draft.headersStart, this.gap, draft.ttlSeconds);
    checkRecordSize(this.name, subjectBytes, headersBytes, plainLength);
    if (draft.ttlSeconds !== 0 || draft.timeMs !== 0) checkTimes(this.name, draft);
    const body = this.#body;
    if (this.applied.compression === "none") body.setPlain(draft);
    else body.setCompressed(draft);
    const dataBytes = otherBytes + body.end - body.start;
    const length = recordLength(dataBytes, this.gap, draft.ttlSeconds);
    const index = this.index;
    const seq = index.lastSeq + 1;
    if (draft.expectedSeq !== 0 && draft.expectedSeq !== seq) throw this.#mismatch(draft.expectedSeq);
    const stored = this.#backing.storedBytes(dataBytes, headersBytes > 0);
    if (draft.checkDiscardNew && this.applied.discard === "new") this.#limiter.checkDiscardNew(draft, stored);
    const size = aligned(length);
    const block = this.#backing.reserve(size, seq);
    this.#takeTime(draft, seq);
    writeRecord(this.#backing, draft, body, block, seq, this.gap, this.lastTimeMs, this.lastTimeSubNs, length);

    const traits = traitsOf(headersBytes > 0, draft.ttlSeconds !== 0, this.gap > 0, size - length);
    const subject = index.subjects.intern(draft.subjectBytes, draft.subjectStart, draft.subjectEnd);
    index.add(seq, subject, traits, size);
    this.#backing.commit(size);
    this.bytes += stored;
    this.gap = 0;
    if (draft.ttlSeconds > 0) this.#expiry.add(seq, this.lastTimeMs, draft.ttlSeconds);
    // As in the reference: a rollup makes no room for its own message.
    const { maxMsgs, maxBytes, maxMsgsPerSubject } = this.applied;
    if (maxMsgs > 0 || maxBytes > 0 || maxMsgsPerSubject > 0) this.#limiter.enforceNew(subject);
    if (draft.rollup !== "none") this.#purger.rollup(draft.rollup, subject, seq);
    if (draft.ttlSeconds > 0 || this.applied.maxAgeMs > 0) this.#expiry.schedule();
    return seq;
  }

  prefetch(): number {
    return this.gap + this.index.prefetch() + this.#backing.prefetch();
  }

  skip(count: number, expectedSeq = 0): void {
    this.checkOpen();
    if (expectedSeq !== 0 && expectedSeq !== this.index.lastSeq + 1) throw this.#mismatch(expectedSeq);
    if (count <= 0) return;
    this.pass(count);
    if (this.lastTimeMs >= 0) return;
    this.#stamp.refresh();
    this.lastTimeMs = this.#stamp.ms;
    this.lastTimeSubNs = this.#stamp.subNs;
  }

  /** Gives sequences that will never have a message, and leaves the time of the last one alone. */
  pass(count: number): void {
    checkSequence(this.name, this.index.lastSeq + count);
    // The next record tells of them as well, but it may go, and its block with it. Below the floor nothing has to be told.
    if (this.index.floor <= this.index.lastSeq) this.#backing.skipped(this.index.lastSeq + 1, count);
    this.index.skipTo(this.index.lastSeq + count);
    this.gap += count;
    this.#backing.boundsMoved();
  }

  /** For stores, before {@link begin}: limits and configuration are {@link outdated}. */
  holdLimits(): void {
    this.outdated = true;
    this.applied = { ...this.limits, maxMsgs: 0, maxBytes: 0, maxAgeMs: 0, maxMsgsPerSubject: 0 };
  }

  update(limits: StreamLimits, config: Uint8Array): Promise<void> {
    return this.describe(limits, config, false);
  }

  /** For stores: {@link update}, also with a description that is {@link outdated}. */
  async describe(limits: StreamLimits, config: Uint8Array, outdated: boolean): Promise<void> {
    this.checkOpen();
    checkLimits(limits);
    this.limits = limits;
    this.applied = limits;
    this.outdated = false;
    if (outdated) this.holdLimits();
    this.config = config;
    await this.#limiter.enforceChanged();
    this.#expiry.schedule();
    await this.onUpdate();
  }

  filter(filters: readonly string[]): SubjectFilter {
    return new SubjectFilter(this.index.subjects, filters);
  }

  load(seq: number, view: MessageView = new MessageView()): MessageView | null {
    checkAsked(this.name, seq);
    this.checkReadable();
    const block = this.index.records.find(seq);
    if (block === null) return null;
    if (this.#backing.view(block, seq - block.firstSeq, view)) return view;
    this.removal.takeLost(block, seq);
    return null;
  }

  next(
    filter: FilterLike,
    from: number,
    view: MessageView = new MessageView(),
    to: number = this.index.lastSeq,
  ): MessageView | null {
    checkAsked(this.name, from);
    checkAsked(this.name, to);
    const { index } = this;
    const prepared = this.#prepared(filter);
    // A damaged message is not there: go on with the one after it.
    for (let seq = index.next(prepared, from, to); seq !== 0; seq = index.next(prepared, seq + 1, to)) {
      const found = this.load(seq, view);
      if (found !== null) return found;
    }
    return null;
  }

  previous(
    filter: FilterLike,
    from: number,
    view: MessageView = new MessageView(),
    to: number = this.index.firstSeq,
  ): MessageView | null {
    checkAsked(this.name, from);
    checkAsked(this.name, to);
    const { index } = this;
    const prepared = this.#prepared(filter);
    for (let seq = index.previous(prepared, from, to); seq !== 0; seq = index.previous(prepared, seq - 1, to)) {
      const found = this.load(seq, view);
      if (found !== null) return found;
    }
    return null;
  }

  last(filter: FilterLike, view: MessageView = new MessageView()): MessageView | null {
    const seq = lastMatch(this.index, this.#prepared(filter));
    if (seq === 0) return null;
    return this.load(seq, view) ?? this.previous(filter, seq, view);
  }

  remove(seq: number): boolean {
    this.checkOpen();
    checkAsked(this.name, seq);
    const block = this.index.records.find(seq);
    if (block === null) return false;
    this.removal.take(seq, block);
    return true;
  }

  erase(seq: number): boolean {
    this.checkOpen();
    checkAsked(this.name, seq);
    const block = this.index.records.find(seq);
    if (block === null) return false;
    const slot = seq - block.firstSeq;
    this.#backing.erase(block, slot);
    this.removal.take(seq, block);
    return true;
  }

  async purge(options: PurgeOptions = {}): Promise<number> {
    checkPurge(this.name, options, this.index.lastSeq);
    return this.#purger.purge(options);
  }

  async compact(seq: number): Promise<number> {
    checkBound(this.name, seq, this.index.lastSeq);
    return this.#purger.purge({ seq: seq === 0 ? this.index.lastSeq + 1 : seq });
  }

  async truncate(seq: number): Promise<void> {
    this.checkOpen();
    checkBound(this.name, seq, this.index.lastSeq);
    if (seq >= this.index.lastSeq) return;
    this.#backing.truncating = true;
    this.truncations++;
    try {
      const lastKept = this.load(seq, this.#view);
      if (lastKept !== null) {
        this.lastTimeMs = lastKept.timeMs;
        this.lastTimeSubNs = lastKept.timeSubNs;
      }
      await this.#purger.truncate(seq);
      this.index.lost.keep(0, seq);
      this.gap = this.index.records.last === null ? 0 : seq - this.index.lastRecord;
      this.ages.truncate(seq);
      this.#expiry.truncated(seq);
      await this.#backing.truncated(seq);
    } finally {
      this.#backing.truncating = false;
    }
  }

  state(): StreamState {
    this.checkReadable();
    const index = this.index;
    const first = index.messages === 0 ? null : this.load(index.firstSeq, this.#view);
    const span = index.lastSeq >= index.firstSeq ? index.lastSeq - index.firstSeq + 1 : 0;
    return {
      messages: index.messages,
      bytes: this.bytes,
      firstSeq: index.firstSeq,
      firstTimeNs: first === null ? null : first.timeNs,
      lastSeq: index.lastSeq,
      lastTimeNs: this.lastTimeMs < 0 ? null : BigInt(this.lastTimeMs) * 1_000_000n + BigInt(this.lastTimeSubNs),
      subjects: index.subjects.size,
      deleted: span - index.messages,
      lost: index.lost.list(),
      consumers: this.#consumers.size,
    };
  }

  deletedRanges(): Generator<readonly [number, number]> {
    return deletedRanges(this.index);
  }

  async filteredState(filter: FilterLike, from = 0): Promise<SubjectState> {
    checkAsked(this.name, from);
    return this.#questions.filteredState(this.#prepared(filter), from);
  }

  async subjectStates(filter: FilterLike, offset = 0, limit: number = SUBJECTS_PER_PAGE_MAX): Promise<SubjectPage> {
    checkPage(this.name, offset, limit);
    return this.#questions.subjectStates(this.#prepared(filter), offset, limit);
  }

  async multiLast(filter: FilterLike, upToSeq = 0, max = 0): Promise<Float64Array> {
    checkAsked(this.name, upToSeq);
    return this.#questions.multiLast(this.#prepared(filter), upToSeq, max);
  }

  async pending(filter: FilterLike, from: number, lastPerSubject = false): Promise<number> {
    checkAsked(this.name, from);
    return this.#questions.pending(this.#prepared(filter), from, lastPerSubject);
  }

  seqAtTime(time: bigint | number): number {
    const timeMs = typeof time === "bigint" ? Number(time / 1_000_000n) : Math.floor(time);
    const subNs = typeof time === "bigint" ? Number(time % 1_000_000n) : Math.round((time - timeMs) * 1e6);
    // Stamps never go back within a stream, so halving works; a sequence without a message stands for the next one.
    let low = this.index.firstSeq;
    let high = this.index.lastSeq + 1;
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      const message = this.next(this.#all, middle, this.#view);
      if (message === null || message.seq >= high) high = middle;
      else if (message.timeMs > timeMs || (message.timeMs === timeMs && message.timeSubNs >= subNs)) high = middle;
      else low = message.seq + 1;
    }
    return this.index.next(this.#all, low) || this.index.lastSeq + 1;
  }

  consumer(name: string): ConsumerLog {
    this.checkOpen();
    checkName("consumer", name);
    return this.#consumers.open(name);
  }

  consumers(): ConsumerLog[] {
    return this.#consumers.all();
  }

  /** For stores: a consumer that was found on disk; null: it was deleted. */
  restoreConsumer(name: string, state: Uint8Array | null): void {
    this.#consumers.restore(name, state);
  }

  /** For stores: the consumers that have a state. */
  consumerStates(): Map<string, Uint8Array> {
    return this.#consumers.states();
  }

  /** Closes the stream, and lets nobody read it any more. */
  stop(): void {
    this.#stopped = true;
    this.close();
  }

  /** Stops timers; nothing can be changed after it. */
  close(): void {
    this.closed = true;
    this.#expiry.stop();
  }

  #prepared(filter: FilterLike): SubjectFilter {
    if (typeof filter !== "string") return filter;
    return filter === "" || filter === ">" ? this.#all : new SubjectFilter(this.index.subjects, [filter]);
  }

  /** @throws StoreError when the stream may not be changed now. */
  checkOpen(): void {
    this.checkStillOpen();
    if (this.#backing.truncating) {
      throw new StoreError("BUSY", `Cannot change the stream ${JSON.stringify(this.name)} while it is being truncated`);
    }
    this.#backing.checkWritable();
  }

  /** @throws StoreError `CLOSED` when its store was stopped. */
  checkReadable(): void {
    if (this.#stopped) this.checkStillOpen();
  }

  /** The same as {@link checkOpen} for whoever truncates the stream. */
  checkStillOpen(): void {
    if (this.closed) throw new StoreError("CLOSED", `Cannot use the stream ${JSON.stringify(this.name)}: it is closed`);
  }

  #takeTime(draft: MessageDraft, seq: number): void {
    if (draft.timeMs !== 0) {
      this.lastTimeMs = draft.timeMs;
      this.lastTimeSubNs = draft.timeSubNs;
      return;
    }
    this.#stamp.refresh();
    const { ms, subNs } = this.#stamp;
    // Never back within a stream, even when the machine's clock is set back: readers search by time.
    if (ms > this.lastTimeMs || (ms === this.lastTimeMs && subNs > this.lastTimeSubNs)) {
      this.lastTimeMs = ms;
      this.lastTimeSubNs = subNs;
    }
    if (this.applied.maxAgeMs > 0 || draft.ttlSeconds !== 0)
      this.ages.note(seq, this.lastTimeMs, this.#clock.monotonicMs());
  }

  /** For long work in slices that takes messages away: lets others run, and what has gone up to now be written. */
  async pause(): Promise<void> {
    await this.#slices.pause();
    await this.#backing.room();
  }

  /** `bytes` has come down to what the messages have. */
  bytesSettled(): void {
    this.#limiter.enforceMore();
  }

  /** For the limits: makes `bytes` right now, however long that takes. */
  settleBytes(): void {
    while (this.index.subjects.retired.size > 0) this.#purger.giveBackSome();
  }

  /** For stores, before a checkpoint: nothing of what rollups took away has a slot. */
  giveBack(): Promise<void> {
    return this.#purger.giveBack();
  }

  /** All messages are out of the index. */
  cleared(): void {
    this.bytes = 0;
    this.gap = 0;
    this.#expiry.clear();
  }

  /** For the limits: bytes of the message in a slot, as the state counts them. */
  storedBytes(block: IndexBlock, slot: number): number {
    return this.#backing.storedBytes(block.dataBytes(slot), block.hasHeaders(slot));
  }

  #mismatch(expectedSeq: number): StoreError {
    const next = this.index.lastSeq + 1;
    return new StoreError(
      "SEQUENCE_MISMATCH",
      `Cannot store as sequence ${expectedSeq} of ${JSON.stringify(this.name)}: the next one is ${next}`,
    );
  }
}
