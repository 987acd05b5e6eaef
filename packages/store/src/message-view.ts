// A stored message as its reader sees it: ranges of a record's bytes, looked at without copying.

import {
  FLAG_HEADERS,
  recordDataOffset,
  recordTimeMs,
  recordTimeSubNs,
  recordTtlSeconds,
  u16,
  u32,
  u64,
} from "./record.ts";

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

  /** For stores: shows the record of `length` bytes at `at`. The record has been checked. */
  show(bytes: Uint8Array, at: number, length: number): void {
    const flags = bytes[at + 22]!;
    this.bytes = bytes;
    this.subjectStart = at + recordDataOffset(flags);
    this.headersStart = this.subjectStart + u16(bytes, at + 20);
    this.payloadStart = this.headersStart + ((flags & FLAG_HEADERS) === 0 ? 0 : u32(bytes, at + 40));
    this.end = at + length;
    this.seq = u64(bytes, at + 24);
    this.timeMs = recordTimeMs(bytes, at);
    this.timeSubNs = recordTimeSubNs(bytes, at);
    this.ttlSeconds = recordTtlSeconds(bytes, at);
  }

  #buffer(start: number, end: number): Buffer {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, end - start);
  }
}
