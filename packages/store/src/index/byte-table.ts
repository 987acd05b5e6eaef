// Byte strings to small numbers and back: subjects and their tokens. Built for millions of them: no object, string or
// Map entry per key, and no single table so large that growing it would hold the event loop (a JavaScript Map also ends at 16.7 million).
//
//   hash shards (64)            pages of 4,096 ids                    chunks of 64 KiB
//   hash -> id + 1   ------->   id -> hash, chunk, place, length ---> bytes of the keys
//
// Ids of released keys are given again. Bytes of released keys are reclaimed a chunk at a time, when all its keys are gone.

import { IdHash } from "./id-hash.ts";
import { IdStack } from "./id-stack.ts";

const PAGE_BITS = 12;
const PAGE_IDS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_IDS - 1;
const CHUNK_BYTES = 64 * 1024;

/** The first page and the first chunk begin small and double: a thousand streams of one subject each must not cost megabytes. */
const PAGE_IDS_START = 16;
const CHUNK_BYTES_START = 512;

/**
 * Numbers of an id in a page: the key's hash, the number of its chunk, and its place there with its length above. Neighbours, because
 * a search reads all of them, and each could be somewhere that is not in the processor's cache.
 */
const ID_NUMBERS = 3;
const CHUNK_NUMBER = 1;
const PLACE = 2;
const PLACE_MASK = CHUNK_BYTES - 1;
const LENGTH_SHIFT = 16;

class Chunk {
  bytes: Uint8Array;
  keys = 0;
  /** The same bytes; null: nobody has asked for a string. */
  #buffer: Buffer | null = null;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  /** Makes sure that `end` bytes fit; the caller keeps `end` within {@link CHUNK_BYTES}. */
  ensure(end: number): void {
    if (end <= this.bytes.length) return;
    const larger = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(end, this.bytes.length * 2)));
    larger.set(this.bytes);
    this.bytes = larger;
    this.#buffer = null;
  }

  text(start: number, end: number): string {
    this.#buffer ??= Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
    return this.#buffer.toString("latin1", start, end);
  }
}

/** The hash of `bytes[start, end)`: FNV-1a with a final mix. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

/** Interns byte strings of up to 65,535 bytes. */
export class ByteTable {
  #pages: Int32Array[] = [];
  #chunks: Chunk[] = [];
  #freeChunks: number[] = [];
  /** Chunk that takes new keys, and how much of it is used; -1 when there is none. */
  #chunk = -1;
  #chunkUsed = 0;
  readonly #freeIds: IdStack = new IdStack();
  readonly #hash: IdHash = new IdHash((id) => this.#number(id, 0));

  /** One past the highest id ever given. */
  idEnd = 0;
  /** Keys in the table now. */
  size = 0;

  /** The id of a key, or -1. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const slots = this.#hash.shard(hash);
    const mask = slots.length - 1;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const id = slots[i]! - 1;
      if (id < 0) return -1;
      if (this.#number(id, 0) === hash && this.hasBytes(id, bytes, start, end)) return id;
    }
  }

  /** Adds a key that is not there; the caller has looked. Copies the bytes. */
  add(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const id = this.#freeIds.pop() ?? this.idEnd++;
    const number = id >>> PAGE_BITS;
    if (number === this.#pages.length)
      this.#pages.push(new Int32Array((id === 0 ? PAGE_IDS_START : PAGE_IDS) * ID_NUMBERS));
    const at = (id & PAGE_MASK) * ID_NUMBERS;
    if (at >= this.#pages[number]!.length) this.#growPage(number);
    const place = this.#store(bytes, start, end);
    const page = this.#pages[number]!;
    page[at] = hash;
    page[at + CHUNK_NUMBER] = this.#chunk;
    page[at + PLACE] = place | ((end - start) << LENGTH_SHIFT);
    this.#hash.insert(hash, id);
    this.size++;
    return id;
  }

  /** Forgets a key; its id may be given again. */
  release(id: number): void {
    this.unlink(id);
    this.free(id);
  }

  /** A key is not found any more. Its id and its bytes stay until {@link free}. */
  unlink(id: number): void {
    this.#hash.remove(this.#number(id, 0), id);
    this.size--;
  }

  /** The id of a key that was unlinked may be given again. */
  free(id: number): void {
    const chunkNumber = this.#number(id, CHUNK_NUMBER);
    const chunk = this.#chunks[chunkNumber]!;
    chunk.keys--;
    if (chunk.keys === 0 && chunkNumber !== this.#chunk) this.#freeChunks.push(chunkNumber);
    this.#freeIds.push(id);
  }

  length(id: number): number {
    return this.#number(id, PLACE) >>> LENGTH_SHIFT;
  }

  /** The chunk that holds a key's bytes: borrowed, they begin at {@link keyStart}. */
  keyBytes(id: number): Uint8Array {
    return this.#chunks[this.#number(id, CHUNK_NUMBER)]!.bytes;
  }

  keyStart(id: number): number {
    return this.#number(id, PLACE) & PLACE_MASK;
  }

  /** A byte of a key; -1 behind its end. */
  byteAt(id: number, place: number): number {
    const page = this.#pages[id >>> PAGE_BITS]!;
    const number = (id & PAGE_MASK) * ID_NUMBERS;
    const where = page[number + PLACE]!;
    if (place >= where >>> LENGTH_SHIFT) return -1;
    return this.#chunks[page[number + CHUNK_NUMBER]!]!.bytes[(where & PLACE_MASK) + place]!;
  }

  /** The key as a string, one character per byte. */
  text(id: number): string {
    const start = this.keyStart(id);
    return this.#chunks[this.#number(id, CHUNK_NUMBER)]!.text(start, start + this.length(id));
  }

  #number(id: number, which: number): number {
    return this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS + which]!;
  }

  /** Whether these bytes are the key of that id, which is not free; it may have been unlinked. */
  hasBytes(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const page = this.#pages[id >>> PAGE_BITS]!;
    const number = (id & PAGE_MASK) * ID_NUMBERS;
    const place = page[number + PLACE]!;
    if (place >>> LENGTH_SHIFT !== end - start) return false;
    const key = this.#chunks[page[number + CHUNK_NUMBER]!]!.bytes;
    let at = place & PLACE_MASK;
    for (let i = start; i < end; i++) if (bytes[i] !== key[at++]) return false;
    return true;
  }

  #growPage(number: number): void {
    const larger = new Int32Array(this.#pages[number]!.length * 2);
    larger.set(this.#pages[number]!);
    this.#pages[number] = larger;
  }

  /** Returns the place in `#chunk`. */
  #store(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    // An empty key has a place, too.
    if (this.#chunk < 0 || this.#chunkUsed + Math.max(1, length) > CHUNK_BYTES) this.#nextChunk();
    const chunk = this.#chunks[this.#chunk]!;
    const at = this.#chunkUsed;
    chunk.ensure(at + length);
    for (let i = 0; i < length; i++) chunk.bytes[at + i] = bytes[start + i]!;
    chunk.keys++;
    this.#chunkUsed += length;
    return at;
  }

  #nextChunk(): void {
    const full = this.#chunk;
    if (full >= 0 && this.#chunks[full]!.keys === 0) this.#freeChunks.push(full);
    this.#chunk =
      this.#freeChunks.pop() ?? this.#chunks.push(new Chunk(full < 0 ? CHUNK_BYTES_START : CHUNK_BYTES)) - 1;
    this.#chunkUsed = 0;
  }
}
