// Messages that have come and are not stored yet: those of one read, stream by stream. A stream's index and the end of its newest block
// are in the processor's caches for all but the first of its messages then, and the store can read what it needs of several streams at
// once before the first is appended (`StreamLog.prefetch`). Of each stream the order stays; between streams there was none to keep:
// all of a read is durable together.
//
// They stay where the parser left them, in the arena's read region. The next read of a plain socket overwrites that; before it comes
// the microtask in which the last ones are taken out.

import type { Arena } from "@myelin/platform";
import type { Publication } from "@myelin/protocol";
import type { StreamLog } from "@myelin/store";
import type { AckHead } from "./ack-queue.ts";

/** What the smallest messages of a read are: more are stored before the read is over. */
const MESSAGES_MAX = 1024;
/** Streams that are read ahead together: more would push what was read for the first ones out of the processor's first cache. */
const STREAMS_AHEAD = 16;

/** Where the parts of a message are. Borrowed: there is one for all. */
export class WaitingMessage {
  bytes: Uint8Array;
  subjectStart = 0;
  subjectEnd = 0;
  headersStart = 0;
  payloadStart = 0;
  payloadEnd = 0;
  replyStart = 0;
  replyEnd = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** Of each message that waits: the seven numbers of a {@link WaitingMessage}, and the number of the next one of its stream, or -1. */
const FIELDS = 8;
const NEXT = 7;
const NONE = -1;

/** A stream, and what waits for it. One object: with a thousand streams, each further one costs a look into memory per message. */
export class WaitingStream implements AckHead {
  readonly log: StreamLog;
  readonly headAt: number;
  readonly headLength: number;
  /** Numbers of the first message that waits, and of the last; -1 without any. */
  first: number = NONE;
  last: number = NONE;

  constructor(log: StreamLog, { headAt, headLength }: AckHead) {
    this.log = log;
    this.headAt = headAt;
    this.headLength = headLength;
  }
}

/** The waiting room of one server. */
export class IntakeRoom {
  readonly #arena: Arena;
  readonly #store: (message: WaitingMessage, stream: WaitingStream) => void;
  readonly #fields: Int32Array = new Int32Array(MESSAGES_MAX * FIELDS);
  readonly #message: WaitingMessage;
  readonly #streams: WaitingStream[] = [];
  readonly #regionStart: number;
  readonly #regionEnd: number;
  #waiting = 0;
  #waitingStreams = 0;
  #isPlanned = false;
  readonly #drainLater: () => void;
  /** Messages that have come in the read that is under way. */
  readCount = 0;
  /** Messages that came in the read before. */
  readBefore = 0;
  /** What the reads gave: see `StreamLog.prefetch`. */
  prefetched = 0;

  /** @param store - Stores a message; it is borrowed until that returns. */
  constructor(arena: Arena, store: (message: WaitingMessage, stream: WaitingStream) => void) {
    this.#arena = arena;
    this.#store = store;
    this.#message = new WaitingMessage(arena.bytes);
    this.#regionStart = arena.readStart - arena.headroom;
    this.#regionEnd = arena.readStart + arena.readSize;
    this.#drainLater = () => {
      this.#isPlanned = false;
      this.readBefore = this.readCount;
      this.readCount = 0;
      this.drain();
    };
  }

  /** Takes a message; it is stored before the read that brought it is over, behind those of its stream that came before it. */
  take(message: Publication, stream: WaitingStream): void {
    if (this.#stays(message)) this.#put(message, stream);
    else this.#storeNow(message, stream);
    if (this.#waiting === MESSAGES_MAX) this.drain();
    this.readCount++;
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(this.#drainLater);
  }

  /** A large message was collected somewhere else, and its place is given away as soon as it has been taken. */
  #stays({ bytes, subjectStart }: Publication): boolean {
    return bytes === this.#arena.bytes && subjectStart >= this.#regionStart && subjectStart < this.#regionEnd;
  }

  #storeNow(message: Publication, stream: WaitingStream): void {
    this.drain();
    this.#put(message, stream);
    this.#message.bytes = message.bytes;
    this.drain();
    this.#message.bytes = this.#arena.bytes;
  }

  #put(message: Publication, stream: WaitingStream): void {
    const number = this.#waiting++;
    const fields = this.#fields;
    const at = number * FIELDS;
    fields[at] = message.subjectStart;
    fields[at + 1] = message.subjectEnd;
    fields[at + 2] = message.payloadStart;
    fields[at + 3] = message.payloadStart + Math.max(0, message.headerSize);
    fields[at + 4] = message.payloadStart + message.size;
    fields[at + 5] = message.replyStart;
    fields[at + 6] = message.replyEnd;
    fields[at + NEXT] = NONE;
    if (stream.last === NONE) {
      stream.first = number;
      this.#streams[this.#waitingStreams++] = stream;
    } else {
      fields[stream.last * FIELDS + NEXT] = number;
    }
    stream.last = number;
  }

  /** Stores everything that waits. */
  drain(): void {
    const streams = this.#streams;
    const { bytes } = this.#arena;
    const count = this.#waitingStreams;
    this.#waiting = 0;
    this.#waitingStreams = 0;
    for (let from = 0; from < count; from += STREAMS_AHEAD) {
      const to = Math.min(count, from + STREAMS_AHEAD);
      for (let i = from; i < to; i++) {
        const { log, headAt } = streams[i]!;
        this.prefetched = (this.prefetched + log.prefetch() + bytes[headAt]!) | 0;
      }
      for (let i = from; i < to; i++) this.#storeAll(streams[i]!);
    }
  }

  #storeAll(stream: WaitingStream): void {
    const fields = this.#fields;
    const message = this.#message;
    let number = stream.first;
    stream.first = NONE;
    stream.last = NONE;
    while (number !== NONE) {
      const at = number * FIELDS;
      message.subjectStart = fields[at]!;
      message.subjectEnd = fields[at + 1]!;
      message.headersStart = fields[at + 2]!;
      message.payloadStart = fields[at + 3]!;
      message.payloadEnd = fields[at + 4]!;
      message.replyStart = fields[at + 5]!;
      message.replyEnd = fields[at + 6]!;
      number = fields[at + NEXT]!;
      this.#store(message, stream);
    }
  }
}
