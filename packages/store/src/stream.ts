// One stream: what happens to its messages. Appends, limits, removal; expiry stands in stream-expiry.ts, questions in stream-queries.ts.
// No I/O here: records go to the backing, everything else is decided on the index.

import type { Clock } from "@myelin/platform";
import { AgeClock } from "./age-clock.ts";
import type { StreamBacking } from "./backing.ts";
import { type ConsumerLog, StreamConsumer } from "./consumer-log.ts";
import { StoreError } from "./errors.ts";
import type { IndexBlock } from "./index/record-index.ts";
import type { StreamIndex } from "./index/stream-index.ts";
import { SubjectFilter } from "./index/subject-filter.ts";
import { checkLimits, checkName } from "./limits.ts";
import type { MessageDraft } from "./message-draft.ts";
import { MessageView } from "./message-view.ts";
import {
  aligned,
  FLAG_GAP,
  FLAG_HEADERS,
  FLAG_ROLLUP_ALL,
  FLAG_ROLLUP_SUBJECT,
  FLAG_TTL,
  HEADERS_BYTES_MAX,
  KIND_MESSAGE,
  putRecordOptions,
  putRecordTime,
  putU16,
  putU32,
  putU64,
  RECORD_BYTES_MAX,
  recordDataOffset,
  recordLength,
  SUBJECT_BYTES_MAX,
  sealRecord,
} from "./record.ts";
import { Stamp } from "./stamp.ts";
import type {
  FilterLike,
  PurgeOptions,
  StreamLimits,
  StreamListener,
  StreamLog,
  StreamState,
  SubjectState,
} from "./store.ts";
import { StreamExpiry } from "./stream-expiry.ts";
import * as queries from "./stream-queries.ts";

/** Copies shorter than this are made byte by byte: quicker than a call. */
const COPY_LOOP_BYTES_MAX = 48;

/** A stream on any backing. Stores make it; callers know it as `StreamLog`. */
export class Stream implements StreamLog {
  readonly name: string;
  limits: StreamLimits;
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
  readonly ages: AgeClock;
  readonly #backing: StreamBacking;
  readonly #stamp: Stamp;
  readonly #clock: Clock;
  readonly #expiry: StreamExpiry;
  readonly #traits = { headers: false, ttl: false, gap: false, padding: 0 };
  readonly #view: MessageView = new MessageView();
  readonly #all: SubjectFilter;
  readonly #consumers: Map<string, StreamConsumer> = new Map();
  #truncating = false;
  /** Called when limits or configuration change: the store keeps them. */
  onUpdate: () => Promise<void> = async () => {};

  constructor(
    name: string,
    limits: StreamLimits,
    config: Uint8Array,
    backing: StreamBacking,
    index: StreamIndex,
    clock: Clock,
  ) {
    this.name = name;
    this.limits = limits;
    this.config = config;
    this.index = index;
    this.#backing = backing;
    this.#clock = clock;
    this.#stamp = new Stamp(clock);
    this.ages = new AgeClock(clock.wallMs(), clock.monotonicMs());
    this.#expiry = new StreamExpiry(this, clock);
    this.#all = new SubjectFilter(index.subjects, []);
  }

  /** After recovery has filled the index: counts bytes, enforces the limits, starts expiry. */
  begin(): void {
    this.bytes = 0;
    for (const block of this.index.records.blocks) {
      for (let slot = block.nextLive(0); slot >= 0; slot = block.nextLive(slot + 1)) {
        this.bytes += this.#storedBytes(block, slot);
        if (block.hasTtl(slot)) this.#expiry.found(block, slot);
      }
    }
    this.#enforceAll();
    this.#expiry.schedule();
  }

  /** For stores: an empty stream whose first message gets that sequence. */
  startAt(firstSeq: number): void {
    this.index.skipTo(firstSeq - 1);
    this.gap = firstSeq - 1;
  }

