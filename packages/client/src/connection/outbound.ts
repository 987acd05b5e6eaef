// What goes out: operations are encoded straight into one buffer, which is written once per turn of the event loop.
//
//   publish() ──► #buffer (filled to #at) ──► #queue of full chunks ──► #inFlight ──► the duplex
//
// While there is no connection the chunks are held: they are the reconnect buffer. A chunk remembers where its operations
// are that only the old connection understands (SUB, UNSUB, PING), so that the messages round them can be sent on the next
// one. What the duplex has taken is never sent again: no duplicates, and no half messages.
// Invariant: #buffer.length - #at and the chunks in #queue belong to us; #inFlight belongs to the duplex.

import type { Duplex } from "@myelin/platform";
import { publishSubjectProblem } from "@myelin/protocol/client";
import { InvalidSubjectError, MaxPayloadError, PublishRefusedError } from "../errors.ts";
import type { Runtime, TextBytes } from "../runtime.ts";

/** What happens to a message that is published while there is no connection. */
export type OfflinePolicy = "buffer" | "error" | "drop";

/** The bounds of the outgoing side. */
export interface OutboundLimits {
  readonly offlinePolicy: OfflinePolicy;
  /** Bytes that are kept while there is no connection. */
  readonly offlineBytesMax: number;
  /** Bytes that may wait while the connection takes no more; beyond them publishing throws. */
  readonly outboundBytesMax: number;
  readonly validateSubjects: boolean;
  /** Sees what is written, when protocol operations are logged. */
  readonly trace: ((direction: "<" | ">", bytes: Uint8Array) => void) | null;
}

/** Bytes of a buffer; what is larger gets one of its own. 64 KiB per write is where larger writes gain nothing. */
const BUFFER_BYTES = 64 * 1024;
/** Above this many waiting bytes `ready()` waits. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** Digits, blanks and line ends round subject, reply and payload. */
const LINE_BYTES_MAX = 40;

interface Chunk {
  readonly bytes: Uint8Array;
  readonly length: number;
  /** Starts and ends of operations that are no messages. */
  readonly control: readonly number[];
  readonly msgs: number;
}

/** What was on its way when the connection was lost. */
export interface LostBytes {
  /** Messages that the duplex had begun to take: gone, or half gone. */
  readonly inFlightMsgs: number;
  /** Messages that did not fit into the reconnect buffer, or that the policy does not keep. */
  readonly droppedMsgs: number;
}

/** The outgoing side of one connection, over all its reconnects. */
export class Outbound {
  readonly #text: TextBytes;
  readonly #endOfTurn: (run: () => void) => void;
  readonly #limits: OutboundLimits;
  readonly #validate: boolean;
  #buffer: Uint8Array;
  #at = 0;
  #bufferMsgs = 0;
  #control: number[] = [];
  #queue: Chunk[] = [];
  #queueBytes = 0;
  #inFlight: Chunk | null = null;
  #spare: Uint8Array | null = null;
  #duplex: Duplex | null = null;
  #scheduled = false;
  #waiters: Array<() => void> = [];
  #emptyWaiters: Array<() => void> = [];
  /** Largest headers and payload together; what INFO said last, or no limit before the first connect. */
  payloadBytesMax = 0x7fffffff;
  outMsgs = 0;
  outBytes = 0;
  readonly #onTurnEnd: () => void;

