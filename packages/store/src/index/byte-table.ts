// Byte strings to small numbers and back: subjects and their tokens. Built for millions of them: no object, string or
// Map entry per key, and no single table so large that growing it would hold the event loop (a JavaScript Map also ends at 16.7 million).
//
//   hash shards (64)            pages of 4,096 ids                chunks of 64 KiB
//   hash -> id + 1   ------->   id -> address, length, hash ---> bytes of the keys
//
// Ids of released keys are given again. Bytes of released keys are reclaimed a chunk at a time, when all its keys are gone.

import { IdHash } from "./id-hash.ts";

const PAGE_BITS = 12;
const PAGE_IDS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_IDS - 1;
const CHUNK_BYTES = 64 * 1024;

/** The first page and the first chunk begin small and double: a thousand streams of one subject each must not cost megabytes. */
const PAGE_IDS_START = 16;
const CHUNK_BYTES_START = 512;

class Page {
  /** Chunk number times CHUNK_BYTES, plus place. */
  addresses: Float64Array;
  lengths: Uint16Array;
  hashes: Int32Array;

  constructor(size: number) {
    this.addresses = new Float64Array(size);
    this.lengths = new Uint16Array(size);
    this.hashes = new Int32Array(size);
  }

  grow(): void {
    const { addresses, lengths, hashes } = this;
    const size = addresses.length * 2;
    this.addresses = new Float64Array(size);
    this.lengths = new Uint16Array(size);
    this.hashes = new Int32Array(size);
    this.addresses.set(addresses);
    this.lengths.set(lengths);
    this.hashes.set(hashes);
  }
}

class Chunk {
  bytes: Uint8Array;
  keys = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  /** Makes sure that `end` bytes fit; the caller keeps `end` within {@link CHUNK_BYTES}. */
  ensure(end: number): void {
    if (end <= this.bytes.length) return;
    const larger = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(end, this.bytes.length * 2)));
    larger.set(this.bytes);
    this.bytes = larger;
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
  #pages: Page[] = [];
  #chunks: Chunk[] = [];
  #freeChunks: number[] = [];
  /** Chunk that takes new keys, and how much of it is used; -1 when there is none. */
  #chunk = -1;
  #chunkUsed = 0;
  #freeIds: number[] = [];
  #hash: IdHash = new IdHash((id) => this.#page(id).hashes[id & PAGE_MASK]!);

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
      const page = this.#pages[id >>> PAGE_BITS]!;
      if (page.hashes[id & PAGE_MASK] === hash && this.#equals(page, id & PAGE_MASK, bytes, start, end)) return id;
    }
  }

  /** Adds a key that is not there; the caller has looked. Copies the bytes. */
  add(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const id = this.#freeIds.pop() ?? this.idEnd++;
    if (id >>> PAGE_BITS === this.#pages.length) this.#pages.push(new Page(id === 0 ? PAGE_IDS_START : PAGE_IDS));
    const page = this.#page(id);
    if ((id & PAGE_MASK) >= page.lengths.length) page.grow();
    page.addresses[id & PAGE_MASK] = this.#store(bytes, start, end);
    page.lengths[id & PAGE_MASK] = end - start;
    page.hashes[id & PAGE_MASK] = hash;
    this.#hash.insert(hash, id);
    this.size++;
    return id;
  }

  /** Forgets a key; its id may be given again. */
  release(id: number): void {
    const page = this.#page(id);
    this.#hash.remove(page.hashes[id & PAGE_MASK]!, id);
    const chunkNumber = Math.floor(page.addresses[id & PAGE_MASK]! / CHUNK_BYTES);
    const chunk = this.#chunks[chunkNumber]!;
    chunk.keys--;
    if (chunk.keys === 0 && chunkNumber !== this.#chunk) this.#freeChunks.push(chunkNumber);
    this.#freeIds.push(id);
    this.size--;
  }

  length(id: number): number {
    return this.#page(id).lengths[id & PAGE_MASK]!;
  }

  /** The chunk that holds a key's bytes: borrowed, they begin at {@link keyStart}. */
  keyBytes(id: number): Uint8Array {
    return this.#chunks[Math.floor(this.#page(id).addresses[id & PAGE_MASK]! / CHUNK_BYTES)]!.bytes;
  }

  keyStart(id: number): number {
    return this.#page(id).addresses[id & PAGE_MASK]! % CHUNK_BYTES;
  }

  /** The key as a string, one character per byte. */
  text(id: number): string {
    const start = this.keyStart(id);
    const bytes = this.keyBytes(id);
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, this.length(id)).toString("latin1");
  }

  #page(id: number): Page {
    return this.#pages[id >>> PAGE_BITS]!;
  }

  #equals(page: Page, slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (page.lengths[slot] !== end - start) return false;
    const address = page.addresses[slot]!;
    const key = this.#chunks[Math.floor(address / CHUNK_BYTES)]!.bytes;
    let at = address % CHUNK_BYTES;
    for (let i = start; i < end; i++) if (bytes[i] !== key[at++]) return false;
    return true;
  }

  #store(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (this.#chunk < 0 || this.#chunkUsed + length > CHUNK_BYTES) this.#nextChunk();
    const chunk = this.#chunks[this.#chunk]!;
    const at = this.#chunkUsed;
    chunk.ensure(at + length);
    for (let i = 0; i < length; i++) chunk.bytes[at + i] = bytes[start + i]!;
    chunk.keys++;
    this.#chunkUsed += length;
    return this.#chunk * CHUNK_BYTES + at;
  }

  #nextChunk(): void {
    const full = this.#chunk;
    if (full >= 0 && this.#chunks[full]!.keys === 0) this.#freeChunks.push(full);
    this.#chunk =
      this.#freeChunks.pop() ?? this.#chunks.push(new Chunk(full < 0 ? CHUNK_BYTES_START : CHUNK_BYTES)) - 1;
    this.#chunkUsed = 0;
  }
}
