// What the readers of streams share: a chunk ends anywhere, so what it leaves unfinished waits for the next one. No I/O.

const LF = 0x0a;

/** Takes one piece at `at` in `bytes` (borrowed until it returns). @returns Where it ends; 0 when it is not all there. */
export type TakePiece = (bytes: Buffer, at: number) => number;

/** A stream of bytes, cut into pieces. */
export class Carry {
  readonly #takePiece: TakePiece;
  #rest: Buffer = Buffer.alloc(0);

  constructor(takePiece: TakePiece) {
    this.#takePiece = takePiece;
  }

  /** Takes the next `length` bytes of the stream; they are borrowed until it returns. */
  take(chunk: Buffer, length: number): void {
    const fresh = chunk.subarray(0, length);
    const bytes = this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh]);
    let at = 0;
    while (at < bytes.length) {
      const end = this.#takePiece(bytes, at);
      if (end === 0) break;
      at = end;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }
}

/** Takes a protocol line, without its line end. @returns As {@link TakePiece}. */
export function takeLine(bytes: Buffer, at: number, onControl: (line: string) => void): number {
  const end = bytes.indexOf(LF, at);
  if (end < 0) return 0;
  onControl(bytes.toString("latin1", at, end).trimEnd());
  return end + 1;
}