  append(draft: MessageDraft): number {
    this.#checkOpen();
    const subjectBytes = draft.subjectEnd - draft.subjectStart;
    const headersBytes = draft.payloadStart - draft.headersStart;
    const dataBytes = subjectBytes + draft.bodyEnd - draft.headersStart;
    const length = recordLength(dataBytes, this.gap, draft.ttlSeconds);
    if (subjectBytes > SUBJECT_BYTES_MAX || headersBytes > HEADERS_BYTES_MAX || length > RECORD_BYTES_MAX) {
      throw tooLarge(this.name, subjectBytes, headersBytes, length);
    }
    const index = this.index;
    const seq = index.lastSeq + 1;
    if (draft.expectedSeq !== 0 && draft.expectedSeq !== seq) throw this.#mismatch(draft.expectedSeq);
    const stored = this.#backing.storedBytes(dataBytes, headersBytes > 0);
    if (draft.checkDiscardNew && this.limits.discard === "new") this.#checkDiscardNew(draft, stored);
    const block = this.#backing.reserve(aligned(length), seq);
    this.#takeTime(draft, seq);
    this.#encode(draft, block, seq, length);

    const traits = this.#traits;
    traits.headers = headersBytes > 0;
    traits.ttl = draft.ttlSeconds !== 0;
    traits.gap = this.gap > 0;
    traits.padding = aligned(length) - length;
    const subject = index.subjects.intern(draft.subjectBytes, draft.subjectStart, draft.subjectEnd);
    index.add(seq, subject, traits, length);
    this.#backing.commit(aligned(length));
    this.bytes += stored;
    this.gap = 0;
    if (draft.ttlSeconds > 0) this.#expiry.add(seq, this.lastTimeMs, draft.ttlSeconds);
    if (draft.rollup !== "none") this.#rollup(draft.rollup, subject, seq);
    this.#enforceNew(subject);
    this.#expiry.schedule();
    return seq;
  }

  skip(count: number, expectedSeq = 0): void {
    this.#checkOpen();
    if (expectedSeq !== 0 && expectedSeq !== this.index.lastSeq + 1) throw this.#mismatch(expectedSeq);
    if (count <= 0) return;
    this.index.skipTo(this.index.lastSeq + count);
    this.gap += count;
    if (this.lastTimeMs < 0) {
      this.#stamp.refresh();
      this.lastTimeMs = this.#stamp.ms;
      this.lastTimeSubNs = this.#stamp.subNs;
    }
    this.#backing.boundsMoved();
  }

  async update(limits: StreamLimits, config: Uint8Array): Promise<void> {
    this.#checkOpen();
    checkLimits(limits);
    this.limits = limits;
    this.config = config;
    this.#enforceAll();
    this.#expiry.schedule();
    await this.onUpdate();
  }

  filter(filters: readonly string[]): SubjectFilter {
    return new SubjectFilter(this.index.subjects, filters);
  }

