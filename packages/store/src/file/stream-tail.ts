// The end of a stream's newest block, in memory. New records go here; at the end of each turn the store copies them from here to the
// journal, or, for a busy stream, has the tail written to its block and that synced. Either way the tail is written to the block once
// it has grown, and at checkpoints.
//
//   block file:  | header | records ................ |         (written, perhaps not synced)
//   tail:                                      | lazy | turn |
//                                            start  turnStart  end

import { viewOf } from "../checksum.ts";
import type { BlockFile } from "./block-file.ts";

/** The lazy part is written to the block when it is longer. */
const LAZY_BYTES_MAX = 16 * 1024;
const TAIL_BYTES_START = 4096;
/** A turn's records of one stream are written to the block without waiting for the end of the turn when they exceed this. */
const TURN_BYTES_MAX = 1024 * 1024;
/** What a short record takes. */
const PREFETCH_BYTES = 256;
/** A stream that goes the direct way does so until so many of its turns in a row were small. */
const DIRECT_QUIET_TURNS = 16;

/** The tail of one stream. */
export class StreamTail {
  bytes: Uint8Array = new Uint8Array(0);
  /** Of the same bytes. */
  view: DataView = viewOf(this.bytes);
  /** Of the same bytes, which begin at its beginning: asking an array for it takes as long as copying 200 bytes. */
  #memory: ArrayBufferLike = this.bytes.buffer;
  /** Offset in the newest block of the tail's first byte: up to there the block is written. */
  start = 0;
  /** Used bytes of the tail. */
  end = 0;
  /** Where in the tail the turn's records begin. */
  #turnStart = 0;
  /** Bytes of the turn that were written to their block before its end. */
  #turnWritten = 0;
  /** Bytes of the turn that are in a batch, or were written at its end. */
  #turnSeen = 0;
  #directBytes: number;
  #direct = false;
  #quietTurns = 0;
  /** Records of a turn were written to their block instead of the journal, and no round has begun since. */
  directTurn = false;

  /** @param directBytes - A turn of so many bytes goes straight to the block. */
  constructor(directBytes: number) {
    this.#directBytes = directBytes;
  }

  /** Reads where the next record will be, a cache line at a time. */
  prefetch(): number {
    const { bytes, end } = this;
    if (end + PREFETCH_BYTES > bytes.length) return 0;
    return bytes[end]! + bytes[end + 64]! + bytes[end + 128]! + bytes[end + 192]! + this.view.getUint8(end);
  }

  /** Bytes of records in this turn that are in the tail only. */
  get turnBytes(): number {
    return this.end - this.#turnStart;
  }

  /** Whether this turn's records should go straight to the block. */
  get prefersDirect(): boolean {
    return this.#direct || this.turnBytes + this.#turnWritten >= this.#directBytes;
  }

  /** Whether the turn has gathered more than should wait for its end. */
  get overdue(): boolean {
    return this.turnBytes > TURN_BYTES_MAX;
  }

  /** Whether the lazy part has grown enough to be written. */
  get ripe(): boolean {
    return this.#turnStart > LAZY_BYTES_MAX;
  }

  /** A new block begins. Its header, of `headerBytes`, is to be put at the beginning of `bytes`; it belongs to no turn. */
  begin(headerBytes: number): void {
    if (this.bytes.length < TAIL_BYTES_START) this.#use(new Uint8Array(TAIL_BYTES_START));
    this.start = 0;
    this.end = headerBytes;
    this.#turnStart = headerBytes;
  }

  /** Makes sure that a record of `length` bytes fits at `end`. */
  makeRoom(length: number): void {
    if (this.end + length <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.end + length, this.bytes.length * 2, TAIL_BYTES_START));
    larger.set(this.bytes.subarray(0, this.end));
    this.#use(larger);
  }

  #use(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.#memory = bytes.buffer;
  }

  /** Copies the turn's records to a batch: they are not in the turn any more. */
  moveTurn(into: Uint8Array, at: number): void {
    into.set(new Uint8Array(this.#memory, this.#turnStart, this.turnBytes), at);
    this.#turnSeen += this.turnBytes;
    this.#turnStart = this.end;
  }

  /** The turn is over: its records are in a batch, or written to the block. */
  endTurn(): void {
    const bytes = this.#turnSeen + this.#turnWritten;
    if (bytes >= this.#directBytes) {
      this.#direct = true;
      this.#quietTurns = 0;
    } else if (this.#direct && bytes > 0 && ++this.#quietTurns >= DIRECT_QUIET_TURNS) {
      this.#direct = false;
    }
    this.#turnWritten = 0;
    this.#turnSeen = 0;
  }

  /**
   * Writes the whole tail to its block. Records of the turn that go with it are not in the turn's batch any more: the turn's sync
   * covers the block instead. Throws when the disk does; then the tail is as it was.
   */
  writeTo(file: BlockFile): void {
    file.file().write(this.bytes, 0, this.end, this.start);
    file.dirty = true;
    if (this.turnBytes > 0) {
      this.#turnWritten += this.turnBytes;
      this.directTurn = true;
    }
    this.start += this.end;
    this.#turnStart = 0;
    this.end = 0;
  }

  /** The block was cut at `offset`, which is in the tail. */
  cut(offset: number): void {
    this.end = offset - this.start;
    this.#turnStart = Math.min(this.#turnStart, this.end);
  }

  /** Forgets everything: the next record begins a new block. */
  drop(): void {
    this.resumeAt(0);
    this.#turnWritten = 0;
  }

  /** The newest block is written up to `offset`. */
  resumeAt(offset: number): void {
    this.start = offset;
    this.end = 0;
    this.#turnStart = 0;
  }
}
