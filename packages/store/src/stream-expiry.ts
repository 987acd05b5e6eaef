// Messages that go because of their age: by the stream's maximum, or by a time to live of their own.
// One timer per stream, set for the earliest; a long run goes in slices, so that the event loop stays free.

import type { Clock, Timer } from "@myelin/platform";
import { isMarker, markerHeaders } from "./delete-marker.ts";
import { StoreError } from "./errors.ts";
import { MessageDraft } from "./message-draft.ts";
import { MessageView } from "./message-view.ts";
import type { Slices } from "./slices.ts";
import type { Stream } from "./stream.ts";
import type { TtlHeap } from "./ttl-heap.ts";
import { TtlQueue } from "./ttl-queue.ts";

/** Messages that expire between two looks at the clock: each is read, and a marker may take its place. */
const MESSAGES_PER_LOOK = 4;
/** Entries of the queue that are swept between two looks at the clock. */
const ENTRIES_PER_LOOK = 256;
/** Messages that are read in one go in search of one that can expire. */
const READS_PER_SEARCH = 8;
/** The search goes on at once. */
const STILL_SEARCHING = Number.NEGATIVE_INFINITY;

/** When the store takes no changes, expiry tries again after this time. */
const RETRY_MS = 1000;

/** Expiry of one stream. */
export class StreamExpiry {
  #stream: Stream;
  #clock: Clock;
  #slices: Slices;
  #timer: Timer | null = null;
  #timerDueMs = Number.POSITIVE_INFINITY;
  readonly #ttls: TtlQueue;
  /** No message before it can expire by the maximum age: those live there never do. */
  #ageFrom = 0;
  /** When the message at `#ageFrom` was stored, in monotonic time; NaN: not known. */
  #ageFromStoredMs: number = Number.NaN;
  #ageFromSeq = 0;
  #view: MessageView = new MessageView();
  #running = false;
  #sweeping = false;
  #stopped = false;

  constructor(stream: Stream, clock: Clock, slices: Slices) {
    this.#stream = stream;
    this.#clock = clock;
    this.#slices = slices;
    this.#ttls = new TtlQueue(stream.index.records);
  }

