// Counts messages of one fixed length in a byte stream, nearly without looking at them. No I/O.
//
//   MSG bench.x 1 16\r\naaaa...\r\n MSG ... PING\r\n MSG ...
//
// A chunk is jumped over in one step when the last message in it begins where it must. That is exact: a PING between two
// messages moves everything behind it, and then lower-case payload stands where an 'M' or 'H' should. (An INFO as long as several
// messages would be taken for them; it comes only before the first, and the final count would tell.) One message
// of each chunk is compared in full, with its place in the sequence when the sequence is known.

import { BenchError } from "../errors.ts";
import { LETTER_A, LETTERS, type MessageShape } from "./bytes.ts";

const LF = 0x0a;
const SHOWN_BYTES_MAX = 80;
/** First bytes of what a server says between messages: PING, PONG, INFO, +OK, -ERR. */
const CONTROL_STARTS = new Set([0x50, 0x49, 0x2b, 0x2d]);

export class MessageCounter {
  /** Complete messages so far. */
  messages = 0;
  readonly #shape: MessageShape;
  readonly #first: number;
  readonly #ordered: boolean;
  readonly #onControl: (line: string) => void;
  /** Bytes still to come of a message that an earlier chunk began. */
  #missing = 0;
  /** Begun control line; empty when none is. */
  #line = "";

  /**
   * @param ordered - The subscriber gets every message of one publisher, from the start of its batch.
   * @param onControl - Takes each protocol line between messages, without its line end.
   */
  constructor(shape: MessageShape, ordered: boolean, onControl: (line: string) => void) {
    this.#shape = shape;
    this.#first = shape.prefix[0]!;
    this.#ordered = ordered;
    this.#onControl = onControl;
  }

  /**
   * Takes the next `length` bytes of the stream; they are borrowed until it returns.
   * @throws BenchError `LOAD_FAILED` when they are not what was sent.
   */
  take(chunk: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      if (this.#missing > 0) at = this.#finishMessage(at, length);
      else if (this.#line !== "" || chunk[at] !== this.#first) at = this.#takeControl(chunk, at, length);
      else at = this.#takeMessages(chunk, at, length);
    }
  }

  #finishMessage(at: number, length: number): number {
    const taken = Math.min(this.#missing, length - at);
    this.#missing -= taken;
    if (this.#missing === 0) this.messages++;
    return at + taken;
  }

  #takeMessages(chunk: Buffer, at: number, length: number): number {
    const size = this.#shape.messageBytes;
    const whole = Math.floor((length - at) / size);
    if (whole === 0) {
      this.#missing = size - (length - at);
      return length;
    }
    this.#check(chunk, at);
    if (chunk[at + (whole - 1) * size] === this.#first) {
      this.messages += whole;
      return at + whole * size;
    }
    let next = at;
    while (chunk[next] === this.#first) {
      this.messages++;
      next += size;
    }
    return next;
  }

  #takeControl(chunk: Buffer, at: number, length: number): number {
    if (this.#line === "" && !CONTROL_STARTS.has(chunk[at]!)) this.#fail(chunk, at, "the start of a message");
    const end = chunk.subarray(at, length).indexOf(LF);
    this.#line += chunk.toString("latin1", at, end < 0 ? length : at + end);
    if (end < 0) return length;
    const line = this.#line.trimEnd();
    this.#line = "";
    this.#onControl(line);
    return at + end + 1;
  }

  #check(chunk: Buffer, at: number): void {
    const { prefix, variesFrom, variesTo, payloadBytes, messageBytes } = this.#shape;
    const payload = at + prefix.length;
    const same =
      chunk.compare(prefix, 0, variesFrom, at, at + variesFrom) === 0 &&
      chunk.compare(prefix, variesTo, prefix.length, at + variesTo, payload) === 0;
    if (!same) this.#fail(chunk, at, JSON.stringify(prefix.toString("latin1")));
    const letter = this.#ordered ? LETTER_A + (this.messages % LETTERS) : chunk[payload]!;
    const last = payload + payloadBytes - 1;
    if (chunk[payload] !== letter || chunk[payload + (payloadBytes >> 1)] !== letter || chunk[last] !== letter)
      this.#fail(chunk, at, `payload ${JSON.stringify(String.fromCharCode(letter))}`);
    if (letter < LETTER_A || letter >= LETTER_A + LETTERS || chunk[at + messageBytes - 1] !== LF)
      this.#fail(chunk, at, "a payload of one letter, closed by CRLF");
  }

  #fail(chunk: Buffer, at: number, wanted: string): never {
    const got = JSON.stringify(chunk.toString("latin1", at, Math.min(chunk.length, at + SHOWN_BYTES_MAX)));
    throw new BenchError("LOAD_FAILED", `Message ${this.messages} is wrong: expected ${wanted}, received ${got}.`);
  }
}
