// Counts MSG and HMSG of any length in a stream of bytes, by the size at the end of each line. No I/O.

import { Carry, takeLine } from "../load/carry.ts";

const LF = 0x0a;
const ZERO = 0x30;
const SPACE = 0x20;
const LETTER_M = 0x4d;
const LETTER_H = 0x48;
const ERROR = Buffer.from('"error"');

export class DeliveryCounter {
  /** Complete messages so far. */
  messages = 0;
  /** The first answer of the API that tells of an error; null when there is none. */
  error: string | null = null;
  readonly #onControl: (line: string) => void;
  readonly #carry: Carry = new Carry((bytes, at) => this.#takePiece(bytes, at));

  /** @param onControl - Takes each protocol line between messages, without its line end. */
  constructor(onControl: (line: string) => void) {
    this.#onControl = onControl;
  }

  /** Takes the next `length` bytes of the stream; they are borrowed until it returns. */
  take(chunk: Buffer, length: number): void {
    this.#carry.take(chunk, length);
  }

  #takePiece(bytes: Buffer, at: number): number {
    if (bytes[at] !== LETTER_M && bytes[at] !== LETTER_H) return takeLine(bytes, at, this.#onControl);
    const line = bytes.indexOf(LF, at);
    if (line < 0) return 0;
    const end = line + 1 + sizeBefore(bytes, line - 2) + 2;
    if (end > bytes.length) return 0;
    this.messages++;
    // Records hold no quotes: only an answer of the API does.
    if (bytes[line + 1] === 0x7b && bytes.subarray(line, end).includes(ERROR))
      this.error ??= bytes.toString("latin1", line + 1, end).trimEnd();
    return end;
  }
}

/** The number whose last digit is at `last`. */
function sizeBefore(bytes: Buffer, last: number): number {
  let size = 0;
  for (let p = last, unit = 1; bytes[p] !== SPACE; p--, unit *= 10) size += (bytes[p]! - ZERO) * unit;
  return size;
}
