// Cuts a stream of messages of one fixed length into messages, and protocol lines between them. No I/O.
// For requests, whose every message must be looked at; see message-counter.ts for streams that are only counted.

import { Carry, takeLine } from "./carry.ts";

/** Takes one message at `at` in `bytes`; borrowed until it returns. */
export type FrameTaker = (bytes: Buffer, at: number) => void;

export class FrameReader {
  readonly #frameBytes: number;
  readonly #first: number;
  readonly #onFrame: FrameTaker;
  readonly #onControl: (line: string) => void;
  readonly #carry: Carry = new Carry((bytes, at) => this.#takePiece(bytes, at));

  /** @param first - First byte of every message; anything else begins a protocol line. */
  constructor(frameBytes: number, first: number, onFrame: FrameTaker, onControl: (line: string) => void) {
    this.#frameBytes = frameBytes;
    this.#first = first;
    this.#onFrame = onFrame;
    this.#onControl = onControl;
  }

  take(chunk: Buffer, length: number): void {
    this.#carry.take(chunk, length);
  }

  #takePiece(bytes: Buffer, at: number): number {
    if (bytes[at] !== this.#first) return takeLine(bytes, at, this.#onControl);
    if (bytes.length - at < this.#frameBytes) return 0;
    this.#onFrame(bytes, at);
    return at + this.#frameBytes;
  }
}
