// Cuts a stream of messages of one fixed length into messages, and protocol lines between them. No I/O.
// For requests, whose every message must be looked at; see message-counter.ts for streams that are only counted.

const LF = 0x0a;

/** Takes one message at `at` in `bytes`; borrowed until it returns. */
export type FrameTaker = (bytes: Buffer, at: number) => void;

export class FrameReader {
  readonly #frameBytes: number;
  readonly #first: number;
  readonly #onFrame: FrameTaker;
  readonly #onControl: (line: string) => void;
  #rest: Buffer = Buffer.alloc(0);

  /** @param first - First byte of every message; anything else begins a protocol line. */
  constructor(frameBytes: number, first: number, onFrame: FrameTaker, onControl: (line: string) => void) {
    this.#frameBytes = frameBytes;
    this.#first = first;
    this.#onFrame = onFrame;
    this.#onControl = onControl;
  }

  take(chunk: Buffer, length: number): void {
    const fresh = chunk.subarray(0, length);
    const bytes = this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh]);
    let at = 0;
    while (at < bytes.length) {
      if (bytes[at] === this.#first) {
        if (bytes.length - at < this.#frameBytes) break;
        this.#onFrame(bytes, at);
        at += this.#frameBytes;
      } else {
        const end = bytes.indexOf(LF, at);
        if (end < 0) break;
        this.#onControl(bytes.toString("latin1", at, end).trimEnd());
        at = end + 1;
      }
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }
}