  /** A message with a positive time to live was stored. */
  add(seq: number, stampMs: number, ttlSeconds: number): void {
    this.#ttls.add(this.#stream.ages.storedAt(seq, stampMs) + ttlSeconds * 1000, seq);
    if (this.#ttls.sweeping) void this.#sweep();
  }

  /** So many messages went. */
  removed(count: number): void {
    if (this.#ttls.size === 0) return;
    this.#ttls.changed(count);
    if (this.#ttls.sweeping) void this.#sweep();
  }

  /** Messages that were found on opening, by the wall time at which they expire. The heap is taken over. */
  restore(ttls: TtlHeap): void {
    ttls.shift(this.#stream.ages.storedAt(0, 0));
    this.#ttls.restore(ttls);
    if (this.#ttls.sweeping) void this.#sweep();
  }

  /** All messages are gone. */
  clear(): void {
    this.#ttls.clear();
    this.#ageFrom = 0;
  }

  /** Sequences after `seq` will be given again. */
  truncated(seq: number): void {
    if (this.#ageFrom > seq) this.#ageFrom = 0;
    if (this.#ageFromSeq > seq) this.#ageFromStoredMs = Number.NaN;
    this.removed(this.#ttls.size);
    this.schedule();
  }

  /** Sets the timer for whatever expires first. Cheap when nothing has changed. */
  schedule(): void {
    if (this.#running || this.#stopped || this.#timerDueMs === STILL_SEARCHING) return;
    const dueMs = Math.min(this.#ttls.nextDueMs, this.#nextAgeDueMs());
    if (dueMs === this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerDueMs = dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.setTimer(Math.max(0, dueMs - this.#clock.monotonicMs()), () => this.#run());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Sweeps what there is to be swept, in slices. Never rejects. */
  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    while (this.#ttls.sweeping && !this.#stopped) {
      if (this.#slices.due) await this.#slices.pause();
      this.#ttls.sweep(ENTRIES_PER_LOOK);
    }
    this.#sweeping = false;
  }

  #run(): void {
    this.#timer = null;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    if (!this.#stopped) void this.#expireAll();
  }

  async #expireAll(): Promise<void> {
    this.#running = true;
    try {
      do {
        // Also at the beginning: a thousand streams may have messages that expire in the same turn.
        if (this.#slices.due && !this.#slices.allowsSmallStep()) await this.#stream.pause();
        if (this.#stopped) return;
      } while (this.#expireSome(this.#clock.monotonicMs()));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // The store takes no changes now (disk full, being truncated, failed): the messages wait.
      this.#timerDueMs = this.#clock.monotonicMs() + RETRY_MS;
      this.#timer = this.#clock.setTimer(RETRY_MS, () => this.#run());
      return;
    } finally {
      this.#running = false;
    }
    this.schedule();
  }

  /** Returns whether there may be more. */
  #expireSome(nowMs: number): boolean {
    let budget = MESSAGES_PER_LOOK;
    for (; budget > 0 && this.#nextAgeDueMs() <= nowMs; budget--) {
      if (Number.isNaN(this.#ageFromStoredMs)) continue; // still searching
      const seq = this.#ageFromSeq;
      this.#expire(seq, true);
      this.#ageFrom = seq + 1;
    }
    for (; budget > 0 && this.#ttls.nextDueMs <= nowMs; budget--) {
      const seq = this.#ttls.nextSeq;
      const message = this.#stream.load(seq, this.#view);
      let dueMs = 0;
      if (message !== null && message.ttlSeconds > 0) {
        dueMs = this.#stream.ages.storedAt(seq, message.timeMs) + message.ttlSeconds * 1000;
        if (dueMs <= nowMs) this.#expire(seq, false);
      }
      // A sweep may have come upon it just now.
      if (this.#ttls.nextSeq === seq) this.#ttls.take();
      // The sequence was given again, or its time was known less exactly: it has a time of its own.
      if (dueMs > nowMs) this.#ttls.add(dueMs, seq);
    }
    return budget === 0;
  }

  /** When the oldest message that can expire by age does; Infinity when none can, {@link STILL_SEARCHING} when that is not known yet. */
  #nextAgeDueMs(): number {
    const { applied: limits, index } = this.#stream;
    if (limits.maxAgeMs <= 0 || index.messages === 0) return Number.POSITIVE_INFINITY;
    let reads = 0;
    for (let seq = index.records.nextLive(Math.max(this.#ageFrom, index.firstSeq)); seq !== 0; ) {
      if (reads++ === READS_PER_SEARCH) return STILL_SEARCHING;
      if (seq === this.#ageFromSeq && !Number.isNaN(this.#ageFromStoredMs)) break;
      this.#ageFromSeq = seq;
      const message = this.#stream.load(seq, this.#view);
      if (message !== null && message.ttlSeconds >= 0) {
        this.#ageFromStoredMs = this.#stream.ages.storedAt(seq, message.timeMs);
        break;
      }
      this.#ageFromStoredMs = Number.NaN;
      this.#ageFrom = seq + 1; // never expires, or damaged
      seq = index.records.nextLive(seq + 1);
    }
    if (index.records.find(this.#ageFromSeq) === null || this.#ageFromSeq < this.#ageFrom)
      return Number.POSITIVE_INFINITY;
    return this.#ageFromStoredMs + limits.maxAgeMs;
  }

  #expire(seq: number, byAge: boolean): void {
    const stream = this.#stream;
    const ttlMs = stream.applied.subjectDeleteMarkerTtlMs;
    if (ttlMs > 0) {
      const message = stream.load(seq, this.#view);
      if (message === null) return;
      const subject = stream.index.subjects.find(message.bytes, message.subjectStart, message.headersStart);
      if (stream.index.subjects.messages(subject) === 1 && !isMarker(message.headers)) {
        const ttlSeconds = Math.max(1, Math.floor(ttlMs / 1000));
        const draft = new MessageDraft().set(message.subject, "", markerHeaders(ttlSeconds));
        draft.ttlSeconds = ttlSeconds;
        draft.rollup = "subject"; // takes the expired message away
        draft.checkDiscardNew = false;
        stream.append(draft);
        return;
      }
    }
    stream.checkOpen();
    if (byAge) stream.removal.takeOldest(seq);
    else stream.removal.take(seq);
  }
}
