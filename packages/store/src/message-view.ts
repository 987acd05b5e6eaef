// A stored message as its reader sees it: ranges of a record's bytes, looked at without copying.

import { decompress, plainBytesOf } from "@myelin/protocol/s2";
import { viewOf } from "./checksum.ts";
import {
  FLAG_COMPRESSED,
  FLAG_HEADERS,
  FLAG_TTL,
  RECORD_BYTES_MAX,
  recordDataOffset,
  recordTtlSeconds,
} from "./record.ts";

/** A read so close behind the last one counts as going on. */
const NEAR_BYTES = 16 * 1024;

/**
 * One stored message. A view is made once and filled again and again.
 * Its bytes are borrowed from the store: they hold until the next call that fills this view, or the end of the turn.
 */
export class MessageView {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the subject, the headers and the payload begin, and one past the payload. */
  subjectStart = 0;
  headersStart = 0;
  payloadStart = 0;
  end = 0;
  seq = 0;
  /** Milliseconds since 1970, and nanoseconds within that millisecond. */
  timeMs = 0;
  timeSubNs = 0;
  /** 0: none; -1: never expires. */
  ttlSeconds = 0;

  /** For stores: another buffer of the view's own, for a record that was opened. */
  opened: Uint8Array = new Uint8Array(0);
  openedView: DataView = viewOf(this.opened);
  /** The view's own buffer, and how much of it is filled: see the methods for stores. */
  scratch: Uint8Array = new Uint8Array(0);
  scratchView: DataView = viewOf(this.scratch);
  windowBytes = 0;
  /** Holds what was compressed. */
  #plain: Uint8Array = new Uint8Array(0);
  #owner: object | null = null;
  #generation = 0;
  #block = 0;
  #windowOffset = 0;

  /** The subject, one character per byte. */
  get subject(): string {
    return this.#buffer(this.subjectStart, this.headersStart).toString("latin1");
  }

  /** Borrowed; empty when the message has none. */
  get headers(): Uint8Array {
    return this.bytes.subarray(this.headersStart, this.payloadStart);
  }

  /** Borrowed. */
  get payload(): Uint8Array {
    return this.bytes.subarray(this.payloadStart, this.end);
  }

  /** Nanoseconds since 1970. */
  get timeNs(): bigint {
    return BigInt(this.timeMs) * 1_000_000n + BigInt(this.timeSubNs);
  }

  /**
   * For stores: shows the record of `length` bytes at `at`. The record has been checked.
   *
   * @param numbers - A view of `bytes`.
   * @returns False when it is compressed and cannot be made plain: then the view shows nothing.
   */
  show(bytes: Uint8Array, numbers: DataView, at: number, length: number): boolean {
    const flags = numbers.getUint8(at + 22);
    const headersBytes = numbers.getUint32(at + 40, true);
    this.bytes = bytes;
    this.subjectStart = at + recordDataOffset(flags);
    this.headersStart = this.subjectStart + numbers.getUint16(at + 20, true);
    this.payloadStart = this.headersStart + ((flags & FLAG_HEADERS) === 0 ? 0 : headersBytes);
    this.end = at + length;
    this.seq = numbers.getUint32(at + 24, true) + numbers.getUint32(at + 28, true) * 0x1_0000_0000;
    const timeHigh = numbers.getUint32(at + 36, true);
    this.timeMs = numbers.getUint32(at + 32, true) + (timeHigh & 0xfff) * 0x1_0000_0000;
    this.timeSubNs = timeHigh >>> 12;
    this.ttlSeconds = (flags & FLAG_TTL) === 0 ? 0 : recordTtlSeconds(bytes, at);
    return (flags & FLAG_COMPRESSED) === 0 || this.#decompress(headersBytes);
  }

  /** Headers and payload are one compressed block: makes them plain in a buffer of the view's own, with the subject before them. */
  #decompress(headersBytes: number): boolean {
    const { bytes, subjectStart, headersStart: bodyStart, end } = this;
    const plainBytes = plainBytesOf(bytes, bodyStart, end);
    if (plainBytes < headersBytes || plainBytes > RECORD_BYTES_MAX) return false;
    const subjectBytes = bodyStart - subjectStart;
    const needed = subjectBytes + plainBytes;
    if (this.#plain.length < needed) this.#plain = new Uint8Array(Math.max(needed, this.#plain.length * 2, 512));
    this.#plain.set(bytes.subarray(subjectStart, bodyStart));
    if (!decompress(bytes, bodyStart, end, this.#plain, subjectBytes)) return false;
    this.bytes = this.#plain;
    this.subjectStart = 0;
    this.headersStart = subjectBytes;
    this.payloadStart = subjectBytes + headersBytes;
    this.end = needed;
    return true;
  }

  /** For stores: a buffer of this view's own, of at least `length` bytes. What was in it is gone. */
  own(length: number): Uint8Array {
    this.#owner = null;
    if (this.scratch.length < length) {
      this.scratch = new Uint8Array(Math.max(length, this.scratch.length * 2, 512));
      this.scratchView = viewOf(this.scratch);
    }
    return this.scratch;
  }

  /** For stores: {@link opened}, of at least `length` bytes. What was in it is gone. */
  ownOpened(length: number): Uint8Array {
    if (this.opened.length < length) {
      this.opened = new Uint8Array(Math.max(length, this.opened.length * 2, 512));
      this.openedView = viewOf(this.opened);
    }
    return this.opened;
  }

  /** For stores: the own buffer holds `bytes` bytes of a block, from `offset` on. */
  setWindow(owner: object, generation: number, block: number, offset: number, bytes: number): void {
    this.#owner = owner;
    this.#generation = generation;
    this.#block = block;
    this.#windowOffset = offset;
    this.windowBytes = bytes;
  }

  /** For stores: whether the own buffer holds that part of a block. */
  holds(owner: object, generation: number, block: number, offset: number, length: number): boolean {
    return (
      this.#owner === owner &&
      this.#generation === generation &&
      this.#block === block &&
      offset >= this.#windowOffset &&
      offset + length <= this.#windowOffset + this.windowBytes
    );
  }

  /** For stores: whether that place is not far behind what the own buffer holds, so that reading ahead pays. */
  continues(owner: object, block: number, offset: number): boolean {
    const ahead = offset - this.#windowOffset - this.windowBytes;
    return this.#owner === owner && this.#block === block && ahead > -this.windowBytes && ahead < NEAR_BYTES;
  }

  /** For stores: where in the own buffer that place of the block is. */
  placeOf(offset: number): number {
    return offset - this.#windowOffset;
  }

  #buffer(start: number, end: number): Buffer {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, end - start);
  }
}
