// The frames of a backup: numbered, checksummed pieces of a stream of bytes. docs/storage-format.md draws what is in them.
//
//    0  u32  checksum of bytes 4 to the end of the body
//    4  u32  length of the body
//    8  u32  number of the frame, from 0
//   12  u8   kind, 3 bytes of 0
//   16  body
//
// The last frame holds a SHA-256 of everything before it: a backup without it, or with anything behind it, is not whole.

import { createHash, type Hash } from "node:crypto";
import { checksum, viewOf } from "../checksum.ts";
import { StoreError } from "../errors.ts";
import { putU32, RECORD_BYTES_MAX, u32 } from "../record.ts";

const HEADER_BYTES = 16;
/** Frames are gathered into chunks of about this size; what the caller gets at a time. */
export const CHUNK_BYTES: number = 128 * 1024;
/** Longest body: the longest record and what names its stream. */
const BODY_BYTES_MAX = RECORD_BYTES_MAX + 1024;

export const KIND_BEGIN = 0;
export const KIND_STREAM = 1;
export const KIND_MESSAGES = 2;
export const KIND_CONSUMER = 3;
export const KIND_HOLES = 4;
export const KIND_STREAM_END = 5;
export const KIND_STREAM_GONE = 6;
export const KIND_END = 7;

export const DIGEST_BYTES = 32;

/** Puts frames together. */
export class FrameWriter {
  readonly #hash: Hash = createHash("sha256");
  #number = 0;
  #chunks: Uint8Array[] = [];
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  /** Adds a frame; the parts of its body are copied. */
  add(kind: number, ...parts: readonly Uint8Array[]): void {
    const bytes = frame(kind, this.#number++, parts);
    this.#hash.update(bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= CHUNK_BYTES) this.#gather();
  }

  /** Adds the last frame: `body` and the digest of all that came before. */
  end(body: Uint8Array): void {
    this.add(KIND_END, body, this.#hash.copy().digest());
  }

  /** The chunks that are complete; the caller's from now on. */
  takeChunks(): Uint8Array[] {
    this.#gather();
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  #gather(): void {
    if (this.#waiting.length === 0) return;
    this.#chunks.push(this.#waiting.length === 1 ? this.#waiting[0]! : Buffer.concat(this.#waiting));
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}

function frame(kind: number, number: number, parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(HEADER_BYTES + length);
  putU32(bytes, 4, length);
  putU32(bytes, 8, number);
  bytes[12] = kind;
  let at = HEADER_BYTES;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  putU32(bytes, 0, checksum(viewOf(bytes), 4, bytes.length));
  return bytes;
}

/** A frame that was read. */
export interface Frame {
  readonly kind: number;
  /** Belongs to the reader's caller. */
  readonly body: Uint8Array;
}

/**
 * Reads the frames of a backup, checking each, up to and including the last one. Keeps one frame in memory.
 *
 * @throws StoreError `BACKUP_DAMAGED` at the first byte that is not right, and where the chunks end too early or too late.
 */
export async function* readFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  const hash = createHash("sha256");
  const buffer = new Gathered();
  let number = 0;
  let position = 0;
  let ended = false;
  for await (const chunk of chunks) {
    buffer.push(chunk);
    for (let length = frameLength(buffer, position); length > 0; length = frameLength(buffer, position)) {
      if (ended) throw damaged(position, "there is something behind its last frame");
      const bytes = buffer.take(length);
      const kind = checkFrame(bytes, number, position);
      if (kind === KIND_END) {
        checkDigest(bytes, hash, position);
        ended = true;
      }
      hash.update(bytes);
      number++;
      position += length;
      yield { kind, body: bytes.subarray(HEADER_BYTES) };
    }
  }
  if (!ended) throw damaged(position, "it ends before its last frame: it was cut, or never completed");
  if (buffer.length > 0) throw damaged(position, "there is something behind its last frame");
}

/** Length of the frame at the front of the buffer; 0 when it is not complete yet. */
function frameLength(buffer: Gathered, position: number): number {
  const header = buffer.peek(HEADER_BYTES);
  if (header === null) return 0;
  const bodyBytes = u32(header, 4);
  if (bodyBytes > BODY_BYTES_MAX) {
    throw damaged(position, `a frame of ${bodyBytes} bytes is longer than ${BODY_BYTES_MAX}, or this is no backup`);
  }
  return buffer.length >= HEADER_BYTES + bodyBytes ? HEADER_BYTES + bodyBytes : 0;
}

/** Returns the frame's kind. */
function checkFrame(bytes: Uint8Array, number: number, position: number): number {
  if (checksum(viewOf(bytes), 4, bytes.length) !== u32(bytes, 0))
    throw damaged(position, "its bytes do not match a checksum");
  if (u32(bytes, 8) !== number) {
    throw damaged(position, `frame ${u32(bytes, 8)} stands where frame ${number} belongs`);
  }
  return bytes[12]!;
}

function checkDigest(bytes: Uint8Array, hash: Hash, position: number): void {
  const stored = bytes.subarray(bytes.length - DIGEST_BYTES);
  if (bytes.length < HEADER_BYTES + DIGEST_BYTES || hash.copy().digest().compare(stored) !== 0) {
    throw damaged(position, "its bytes do not match the digest in its last frame");
  }
}

/** What cannot be used, and where; null: in what a sound frame says. */
export function damaged(position: number | null, why: string): StoreError {
  const place = position === null ? "" : ` at byte ${position}`;
  return new StoreError(
    "BACKUP_DAMAGED",
    `Cannot read the backup${place}: ${why}. Nothing of it was restored; use another copy`,
  );
}

/** Chunks of any sizes, taken in pieces of other sizes. */
class Gathered {
  length = 0;
  #chunks: Uint8Array[] = [];

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.length += chunk.length;
  }

  /** The first bytes, left where they are; null when there are fewer. */
  peek(count: number): Uint8Array | null {
    if (this.length < count) return null;
    const first = this.#chunks[0]!;
    if (first.length >= count) return first.subarray(0, count);
    this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!.subarray(0, count);
  }

  /** The first bytes, copied: there are as many. */
  take(count: number): Uint8Array {
    const taken = new Uint8Array(count);
    for (let at = 0; at < count; ) {
      const first = this.#chunks[0]!;
      const piece = first.subarray(0, count - at);
      taken.set(piece, at);
      at += piece.length;
      if (piece.length === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(piece.length);
    }
    this.length -= count;
    return taken;
  }
}
