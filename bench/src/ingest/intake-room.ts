// Messages that have come and are not stored yet: a few at a time, so that the store can read what it needs for all of them before the
// first is appended (`StreamLog.prefetch`). They stay where the parser left them, in the arena's read region. The next read of a
// plain socket overwrites that; before it comes the microtask in which the last ones are taken out.

import type { Arena } from "@myelin/platform";
import type { Publication } from "@myelin/protocol";
import type { StreamLog } from "@myelin/store";
import type { AckHead } from "./ack-queue.ts";

/** More would push what was read for the first ones out of the processor's first cache. */
const MESSAGES_MAX = 16;

/** One message that waits: where it is, and for which stream. Used again and again. */
export class WaitingMessage {
  log: StreamLog;
  head: AckHead;
  bytes: Uint8Array;
  subjectStart = 0;
  subjectEnd = 0;
  headersStart = 0;
  payloadStart = 0;
  payloadEnd = 0;
  replyStart = 0;
  replyEnd = 0;

  constructor(log: StreamLog, head: AckHead, bytes: Uint8Array) {
    this.log = log;
    this.head = head;
    this.bytes = bytes;
  }
}

/** The waiting room of one server. */
export class IntakeRoom {
  readonly #arena: Arena;
  readonly #store: (message: WaitingMessage) => void;
  readonly #messages: WaitingMessage[] = [];
  readonly #regionStart: number;
  readonly #regionEnd: number;
  #waiting = 0;
  #isPlanned = false;
  readonly #drainLater: () => void;
  /** What the reads gave: see `StreamLog.prefetch`. */
  prefetched = 0;

  /** @param store - Stores a message; it is borrowed until that returns. */
  constructor(arena: Arena, store: (message: WaitingMessage) => void) {
    this.#arena = arena;
    this.#store = store;
    this.#regionStart = arena.readStart - arena.headroom;
    this.#regionEnd = arena.readStart + arena.readSize;
    this.#drainLater = () => {
      this.#isPlanned = false;
      this.#drain();
    };
  }

  /** Takes a message in the order in which it came; it is stored before the read that brought it is over. */
  take(message: Publication, log: StreamLog, head: AckHead): void {
    if (this.#waiting === this.#messages.length) this.#messages.push(new WaitingMessage(log, head, message.bytes));
    const waiting = this.#messages[this.#waiting++]!;
    waiting.log = log;
    waiting.head = head;
    waiting.bytes = message.bytes;
    waiting.subjectStart = message.subjectStart;
    waiting.subjectEnd = message.subjectEnd;
    waiting.headersStart = message.payloadStart;
    waiting.payloadStart = message.payloadStart + Math.max(0, message.headerSize);
    waiting.payloadEnd = message.payloadStart + message.size;
    waiting.replyStart = message.replyStart;
    waiting.replyEnd = message.replyEnd;
    if (this.#waiting === MESSAGES_MAX || !this.#stays(message)) {
      this.#drain();
    } else if (!this.#isPlanned) {
      this.#isPlanned = true;
      queueMicrotask(this.#drainLater);
    }
  }

  /** A large message was collected somewhere else, and its place is given away as soon as it has been taken. */
  #stays({ bytes, subjectStart }: Publication): boolean {
    return bytes === this.#arena.bytes && subjectStart >= this.#regionStart && subjectStart < this.#regionEnd;
  }

  #drain(): void {
    const messages = this.#messages;
    const count = this.#waiting;
    this.#waiting = 0;
    // A stream that has several in a row is in the caches from the first on.
    let before: StreamLog | null = null;
    for (let i = 0; i < count; i++) {
      const { log } = messages[i]!;
      if (log !== before) this.prefetched = (this.prefetched + log.prefetch()) | 0;
      before = log;
    }
    for (let i = 0; i < count; i++) this.#store(messages[i]!);
  }
}
