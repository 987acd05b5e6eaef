// Bytes of a WebSocket to what its frames carry (RFC 6455, section 5). No I/O.
//
//   +-+-+-+-+-------+-+-------------+-------------------------+---------------------+--------------------+
//   |F|R|R|R|opcode |M| length      | 16 or 64 more bits of   | mask: 4 bytes       | payload, masked    |
//   |I|S|S|S|(4)    | | 0..125      | length, after 126, 127  |                     |                    |
//   |N|V|V|V|       | | 126, 127    |                         |                     |                    |
//   +-+-+-+-+-------+-+-------------+-------------------------+---------------------+--------------------+
//
// A payload is handed on as it comes, unmasked in place: what a client sends is a stream of operations, and where frames and
// messages begin means nothing. So a frame may be as long as it likes and costs no memory. Control frames are collected whole;
// they are short. Bytes given to the sink are borrowed from the chunk.
//
// What is refused, and the words for it, are the reference's (websocket.go wsReadLoop); clients are told them in the close frame.

import type { Unmasker } from "./unmask.ts";

export const OPCODE_CONTINUATION = 0;
export const OPCODE_TEXT = 1;
export const OPCODE_BINARY = 2;
export const OPCODE_CLOSE = 8;
export const OPCODE_PING = 9;
export const OPCODE_PONG = 10;

/** Longest payload of a control frame. */
export const CONTROL_BYTES_MAX = 125;

const FINAL = 0x80;
const COMPRESSED = 0x40;
const RESERVED = 0x30;
const MASKED = 0x80;
const MASK_BYTES = 4;
/** Two bytes, a length of 64 bits, a mask. */
const HEADER_BYTES_MAX = 14;

/** What a {@link FrameReader} found. */
export interface FrameSink {
  /** The next bytes of the stream. */
  data(bytes: Uint8Array, start: number, end: number): void;
  /** The next bytes of a compressed message; `isLast` with its last ones, of which there may be none. */
  compressed(bytes: Uint8Array, start: number, end: number, isLast: boolean): void;
  /** A control frame. The payload is valid during the call only. */
  control(opcode: number, payload: Uint8Array): void;
  /** The peer broke the protocol; nothing more is read. */
  broken(problem: string): void;
}

/** Reads the frames of one client. */
export class FrameReader {
  /** Set it in a call of the sink to have {@link feed} return; what it has not read is to be fed again. */
  halted = false;

  readonly #sink: FrameSink;
  readonly #unmasker: Unmasker;
  readonly #takesCompressed: boolean;
  readonly #header = new Uint8Array(HEADER_BYTES_MAX);
  readonly #mask: Uint8Array = new Uint8Array(MASK_BYTES);
  /** Bytes of the header that are there, and how many it has as far as is known. */
  #have = 0;
  #needed = 2;
  #opcode = 0;
  #isFinal = false;
  /** Bytes of the payload still to come, and how many have come modulo 4. */
  #left = 0;
  #phase = 0;
  /** Whether a message has begun and not ended, and whether it is compressed. */
  #inMessage = false;
  #isCompressed = false;
  #control: Uint8Array | null = null;
  #controlLength = 0;
  #isBroken = false;

  /** @param takesCompressed - Whether compression was agreed on. */
  constructor(sink: FrameSink, unmasker: Unmasker, takesCompressed: boolean) {
    this.#sink = sink;
    this.#unmasker = unmasker;
    this.#takesCompressed = takesCompressed;
  }

  /**
   * Reads `bytes[start, end)`, which is changed by it.
   *
   * @returns Where it stopped: `end`, or before it when the sink set {@link halted} or the peer broke the protocol.
   */
  feed(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && !this.halted && !this.#isBroken) {
      if (this.#have < this.#needed) {
        at = this.#readHeader(bytes, at, end);
        if (this.#have < this.#needed || this.#isBroken) continue;
      }
      at = this.#readPayload(bytes, at, end);
    }
    return at;
  }