  load(seq: number, view: MessageView = new MessageView()): MessageView | null {
    const block = this.index.records.find(seq);
    if (block === null) return null;
    if (this.#backing.view(block, seq - block.firstSeq, view)) return view;
    this.#take(block, seq, true);
    return null;
  }

  next(filter: FilterLike, from: number, view: MessageView = new MessageView()): MessageView | null {
    const prepared = this.#prepared(filter);
    // A damaged message is not there: go on with the one after it.
    for (let seq = this.index.next(prepared, from); seq !== 0; seq = this.index.next(prepared, seq + 1)) {
      const found = this.load(seq, view);
      if (found !== null) return found;
    }
    return null;
  }

  previous(filter: FilterLike, from: number, view: MessageView = new MessageView()): MessageView | null {
    const prepared = this.#prepared(filter);
    for (let seq = this.index.previous(prepared, from); seq !== 0; seq = this.index.previous(prepared, seq - 1)) {
      const found = this.load(seq, view);
      if (found !== null) return found;
    }
    return null;
  }

  last(filter: FilterLike, view: MessageView = new MessageView()): MessageView | null {
    const seq = queries.lastMatch(this.index, this.#prepared(filter));
    if (seq === 0) return null;
    return this.load(seq, view) ?? this.previous(filter, seq, view);
  }

  multiLast(filters: readonly string[], upToSeq = 0, max = 0): number[] {
    return queries.multiLast(this.index, this.filter(filters), upToSeq, max);
  }

  remove(seq: number): boolean {
    this.#checkOpen();
    const block = this.index.records.find(seq);
    if (block === null) return false;
    this.#take(block, seq, false);
    return true;
  }

  erase(seq: number): boolean {
    this.#checkOpen();
    const block = this.index.records.find(seq);
    if (block === null) return false;
    const slot = seq - block.firstSeq;
    this.#backing.erase(block, slot);
    this.#take(block, seq, false);
    return true;
  }

  purge(options: PurgeOptions = {}): number {
    this.#checkOpen();
    const { filter = "", seq = 0, keep = 0 } = options;
    if (seq === 1) return 0;
    const all = filter === "" || filter === ">";
    if (all && keep === 0) return seq === 0 ? this.#purgeAll() : this.compact(seq);
    const prepared = this.filter([filter]);
    const total = queries.countPending(this.index, prepared, 0, false);
    if (keep >= total) return 0;
    const most = keep > 0 ? total - keep : total;
    const end = seq > 0 ? seq : this.index.lastSeq + 1;
    let purged = 0;
    for (let at = this.index.next(prepared, 0); at !== 0 && at < end && purged < most; purged++) {
      this.#take(this.index.records.find(at)!, at, false);
      at = this.index.next(prepared, at + 1);
    }
    return purged;
  }

  compact(seq: number): number {
    this.#checkOpen();
    if (seq === 0) return this.#purgeAll();
    if (seq > this.index.lastSeq) {
      const purged = this.#purgeAll();
      if (seq - 1 > this.index.lastSeq) this.skip(seq - 1 - this.index.lastSeq);
      return purged;
    }
    let purged = 0;
    for (; this.index.messages > 0 && this.index.firstSeq < seq; purged++) this.#takeFirst();
    return purged;
  }

  async truncate(seq: number): Promise<void> {
    this.#checkOpen();
    if (seq >= this.index.lastSeq) return;
    this.#truncating = true;
    try {
      const lastKept = this.load(seq, this.#view);
      if (lastKept !== null) {
        this.lastTimeMs = lastKept.timeMs;
        this.lastTimeSubNs = lastKept.timeSubNs;
      }
      let messages = 0;
      const before = this.bytes;
      this.index.truncate(seq, (block, slot) => {
        this.bytes -= this.#storedBytes(block, slot);
        messages++;
      });
      const last = this.index.records.last;
      this.gap = last === null ? 0 : seq - last.lastSeq + last.trailingGap();
      this.index.forgetLost(0, seq);
      this.ages.truncate(seq);
      this.#expiry.truncated(seq);
      this.listener?.purged(this.index.firstSeq, messages, before - this.bytes);
      await this.#backing.truncated(seq);
    } finally {
      this.#truncating = false;
    }
  }

  state(): StreamState {
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
      lost: index.lostSequences(),
      consumers: this.#consumers.size,
    };
  }

  deletedRanges(): Generator<readonly [number, number]> {
    return queries.deletedRanges(this.index);
  }

  filteredState(filter: FilterLike, from = 0): SubjectState {
    return queries.filteredState(this.index, this.#prepared(filter), from);
  }

  subjectStates(filter: string): Map<string, SubjectState> {
    return queries.subjectStates(this.index, this.#prepared(filter));
  }

  subjectTotals(filter: string): Map<string, number> {
    return queries.subjectTotals(this.index, this.#prepared(filter));
  }

  pending(filter: FilterLike, from: number, lastPerSubject = false): number {
    return queries.countPending(this.index, this.#prepared(filter), from, lastPerSubject);
  }

  seqAtTime(timeMs: number): number {
    // Stamps never go back within a stream, so halving works; a sequence without a message stands for the next one.
    let low = this.index.firstSeq;
    let high = this.index.lastSeq + 1;
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      const message = this.next(this.#all, middle, this.#view);
      if (message === null || message.seq >= high) high = middle;
      else if (message.timeMs >= timeMs) high = middle;
      else low = message.seq + 1;
    }
    return this.index.next(this.#all, low) || this.index.lastSeq + 1;
  }

  consumer(name: string): ConsumerLog {
    this.#checkOpen();
    checkName("consumer", name);
    const found = this.#consumers.get(name);
    if (found !== undefined) return found;
    const made = new StreamConsumer(name, null, (state) => this.#consumerChanged(name, state));
    this.#consumers.set(name, made);
    return made;
  }

  consumers(): ConsumerLog[] {
    return [...this.#consumers.values()];
  }

  /** For stores: a consumer that was found on disk; null: it was deleted. */
  restoreConsumer(name: string, state: Uint8Array | null): void {
    if (state === null) this.#consumers.delete(name);
    else this.#consumers.set(name, new StreamConsumer(name, state, (changed) => this.#consumerChanged(name, changed)));
  }

  /** For stores: the consumers that have a state. */
  consumerStates(): Map<string, Uint8Array> {
    const states = new Map<string, Uint8Array>();
    for (const consumer of this.#consumers.values())
      if (consumer.state !== null) states.set(consumer.name, consumer.state);
    return states;
  }

  /** Stops timers; nothing works after it. */
  close(): void {
    this.closed = true;
    this.#expiry.stop();
  }

  #consumerChanged(name: string, state: Uint8Array | null): void {
    this.#checkOpen();
    if (state === null) this.#consumers.delete(name);
    this.#backing.consumerChanged(name, state);
  }

  #prepared(filter: FilterLike): SubjectFilter {
    if (typeof filter !== "string") return filter;
    return filter === "" || filter === ">" ? this.#all : new SubjectFilter(this.index.subjects, [filter]);
  }

  #checkOpen(): void {
    if (this.closed) throw new StoreError("CLOSED", `Cannot use the stream ${JSON.stringify(this.name)}: it is closed`);
    if (this.#truncating) {
      throw new StoreError("BUSY", `Cannot change the stream ${JSON.stringify(this.name)} while it is being truncated`);
    }
    this.#backing.checkWritable();
  }

  #checkDiscardNew(draft: MessageDraft, stored: number): void {
    const { limits, index } = this;
    let replaces = false;
    let subject = -1;
    if (limits.maxMsgsPerSubject > 0) {
      subject = index.subjects.find(draft.subjectBytes, draft.subjectStart, draft.subjectEnd);
      replaces = subject >= 0 && index.subjects.messages(subject) >= limits.maxMsgsPerSubject;
    }
    // A rollup takes the earlier messages of the subject away and so stays within the limit.
    if (replaces && limits.discardNewPerSubject && draft.rollup === "none") {
      throw new StoreError("MAX_MSGS_PER_SUBJECT", "maximum messages per subject exceeded");
    }
    if (limits.maxMsgs > 0 && index.messages >= limits.maxMsgs && !replaces) {
      throw new StoreError("MAX_MSGS", "maximum messages exceeded");
    }
    if (limits.maxBytes > 0 && this.bytes + stored > limits.maxBytes) {
      // At the subject's limit its oldest message makes room; enough of it?
      const first = replaces ? index.subjects.first(subject) : 0;
      const block = first === 0 ? null : index.records.find(first);
      if (block === null || this.#storedBytes(block, first - block.firstSeq) < stored) {
        throw new StoreError("MAX_BYTES", "maximum bytes exceeded");
      }
    }
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
    if (this.limits.maxAgeMs > 0 || draft.ttlSeconds !== 0)
      this.ages.note(seq, this.lastTimeMs, this.#clock.monotonicMs());
  }

  #encode(draft: MessageDraft, block: IndexBlock, seq: number, length: number): void {
    const { bytes, at, incarnation, synced } = this.#backing;
    const headersBytes = draft.payloadStart - draft.headersStart;
    const flags =
      (headersBytes > 0 ? FLAG_HEADERS : 0) |
      (draft.ttlSeconds !== 0 ? FLAG_TTL : 0) |
      (this.gap > 0 ? FLAG_GAP : 0) |
      (draft.rollup === "none" ? 0 : draft.rollup === "all" ? FLAG_ROLLUP_ALL : FLAG_ROLLUP_SUBJECT);
    putU32(bytes, at + 8, incarnation);
    putU32(bytes, at + 12, block.number);
    putU32(bytes, at + 16, block.endOffset);
    putU16(bytes, at + 20, draft.subjectEnd - draft.subjectStart);
    bytes[at + 22] = flags;
    bytes[at + 23] = KIND_MESSAGE;
    putU64(bytes, at + 24, seq);
    putRecordTime(bytes, at, this.lastTimeMs, this.lastTimeSubNs);
    putU32(bytes, at + 40, headersBytes);
    putU32(bytes, at + 44, synced);
    putRecordOptions(bytes, at, this.gap, draft.ttlSeconds);
    const data = at + recordDataOffset(flags);
    copyBytes(draft.subjectBytes, draft.subjectStart, draft.subjectEnd, bytes, data);
    copyBytes(draft.bodyBytes, draft.headersStart, draft.bodyEnd, bytes, data + draft.subjectEnd - draft.subjectStart);
    sealRecord(bytes, at, length);
  }

  #rollup(rollup: "subject" | "all", subject: number, seq: number): void {
    if (rollup === "all") {
      while (this.index.firstSeq < seq) this.#takeFirst();
      return;
    }
    for (let first = this.index.subjects.first(subject); first < seq; first = this.index.subjects.first(subject)) {
      this.#take(this.index.records.find(first)!, first, false);
    }
  }

  /** Limits after an append, in the reference's order: subject, messages, bytes. */
  #enforceNew(subject: number): void {
    const { limits, index } = this;
    if (limits.maxMsgsPerSubject > 0) this.#enforceSubject(subject);
    if (limits.discard !== "old") return;
    if (limits.maxMsgs > 0) while (index.messages > limits.maxMsgs) this.#takeFirst();
    if (limits.maxBytes > 0) while (this.bytes > limits.maxBytes && index.messages > 0) this.#takeFirst();
  }

  #enforceSubject(subject: number): void {
    const { subjects, records } = this.index;
    while (subjects.messages(subject) > this.limits.maxMsgsPerSubject) {
      const first = subjects.first(subject);
      this.#take(records.find(first)!, first, false);
    }
  }

  /** All limits, after they have changed or the stream was opened. */
  #enforceAll(): void {
    const { limits, index } = this;
    if (limits.maxMsgsPerSubject > 0) {
      const over: number[] = [];
      this.#all.visit((subject) => {
        if (index.subjects.messages(subject) > limits.maxMsgsPerSubject) over.push(subject);
      });
      for (const subject of over) this.#enforceSubject(subject);
    }
    if (limits.discard !== "old") return;
    while (limits.maxMsgs > 0 && index.messages > limits.maxMsgs) this.#takeFirst();
    while (limits.maxBytes > 0 && this.bytes > limits.maxBytes && index.messages > 0) this.#takeFirst();
  }

