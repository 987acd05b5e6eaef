// Keeps a stream within its limits of messages and bytes, as a whole and per subject, in the reference's order.

import { StoreError } from "./errors.ts";
import type { MessageDraft } from "./message-draft.ts";
import type { Slices } from "./slices.ts";
import type { Stream } from "./stream.ts";

/** Messages that are taken away between two looks at the clock. */
const REMOVALS_PER_LOOK = 32;
/** An append takes so many messages away itself; a large message that takes the place of more small ones has the rest go in slices. */
const REMOVALS_PER_APPEND = 512;
/** Subjects that are looked at in one step. */
const SUBJECTS_PER_STEP = 256;

/** The limits of one stream at work. */
export class StreamLimiter {
  #stream: Stream;
  #slices: Slices;
  /** The stream as a whole is being brought within its limits, in slices. */
  #enforcing = 0;

  constructor(stream: Stream, slices: Slices) {
    this.#stream = stream;
    this.#slices = slices;
  }

  /**
   * For streams that refuse what would pass a limit.
   *
   * @param stored - Bytes of the message as the state counts them.
   * @throws StoreError `MAX_MSGS`, `MAX_BYTES`, `MAX_MSGS_PER_SUBJECT`.
   */
  checkDiscardNew(draft: MessageDraft, stored: number): void {
    const { applied: limits, index } = this.#stream;
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
    // Nothing is refused for bytes that a rollup has taken away already.
    if (limits.maxBytes > 0 && this.#stream.bytes + stored > limits.maxBytes) this.#stream.settleBytes();
    if (limits.maxBytes > 0 && this.#stream.bytes + stored > limits.maxBytes) {
      // At the subject's limit its oldest message makes room; enough of it?
      const first = replaces ? index.subjects.first(subject) : 0;
      const block = first === 0 ? null : index.records.find(first);
      if (block === null || this.#stream.storedBytes(block, first - block.firstSeq) < stored) {
        throw new StoreError("MAX_BYTES", "maximum bytes exceeded");
      }
    }
  }

  /** After an append of a message with that subject. */
  enforceNew(subject: number): void {
    const { applied: limits } = this.#stream;
    let left = REMOVALS_PER_APPEND;
    if (limits.maxMsgsPerSubject > 0) for (; left > 0 && this.#isOver(subject); left--) this.#takeFirstOf(subject);
    if (this.#enforcing > 0) return; // what is under way gets there
    if (limits.discard === "old") for (; left > 0 && this.#isTotalOver(); left--) this.#takeFirst();
    if (left === 0) this.enforceMore();
  }

  /** Goes on in slices where the stream as a whole is beyond a limit. Never rejects. */
  enforceMore(): void {
    if (this.#enforcing === 0 && this.#stream.applied.discard === "old" && this.#isTotalOver())
      void this.#enforce(this.#enforcingTotal());
  }

  /** After the stream was opened. By subject first, as appends do: what they stored may be durable, and what they took away not. */
  enforceAll(): Promise<void> {
    return this.#enforce(this.#enforcingAll());
  }

  /** After the limits have changed: first for the stream as a whole, then by subject, as the reference's `UpdateConfig`. */
  enforceChanged(): Promise<void> {
    return this.#enforce(this.#enforcingChanged());
  }

  async #enforce(steps: Generator<void>): Promise<void> {
    this.#enforcing++;
    try {
      let count = 0;
      for (const _ of steps) {
        if (++count % REMOVALS_PER_LOOK !== 0 || !this.#slices.due) continue;
        await this.#stream.pause();
        if (this.#stream.closed) return;
      }
    } finally {
      this.#enforcing--;
    }
  }

  *#enforcingChanged(): Generator<void> {
    yield* this.#enforcingTotal();
    yield* this.#enforcingAll();
  }

  /** Takes away at most one message per step. */
  *#enforcingAll(): Generator<void> {
    const { subjects } = this.#stream.index;
    if (this.#stream.applied.maxMsgsPerSubject > 0) {
      for (let subject = 0; subject < subjects.idEnd; subject++) {
        if (subject % SUBJECTS_PER_STEP === 0) yield;
        // An id that is free has no messages, those of one that was retired are gone. Limits may change in a pause.
        while (this.#stream.applied.maxMsgsPerSubject > 0 && !subjects.retired.has(subject) && this.#isOver(subject)) {
          this.#takeFirstOf(subject);
          yield;
        }
      }
    }
    yield* this.#enforcingTotal();
  }

  *#enforcingTotal(): Generator<void> {
    while (this.#stream.applied.discard === "old" && this.#isTotalOver()) {
      this.#takeFirst();
      yield;
    }
  }

  #isOver(subject: number): boolean {
    const { index, applied: limits } = this.#stream;
    return index.subjects.messages(subject) > limits.maxMsgsPerSubject;
  }

  #isTotalOver(): boolean {
    const { index, applied: limits, bytes } = this.#stream;
    if (index.messages === 0) return false;
    if (limits.maxMsgs > 0 && index.messages > limits.maxMsgs) return true;
    // What rollups took away is not counted out yet: later.
    return limits.maxBytes > 0 && bytes > limits.maxBytes && index.subjects.retired.size === 0;
  }

  #takeFirstOf(subject: number): void {
    this.#stream.removal.take(this.#stream.index.subjects.first(subject));
  }

  #takeFirst(): void {
    this.#stream.removal.takeOldest(this.#stream.index.firstSeq);
  }
}
