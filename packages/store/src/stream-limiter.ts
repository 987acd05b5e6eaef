// Keeps a stream within its limits of messages and bytes, as a whole and per subject, in the reference's order.

import { StoreError } from "./errors.ts";
import type { MessageDraft } from "./message-draft.ts";
import type { Stream } from "./stream.ts";

/** The limits of one stream at work. */
export class StreamLimiter {
  #stream: Stream;

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
    const { limits } = this.#stream;
    if (limits.maxMsgsPerSubject > 0) this.#enforceSubject(subject);
    this.#enforceTotals();
  }

  /** After the limits have changed or the stream was opened. */
  enforceAll(): void {
    const { limits, index } = this.#stream;
    if (limits.maxMsgsPerSubject > 0) {
      const over: number[] = [];
      index.subjects.match({ tokens: [], tail: true }, (subject) => {
        if (index.subjects.messages(subject) > limits.maxMsgsPerSubject) over.push(subject);
      });
      for (const subject of over) this.#enforceSubject(subject);
    }
    this.#enforceTotals();
  }

  #enforceSubject(subject: number): void {
    const { subjects } = this.#stream.index;
    const { maxMsgsPerSubject } = this.#stream.limits;
    while (subjects.messages(subject) > maxMsgsPerSubject) this.#stream.take(subjects.first(subject));
  }

  #enforceTotals(): void {
    const stream = this.#stream;
    const { limits, index } = stream;
    if (limits.discard !== "old") return;
    if (limits.maxMsgs > 0) while (index.messages > limits.maxMsgs) stream.take(index.firstSeq);
    if (limits.maxBytes > 0) while (stream.bytes > limits.maxBytes && index.messages > 0) stream.take(index.firstSeq);
  }
}