  #takeFirst(): void {
    const seq = this.index.firstSeq;
    this.#take(this.index.records.find(seq)!, seq, false);
  }

  /** Takes a message away, for whatever reason. */
  #take(block: IndexBlock, seq: number, lost: boolean): void {
    const stored = this.#storedBytes(block, seq - block.firstSeq);
    const wasFirst = seq === this.index.firstSeq;
    this.index.remove(block, seq);
    this.bytes -= stored;
    // What is lost is not taken away durably: the record may be repaired.
    if (lost) {
      this.index.addLost(seq, seq);
    } else if (wasFirst) {
      this.index.forgetLost(this.index.firstSeq, this.index.lastSeq);
      this.#backing.boundsMoved();
    } else {
      this.#backing.removed(seq);
    }
    if (block.live === 0 && block !== this.index.records.last) {
      this.index.dropBlock(block);
      this.#backing.blockEmptied(block);
    }
    this.listener?.removed(seq, stored);
  }

  #purgeAll(): number {
    const purged = this.index.messages;
    if (purged === 0) return 0;
    const bytes = this.bytes;
    // The newest block's number of sequences is needed for the gap no more: the next record begins a new block.
    this.index.clear();
    this.index.forgetLost(this.index.firstSeq, this.index.lastSeq);
    this.bytes = 0;
    this.gap = 0;
    this.#expiry.clear();
    this.ages.forgetBelow(this.index.firstSeq);
    this.#backing.cleared();
    this.#backing.boundsMoved();
    this.listener?.purged(this.index.firstSeq, purged, bytes);
    return purged;
  }

  #storedBytes(block: IndexBlock, slot: number): number {
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

function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > COPY_LOOP_BYTES_MAX) to.set(from.subarray(start, end), at);
  else for (let i = start, p = at; i < end; i++, p++) to[p] = from[i]!;
}

function tooLarge(stream: string, subjectBytes: number, headersBytes: number, length: number): StoreError {
  const [part, bytes, max] =
    subjectBytes > SUBJECT_BYTES_MAX
      ? ["subject", subjectBytes, SUBJECT_BYTES_MAX]
      : headersBytes > HEADERS_BYTES_MAX
        ? ["headers", headersBytes, HEADERS_BYTES_MAX]
        : ["record", length, RECORD_BYTES_MAX];
  return new StoreError(
    "MSG_TOO_LARGE",
    `Cannot store in ${JSON.stringify(stream)}: ${part} of ${bytes} bytes, at most ${max}`,
  );
}
