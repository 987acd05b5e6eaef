// Prepared publishes in which only the stream and the reply's id change, in buffers that are used again once they have left.

import { ID_DIGITS, INBOX } from "./ack-reader.ts";
import { type IngestLoad, STREAM_DIGITS, streamSubject } from "./spec.ts";

const BUFFER_BYTES = 64 * 1024;
const ZERO = 0x30;
const HALF = 10_000;

/** Where publishes are written: `fill` them, write them, and `freeAll` when nothing is on its way any more. */
export class PublishBuffers {
  /** Publishes in one buffer. */
  readonly perBuffer: number;
  readonly #message: Buffer;
  readonly #streamAt: number;
  readonly #idAt: number;
  readonly #streams: number;
  readonly #buffers: Buffer[] = [];
  #used = 0;

  constructor(load: IngestLoad) {
    const subject = streamSubject(0);
    const before = `PUB ${subject} ${INBOX}`;
    const line = `${before}${"0".repeat(ID_DIGITS)} ${load.payloadBytes}\r\n`;
    this.#message = Buffer.from(`${line}${"x".repeat(load.payloadBytes)}\r\n`, "latin1");
    this.#streamAt = "PUB ".length + subject.length - STREAM_DIGITS;
    this.#idAt = before.length;
    this.#streams = load.streams;
    this.perBuffer = Math.max(1, Math.floor(BUFFER_BYTES / this.#message.length));
  }

  /**
   * The next publishes, at most {@link perBuffer}: message `id` goes to stream `id % streams`.
   * @returns Bytes of a buffer that stays untouched until {@link freeAll}.
   */
  fill(firstId: number, count: number): Buffer {
    if (this.#used === this.#buffers.length) this.#buffers.push(this.#makeBuffer());
    const buffer = this.#buffers[this.#used++]!;
    const size = this.#message.length;
    for (let i = 0, at = 0; i < count; i++, at += size) {
      const id = firstId + i;
      if (this.#streams > 1) putFour(buffer, at + this.#streamAt, id % this.#streams);
      putFour(buffer, at + this.#idAt, Math.floor(id / HALF));
      putFour(buffer, at + this.#idAt + 4, id % HALF);
    }
    return buffer.subarray(0, count * size);
  }

  freeAll(): void {
    this.#used = 0;
  }

  #makeBuffer(): Buffer {
    const size = this.#message.length;
    const buffer = Buffer.allocUnsafeSlow(this.perBuffer * size);
    for (let at = 0; at < buffer.length; at += size) this.#message.copy(buffer, at);
    return buffer;
  }
}

function putFour(bytes: Buffer, at: number, value: number): void {
  const hundreds = (value / 100) | 0;
  const rest = value - hundreds * 100;
  const a = (hundreds / 10) | 0;
  const b = (rest / 10) | 0;
  bytes[at] = ZERO + a;
  bytes[at + 1] = ZERO + hundreds - a * 10;
  bytes[at + 2] = ZERO + b;
  bytes[at + 3] = ZERO + rest - b * 10;
}