  #readHeader(bytes: Uint8Array, start: number, end: number): number {
    const header = this.#header;
    let at = start;
    while (at < end && this.#have < this.#needed) {
      header[this.#have++] = bytes[at++] as number;
      if (this.#have !== 2) continue;
      const problem = this.#begin(header[0] as number, header[1] as number);
      if (problem !== null) return this.#break(problem, at);
    }
    if (this.#have === this.#needed) {
      const length = this.#length();
      if (length === null) return this.#break("invalid 64-bit payload length", at);
      this.#left = length;
      this.#phase = 0;
      for (let i = 0; i < MASK_BYTES; i++) this.#mask[i] = header[this.#needed - MASK_BYTES + i] as number;
      // A frame without payload has no byte that would bring us here again.
      if (length === 0) return this.#readPayload(bytes, at, at);
    }
    return at;
  }

  /** Judges the first two bytes of a frame. @returns What is wrong with them. */
  #begin(first: number, second: number): string | null {
    const opcode = first & 0x0f;
    const isFinal = (first & FINAL) !== 0;
    const isCompressed = (first & COMPRESSED) !== 0;
    const length = second & 0x7f;
    if ((first & RESERVED) !== 0) return "RSV2 and RSV3 must be clear";
    if (isCompressed && !this.#takesCompressed)
      return "compressed frame received without negotiated permessage-deflate";
    if ((second & MASKED) === 0) return "mask bit missing";
    if (opcode >= OPCODE_CLOSE && opcode <= OPCODE_PONG) {
      if (length > CONTROL_BYTES_MAX) {
        return `control frame length bigger than maximum allowed of ${CONTROL_BYTES_MAX} bytes`;
      }
      if (!isFinal) return "control frame does not have final bit set";
      if (isCompressed) return "control frame must not be compressed";
      this.#control = new Uint8Array(length);
      this.#controlLength = 0;
    } else if (opcode === OPCODE_TEXT || opcode === OPCODE_BINARY) {
      if (this.#inMessage) return "new message started before final frame for previous message was received";
      this.#isCompressed = isCompressed;
      this.#inMessage = !isFinal;
    } else if (opcode === OPCODE_CONTINUATION) {
      // Only the first frame of a message says that it is compressed.
      if (!this.#inMessage || isCompressed) return "invalid continuation frame";
      this.#inMessage = !isFinal;
    } else {
      return `unknown opcode ${opcode}`;
    }
    this.#opcode = opcode;
    this.#isFinal = isFinal;
    this.#needed = 2 + (length === 127 ? 8 : length === 126 ? 2 : 0) + MASK_BYTES;
    return null;
  }

  /** The length of the payload; null when it cannot be one. Beyond 2^53 it is not exact, and no connection lasts that long. */
  #length(): number | null {
    const header = this.#header;
    const short = (header[1] as number) & 0x7f;
    if (short < 126) return short;
    const size = short === 126 ? 2 : 8;
    if (size === 8 && ((header[2] as number) & 0x80) !== 0) return null;
    let length = 0;
    for (let i = 2; i < 2 + size; i++) length = length * 256 + (header[i] as number);
    return length;
  }

  #readPayload(bytes: Uint8Array, start: number, end: number): number {
    const size = Math.min(this.#left, end - start);
    const stop = start + size;
    if (size > 0) {
      this.#unmasker.unmask(bytes, start, stop, this.#mask, this.#phase);
      this.#phase = (this.#phase + size) & 3;
      this.#left -= size;
    }
    const isWhole = this.#left === 0;
    if (isWhole) {
      this.#have = 0;
      this.#needed = 2;
    }
    if (this.#opcode >= OPCODE_CLOSE) this.#readControl(bytes, start, stop, isWhole);
    else if (this.#isCompressed) {
      const isLast = isWhole && this.#isFinal;
      if (size > 0 || isLast) this.#sink.compressed(bytes, start, stop, isLast);
    } else if (size > 0) this.#sink.data(bytes, start, stop);
    return stop;
  }

  #readControl(bytes: Uint8Array, start: number, stop: number, isWhole: boolean): void {
    const control = this.#control as Uint8Array;
    control.set(bytes.subarray(start, stop), this.#controlLength);
    this.#controlLength += stop - start;
    if (!isWhole) return;
    this.#control = null;
    this.#sink.control(this.#opcode, control);
  }

  #break(problem: string, at: number): number {
    this.#isBroken = true;
    this.#sink.broken(problem);
    return at;
  }
}
