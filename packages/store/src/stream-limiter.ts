// Keeps a stream within its limits of messages and bytes, as a whole and per subject, in the reference's order.

import { StoreError } from "./errors.ts";
import type { MessageDraft } from "./message-draft.ts";
import type { Slices } from "./slices.ts";
import type { Stream } from "./stream.ts";

/** Messages that are taken away between two looks at the clock. */
const REMOVALS_PER_LOOK = 32;
/** Subjects that are looked at in one step. */
const SUBJECTS_PER_STEP = 256;

/** The limits of one stream at work. */
export class StreamLimiter {
  #stream: Stream;
  /** Everything is being brought within the limits, in slices. */
  #enforcing = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /**
   * For streams that refuse what would pass a limit.
   *
   * @param stored - Bytes of the message as the state counts them.
   * @throws StoreError `MAX_MSGS`, `MAX_BYTES`, `MAX_MSGS_PER_SUBJECT`.
   */
  checkDiscardNew(draft: MessageDraft, stored: number): void {
    const { limits, index, bytes } = this.#stream;
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
    if (limits.maxBytes > 0 && bytes + stored > limits.maxBytes) {
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
    if (this.#enforcing > 0) return; // what is under way gets there
    const { limits } = this.#stream;
    if (limits.maxMsgsPerSubject > 0) while (this.#isOver(subject)) this.#takeFirstOf(subject);
    if (limits.discard === "old") while (this.#isTotalOver()) this.#takeFirst();
  }

  /** After the limits have changed or the stream was opened. */
  async enforceAll(slices: Slices): Promise<void> {
    this.#enforcing++;
    try {
      let count = 0;
      for (const _ of this.#enforcingAll()) {
        if (++count % REMOVALS_PER_LOOK !== 0 || !slices.due) continue;
        await slices.pause();
        if (this.#stream.closed) return;
      }
    } finally {
      this.#enforcing--;
    }
  }

  /** Takes away at most one message per step. */
  *#enforcingAll(): Generator<void> {
    const { subjects } = this.#stream.index;
    if (this.#stream.limits.maxMsgsPerSubject > 0) {
      // An id that is free has no messages.
      for (let subject = 0; subject < subjects.idEnd; subject++) {
        if (subject % SUBJECTS_PER_STEP === 0) yield;
        // Limits may change in a pause.
        while (this.#stream.limits.maxMsgsPerSubject > 0 && this.#isOver(subject)) {
          this.#takeFirstOf(subject);
          yield;
        }
      }
    }
    while (this.#stream.limits.discard === "old" && this.#isTotalOver()) {
      this.#takeFirst();
      yield;
    }
  }

  #isOver(subject: number): boolean {
    const { index, limits } = this.#stream;
    return index.subjects.messages(subject) > limits.maxMsgsPerSubject;
  }

  #isTotalOver(): boolean {
    const { index, limits, bytes } = this.#stream;
    if (index.messages === 0) return false;
    return (limits.maxMsgs > 0 && index.messages > limits.maxMsgs) || (limits.maxBytes > 0 && bytes > limits.maxBytes);
  }

  #takeFirstOf(subject: number): void {
    this.#stream.take(this.#stream.index.subjects.first(subject));
  }

  #takeFirst(): void {
    this.#stream.take(this.#stream.index.firstSeq);
  }
}