  constructor(runtime: Pick<Runtime, "text" | "endOfTurn">, limits: OutboundLimits) {
    this.#text = runtime.text;
    this.#endOfTurn = runtime.endOfTurn;
    this.#limits = limits;
    this.#validate = limits.validateSubjects;
    this.#buffer = runtime.text.allocate(BUFFER_BYTES);
    this.#onTurnEnd = () => {
      this.#scheduled = false;
      this.flush();
    };
  }

  /** Bytes that the transport has not taken, those in its hands included. */
  get bufferedBytes(): number {
    return this.#at + this.#queueBytes + (this.#inFlight?.length ?? 0);
  }

  /** Whether a caller who cares should wait before publishing more. */
  get backedUp(): boolean {
    return this.#at + this.#queueBytes > HIGH_WATER_BYTES;
  }

  /** Resolves `done` when {@link backedUp} is no longer true. */
  whenReady(done: () => void): void {
    if (this.backedUp) this.#waiters.push(done);
    else done();
  }

  /** Calls `done` when the transport has taken everything. */
  whenEmpty(done: () => void): void {
    if (this.bufferedBytes === 0) done();
    else this.#emptyWaiters.push(done);
  }

  /**
   * Encodes one message. Costs one copy; the payload is the caller's again when this returns.
   *
   * @param header - An encoded header block.
   * @throws InvalidSubjectError, MaxPayloadError, PublishRefusedError; nothing has been sent then.
   */
  publish(subject: string, reply: string | undefined, header: Uint8Array | null, payload: Uint8Array | string): void {
    const isText = typeof payload === "string";
    const payloadBytes = isText ? this.#text.byteLength(payload) : payload.length;
    const size = header === null ? payloadBytes : payloadBytes + header.length;
    if (size > this.payloadBytesMax) throw new MaxPayloadError(subject, size, this.payloadBytesMax);
    const replyChars = reply === undefined ? 0 : reply.length;
    const need = (subject.length + replyChars) * 3 + size + LINE_BYTES_MAX;
    if (this.#duplex === null && !this.#isKept(need)) return;
    if (this.#at + need > this.#buffer.length) this.#makeRoom(need, this.#limits.outboundBytesMax);
    const buffer = this.#buffer;
    const start = this.#at;
    let at = start;
    if (header !== null) buffer[at++] = 0x48; // H
    buffer[at] = 0x50;
    buffer[at + 1] = 0x55;
    buffer[at + 2] = 0x42;
    buffer[at + 3] = 0x20;
    at = this.#writeToken(subject, buffer, at + 4);
    if (reply !== undefined) at = this.#writeToken(reply, buffer, at);
    if (header !== null) {
      at = writeNumber(header.length, buffer, at);
      buffer[at++] = 0x20;
    }
    at = writeNumber(size, buffer, at);
    buffer[at] = 0x0d;
    buffer[at + 1] = 0x0a;
    at += 2;
    if (header !== null) {
      buffer.set(header, at);
      at += header.length;
    }
    if (isText) at += this.#text.write(payload, buffer, at);
    else if (payloadBytes <= 32) for (let i = 0; i < payloadBytes; i++) buffer[at++] = payload[i] as number;
    else {
      buffer.set(payload, at);
      at += payloadBytes;
    }
    buffer[at] = 0x0d;
    buffer[at + 1] = 0x0a;
    this.#at = at + 2;
    this.#bufferMsgs++;
    this.outMsgs++;
    this.outBytes += size;
    if (!this.#scheduled) this.#schedule();
  }

  /** Adds an operation that only this connection understands: SUB, UNSUB, PING, PONG. Dropped when there is none. */
  control(line: string): void {
    if (this.#duplex === null) return;
    const need = line.length * 3;
    // Never refused: these are few and short, and a PONG that is not sent costs the connection.
    if (this.#at + need > this.#buffer.length) this.#makeRoom(need, Number.POSITIVE_INFINITY);
    const start = this.#at;
    this.#at += this.#text.write(line, this.#buffer, start);
    this.#control.push(start, this.#at);
    this.#schedule();
  }

  /** Hands everything that waits to the duplex, as far as it takes it. */
  flush(): void {
    const duplex = this.#duplex;
    if (duplex === null || this.#inFlight !== null) return;
    while (this.#queue.length > 0) {
      const chunk = this.#queue.shift() as Chunk;
      this.#queueBytes -= chunk.length;
      if (this.#write(duplex, chunk)) this.#keepSpare(chunk.bytes);
      else return;
    }
    if (this.#at === 0) return;
    const chunk = this.#takeChunk();
    const taken = this.#write(duplex, chunk);
    // A buffer that one large message needed is not kept.
    if (!taken || chunk.bytes.length > BUFFER_BYTES) this.#buffer = this.#freshBuffer(0);
  }

  /**
   * Begins to send over a new connection: first `preamble` (the subscriptions), then what was held.
   *
   * @param busy - The duplex still reads from something that was written before; `written()` will be called.
   */
  attach(duplex: Duplex, preamble: string, busy: boolean): void {
    this.#duplex = duplex;
    if (this.#at > 0) this.#enqueue(this.#takeChunk(), this.#freshBuffer(0));
    if (preamble !== "") {
      const bytes = this.#text.allocate(this.#text.byteLength(preamble));
      this.#text.write(preamble, bytes, 0);
      this.#queue.unshift({ bytes, length: bytes.length, control: [0, bytes.length], msgs: 0 });
      this.#queueBytes += bytes.length;
    }
    if (busy) this.#inFlight = { bytes: new Uint8Array(0), length: 0, control: [], msgs: 0 };
    this.flush();
  }

  /** The duplex has taken what was in flight. */
  written(): void {
    const done = this.#inFlight;
    this.#inFlight = null;
    if (done !== null) this.#keepSpare(done.bytes);
    this.flush();
    if (this.#waiters.length > 0 && !this.backedUp) this.#wake();
    if (this.#emptyWaiters.length > 0 && this.bufferedBytes === 0) this.#wakeEmpty();
  }

  /** The connection is gone. Keeps the messages that it had not begun to take, as far as the policy lets. */
  detach(): LostBytes {
    if (this.#duplex === null) return { inFlightMsgs: 0, droppedMsgs: 0 };
    this.#duplex = null;
    const inFlightMsgs = this.#inFlight?.msgs ?? 0;
    this.#inFlight = null;
    if (this.#at > 0) this.#enqueue(this.#takeChunk(), this.#freshBuffer(0));
    const chunks = this.#queue;
    this.#queue = [];
    this.#queueBytes = 0;
    let droppedMsgs = 0;
    for (const chunk of chunks) {
      const kept = this.#limits.offlinePolicy === "buffer" ? withoutControl(chunk) : null;
      if (kept === null || this.#queueBytes + kept.length > this.#limits.offlineBytesMax) droppedMsgs += chunk.msgs;
      else if (kept.length > 0) this.#enqueue(kept, this.#buffer);
    }
    this.#wake();
    return { inFlightMsgs, droppedMsgs };
  }

  /** Forgets everything, for a connection that is closed. Returns how many messages were never sent. */
  clear(): number {
    let msgs = this.#bufferMsgs;
    for (const chunk of this.#queue) msgs += chunk.msgs;
    this.#duplex = null;
    this.#queue = [];
    this.#queueBytes = 0;
    this.#inFlight = null;
    this.#at = 0;
    this.#bufferMsgs = 0;
    this.#control = [];
    this.#spare = null;
    this.#buffer = new Uint8Array(0);
    this.#wake();
    return msgs;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const done of waiters) done();
    if (this.#duplex === null) this.#wakeEmpty();
  }

  #wakeEmpty(): void {
    const waiters = this.#emptyWaiters;
    this.#emptyWaiters = [];
    for (const done of waiters) done();
  }

  #schedule(): void {
    if (this.#scheduled || this.#duplex === null) return;
    this.#scheduled = true;
    this.#endOfTurn(this.#onTurnEnd);
  }

  /** Writes a subject and a blank. What is plain ASCII is checked while it is written. */
  #writeToken(token: string, buffer: Uint8Array, start: number): number {
    let at = start;
    const length = token.length;
    if (length === 0) throw new InvalidSubjectError(token, "it is empty");
    for (let i = 0; i < length; i++) {
      const code = token.charCodeAt(i);
      if (code <= 0x20 || code >= 0x7f) return this.#writeOddToken(token, buffer, start);
      buffer[at++] = code;
    }
    buffer[at] = 0x20;
    return at + 1;
  }

  #writeOddToken(token: string, buffer: Uint8Array, start: number): number {
    const problem = publishSubjectProblem(token);
    if (problem !== null && (this.#validate || /[\r\n]/.test(token))) throw new InvalidSubjectError(token, problem);
    const at = start + this.#text.write(token, buffer, start);
    buffer[at] = 0x20;
    return at + 1;
  }

  /** Whether a message is kept until there is a connection; throws when its publisher is to know that it is not. */
  #isKept(need: number): boolean {
    const { offlinePolicy, offlineBytesMax } = this.#limits;
    if (offlinePolicy === "drop") return false;
    if (offlinePolicy === "error") {
      throw new PublishRefusedError(
        "Cannot publish while reconnecting: the option offline.policy is 'error'",
        "ERR_NATS_RECONNECTING",
      );
    }
    if (this.#at + this.#queueBytes + need > offlineBytesMax) {
      throw new PublishRefusedError(
        `Cannot publish while reconnecting: ${this.#at + this.#queueBytes} bytes wait already, and the option offline.bytes is ${offlineBytesMax}`,
        "ERR_NATS_RECONNECT_BUFFER_EXCEEDED",
      );
    }
    return true;
  }

  /** Makes the buffer have `need` bytes free, by writing it out or by putting it into the queue. */
  #makeRoom(need: number, bytesMax: number): void {
    if (this.#duplex !== null && this.#inFlight === null) this.flush();
    if (this.#at + need <= this.#buffer.length) return;
    if (this.#duplex !== null && this.bufferedBytes + need > bytesMax) {
      throw new PublishRefusedError(
        `Cannot publish: ${this.bufferedBytes} bytes wait for the server, and the option outboundBytesMax is ${this.#limits.outboundBytesMax}; await ready() between publishes`,
        "ERR_NATS_OUTBOUND_FULL",
      );
    }
    if (this.#at > 0) this.#enqueue(this.#takeChunk(), this.#freshBuffer(need));
    else this.#buffer = this.#freshBuffer(need);
  }

  #enqueue(chunk: Chunk, next: Uint8Array): void {
    this.#queue.push(chunk);
    this.#queueBytes += chunk.length;
    this.#buffer = next;
  }

  /** Takes the filled part of the buffer out; the caller gives `#buffer` its next value. */
  #takeChunk(): Chunk {
    const chunk = { bytes: this.#buffer, length: this.#at, control: this.#control, msgs: this.#bufferMsgs };
    this.#at = 0;
    this.#bufferMsgs = 0;
    if (chunk.control.length > 0) this.#control = [];
    return chunk;
  }

  /** True when the duplex no longer needs the chunk's bytes. */
  #write(duplex: Duplex, chunk: Chunk): boolean {
    const whole = chunk.length === chunk.bytes.length;
    const bytes = whole ? chunk.bytes : chunk.bytes.subarray(0, chunk.length);
    if (this.#limits.trace !== null) this.#limits.trace(">", bytes);
    if (duplex.write(bytes)) return true;
    this.#inFlight = chunk;
    return false;
  }

  #freshBuffer(need: number): Uint8Array {
    const spare = this.#spare;
    if (spare !== null && need <= spare.length) {
      this.#spare = null;
      return spare;
    }
    return this.#text.allocate(need > BUFFER_BYTES ? need : BUFFER_BYTES);
  }

  #keepSpare(bytes: Uint8Array): void {
    if (bytes.length === BUFFER_BYTES) this.#spare = bytes;
  }
}

/** The chunk without the operations that are no messages. */
function withoutControl(chunk: Chunk): Chunk {
  if (chunk.control.length === 0) return chunk;
  const bytes: Uint8Array = Uint8Array.prototype.slice.call(chunk.bytes, 0, chunk.length);
  let to = 0;
  let from = 0;
  for (let i = 0; i < chunk.control.length; i += 2) {
    const start = chunk.control[i] as number;
    bytes.copyWithin(to, from, start);
    to += start - from;
    from = chunk.control[i + 1] as number;
  }
  bytes.copyWithin(to, from, chunk.length);
  to += chunk.length - from;
  return { bytes: bytes.subarray(0, to), length: to, control: [], msgs: chunk.msgs };
}

/** Writes a decimal number of up to ten digits. */
function writeNumber(value: number, buffer: Uint8Array, at: number): number {
  if (value < 10) {
    buffer[at] = 0x30 + value;
    return at + 1;
  }
  let digits = 2;
  for (let limit = 100; value >= limit; limit *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = (rest / 10) | 0;
    buffer[i] = 0x30 + rest - next * 10;
    rest = next;
  }
  return at + digits;
}
