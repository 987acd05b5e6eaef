// Acknowledgements that wait for the disk, as the bytes that will be sent: no object per message.
//
// Each is written once, when the message has been stored, into slabs of the arena, in the form that delivery copies from:
//
//   | u16 length of the reply | u16 length of the rest | reply | ` 29\r\n{"stream":"S0001","seq":7}\r\n` |

import { type Arena, SLAB_CLASS_MAX } from "@myelin/platform";
import { Publication } from "@myelin/protocol";

const SLAB_BYTES = 1 << SLAB_CLASS_MAX;
const FRAME_HEADER_BYTES = 4;
const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;
const CLOSING_BRACE = 0x7d;
const ZERO = 0x30;
/** Size, line ends, digits of a sequence, closing brace, rounded up. */
const FIXED_BYTES_MAX = 40;

/** Acknowledgements up to here go out when that ticket is durable. */
interface Mark {
  readonly ticket: number;
  upTo: number;
}

/** The beginning of a stream's acknowledgements, in the arena: `{"stream":"S0001","seq":`. */
export interface AckHead {
  readonly headAt: number;
  readonly headLength: number;
}

/** A message with a reply subject. */
export interface RepliedMessage {
  readonly bytes: Uint8Array;
  readonly replyStart: number;
  readonly replyEnd: number;
}

/** Sends one acknowledgement: a publication without headers or reply. Borrowed. */
export type AckSender = (ack: Publication) => void;

export class AckQueue {
  readonly #arena: Arena;
  readonly #send: AckSender;
  readonly #ack: Publication;
  /** Slabs with frames, oldest first; the last one is being filled, the ends of the others are in `#ends`. */
  #slabs: number[] = [];
  #ends: number[] = [];
  /** Where the next frame goes, and where in the oldest slab the next one to be sent stands. */
  #fillAt = 0;
  #sendAt = 0;
  #marks: Mark[] = [];
  #queued = 0;
  #sent = 0;
  /** Where heads are kept, and how much of that slab is used. */
  #headSlab = 0;
  #headEnd = SLAB_BYTES;

  constructor(arena: Arena, send: AckSender) {
    this.#arena = arena;
    this.#send = send;
    this.#ack = new Publication(arena.bytes);
  }

  /** Keeps the beginning of a stream's acknowledgements, for as long as the process lives. */
  makeHead(streamName: string): AckHead {
    const text = Buffer.from(`{"stream":${JSON.stringify(streamName)},"seq":`);
    if (this.#headEnd + text.length > SLAB_BYTES) {
      this.#headSlab = this.#takeSlab();
      this.#headEnd = 0;
    }
    const at = this.#headSlab + this.#headEnd;
    this.#arena.bytes.set(text, at);
    this.#headEnd += text.length;
    return { headAt: at, headLength: text.length };
  }

  /**
   * Queues the answer to `message`, which has been stored as `seq`.
   *
   * @param message - In the arena, as nearly all are: a benchmark's messages are small.
   */
  add(message: RepliedMessage, { headAt, headLength }: AckHead, seq: number, ticket: number): void {
    const { bytes, view } = this.#arena;
    const { replyStart, replyEnd } = message;
    const replyLength = replyEnd - replyStart;
    const needed = FRAME_HEADER_BYTES + replyLength + headLength + FIXED_BYTES_MAX;
    if (this.#slabs.length === 0 || this.#fillAt + needed > this.#slabs.at(-1)! + SLAB_BYTES) this.#nextSlab();
    const start = this.#fillAt;
    let at = start + FRAME_HEADER_BYTES;
    if (message.bytes === bytes) this.#arena.copy(at, replyStart, replyLength);
    else bytes.set(message.bytes.subarray(replyStart, replyEnd), at);
    at += replyLength;
    bytes[at++] = SPACE;
    const digits = digitsOf(seq);
    at = putDecimal(bytes, at, headLength + digits + 1, digitsOf(headLength + digits + 1));
    bytes[at++] = CR;
    bytes[at++] = LF;
    this.#arena.copy(at, headAt, headLength);
    at = putDecimal(bytes, at + headLength, seq, digits);
    bytes[at++] = CLOSING_BRACE;
    bytes[at++] = CR;
    bytes[at++] = LF;
    view.setUint16(start, replyLength, true);
    view.setUint16(start + 2, at - start - FRAME_HEADER_BYTES - replyLength, true);
    this.#fillAt = at;
    this.#queued++;
    const last = this.#marks.at(-1);
    if (last !== undefined && last.ticket === ticket) last.upTo = this.#queued;
    else this.#marks.push({ ticket, upTo: this.#queued });
  }

  /** Sends every acknowledgement whose ticket is not above `ticket`. */
  release(ticket: number): void {
    let marks = 0;
    let upTo = this.#sent;
    for (const mark of this.#marks) {
      if (mark.ticket > ticket) break;
      upTo = mark.upTo;
      marks++;
    }
    if (marks === 0) return;
    this.#marks.splice(0, marks);
    while (this.#sent < upTo) this.#sendNext();
  }

  #sendNext(): void {
    if (this.#ends.length > 0 && this.#sendAt === this.#ends[0]) {
      this.#arena.give(this.#slabs.shift()!, SLAB_CLASS_MAX);
      this.#ends.shift();
      this.#sendAt = this.#slabs[0]!;
    }
    const { view } = this.#arena;
    const start = this.#sendAt + FRAME_HEADER_BYTES;
    const replyEnd = start + view.getUint16(this.#sendAt, true);
    const end = replyEnd + view.getUint16(this.#sendAt + 2, true);
    const ack = this.#ack;
    ack.subjectStart = start;
    ack.subjectEnd = replyEnd;
    ack.tailStart = replyEnd + 1;
    ack.end = end;
    // The length is not needed by anybody: the tail is copied as it is. It counts as traffic.
    ack.payloadStart = ack.tailStart;
    ack.size = end - ack.tailStart;
    this.#sendAt = end;
    this.#sent++;
    this.#send(ack);
  }

  #nextSlab(): void {
    if (this.#slabs.length > 0) this.#ends.push(this.#fillAt);
    this.#slabs.push(this.#takeSlab());
    this.#fillAt = this.#slabs.at(-1)!;
    if (this.#slabs.length === 1) this.#sendAt = this.#fillAt;
  }

  #takeSlab(): number {
    const slab = this.#arena.take(SLAB_CLASS_MAX);
    if (slab === 0) throw new Error("The arena has no slab left for acknowledgements: too many are outstanding");
    return slab;
  }
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return digits;
}

/** Writes `value` in so many digits. @returns Where it ends. */
function putDecimal(bytes: Uint8Array, at: number, value: number, digits: number): number {
  let rest = value;
  for (let p = at + digits - 1; p >= at; p--) {
    const tens = Math.floor(rest / 10);
    bytes[p] = ZERO + rest - tens * 10;
    rest = tens;
  }
  return at + digits;
}
