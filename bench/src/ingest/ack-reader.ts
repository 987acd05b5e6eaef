// Reads a stream of acknowledgements and checks every one. No I/O.
//
//   MSG _INBOX.AAAAAAAAAAAAAAAAAAAAAA.00000042 1 27\r\n{"stream":"S0007","seq":13}\r\n
//       |             inbox          ||  id  |             | stream|      | seq|
//
// Sequences of a stream must come in order and without holes, because one connection published all of it.

import { BenchError } from "../errors.ts";
import { Carry, takeLine } from "../load/carry.ts";
import { STREAM_DIGITS, STREAMS_MAX } from "./spec.ts";

/** What replies begin with; an id of eight digits follows. */
export const INBOX = "_INBOX.AAAAAAAAAAAAAAAAAAAAAA.";
export const ID_DIGITS = 8;

const CR = 0x0d;
const ZERO = 0x30;
const MSG_START = 0x4d;
const ID_AT: number = `MSG ${INBOX}`.length;
const SIZE_AT: number = ID_AT + ID_DIGITS + " 1 ".length;
const HEAD = Buffer.from('{"stream":"S');
const MIDDLE = Buffer.from('","seq":');
const STREAM_AT: number = HEAD.length;
const SEQ_AT: number = STREAM_AT + STREAM_DIGITS + MIDDLE.length;
const SHOWN_BYTES_MAX = 200;

export class AckReader {
  readonly #onAck: (id: number) => void;
  readonly #onControl: (line: string) => void;
  /** The sequence that the next acknowledgement of each stream must have. */
  readonly #next: Float64Array = new Float64Array(STREAMS_MAX).fill(1);
  readonly #carry: Carry = new Carry((bytes, at) =>
    bytes[at] === MSG_START ? this.#takeAck(bytes, at) : takeLine(bytes, at, this.#onControl),
  );

  /** @param onControl - Takes each protocol line between messages, without its line end. */
  constructor(onAck: (id: number) => void, onControl: (line: string) => void) {
    this.#onAck = onAck;
    this.#onControl = onControl;
  }

  /**
   * Takes the next `length` bytes of the stream; they are borrowed until it returns.
   * @throws BenchError `LOAD_FAILED` for anything but the acknowledgement that is due.
   */
  take(chunk: Buffer, length: number): void {
    this.#carry.take(chunk, length);
  }

  /** @returns Where it ends; 0 when it is not all there. */
  #takeAck(bytes: Buffer, at: number): number {
    let p = at + SIZE_AT;
    let size = 0;
    for (; p < bytes.length && bytes[p] !== CR; p++) size = size * 10 + bytes[p]! - ZERO;
    const payload = p + 2;
    const end = payload + size + 2;
    if (end > bytes.length || p >= bytes.length) return 0;
    const stream = numberAt(bytes, payload + STREAM_AT, payload + STREAM_AT + STREAM_DIGITS);
    const seq = numberAt(bytes, payload + SEQ_AT, payload + size - 1);
    // Two letters stand for the whole: anything else has no number where these have one.
    const sound = bytes[payload + 2] === HEAD[2] && bytes[payload + STREAM_AT + STREAM_DIGITS + 2] === MIDDLE[2];
    if (!sound || seq !== this.#next[stream]) {
      const got = JSON.stringify(bytes.toString("latin1", at, Math.min(end, at + SHOWN_BYTES_MAX)));
      const due = this.#next[stream] ?? "no stream of that name";
      throw new BenchError("LOAD_FAILED", `An acknowledgement is wrong (${due} was due): received ${got}.`);
    }
    this.#next[stream] = seq + 1;
    this.#onAck(numberAt(bytes, at + ID_AT, at + ID_AT + ID_DIGITS));
    return end;
  }
}

function numberAt(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) value = value * 10 + bytes[i]! - ZERO;
  return value;
}
