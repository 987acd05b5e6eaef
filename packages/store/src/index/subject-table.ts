// What a stream knows about each of its subjects: how many messages, the first and the last of them.
// A subject is here exactly while it has messages.

import { ByteTable, hashBytes } from "./byte-table.ts";
import { type FilterTokens, SubjectTrie } from "./subject-trie.ts";

const PAGE_BITS = 12;
const PAGE_IDS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_IDS - 1;
/** How many of the last created ids are remembered, for filters that keep the ids they match. */
const CREATED_KEPT = 256;
/** The first page begins with so many ids and doubles. */
const PAGE_IDS_START = 16;

class Page {
  messages: Uint32Array;
  firsts: Float64Array;
  /** Negative: the last message was removed, and whatever is last now lies before minus this sequence. */
  lasts: Float64Array;

  constructor(size: number) {
    this.messages = new Uint32Array(size);
    this.firsts = new Float64Array(size);
    this.lasts = new Float64Array(size);
  }

  grow(): void {
    const { messages, firsts, lasts } = this;
    const size = messages.length * 2;
    this.messages = new Uint32Array(size);
    this.firsts = new Float64Array(size);
    this.lasts = new Float64Array(size);
    this.messages.set(messages);
    this.firsts.set(firsts);
    this.lasts.set(lasts);
  }
}

/** Subjects of one stream, by id. Ids are small numbers and are given again after a subject is gone. */
export class SubjectTable {
  #keys: ByteTable = new ByteTable();
  #trie: SubjectTrie = new SubjectTrie();
  #pages: Page[] = [];
  #created: Int32Array = new Int32Array(CREATED_KEPT);
  /** How many subjects were ever created. */
  createdCount = 0;

  /** Subjects that have messages. */
  get size(): number {
    return this.#keys.size;
  }

  /** One past the highest id. */
  get idEnd(): number {
    return this.#keys.idEnd;
  }

  /** The id of a subject that has messages, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.#keys.find(bytes, start, end, hashBytes(bytes, start, end));
  }

  /** The id of a subject; a new one has no messages yet and must get one. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const found = this.#keys.find(bytes, start, end, hash);
    if (found >= 0) return found;
    const id = this.#keys.add(bytes, start, end, hash);
    if (id >>> PAGE_BITS === this.#pages.length) this.#pages.push(new Page(id === 0 ? PAGE_IDS_START : PAGE_IDS));
    const page = this.#page(id);
    if ((id & PAGE_MASK) >= page.messages.length) page.grow();
    page.messages[id & PAGE_MASK] = 0;
    this.#trie.add(bytes, start, end, id);
    this.#created[this.createdCount++ % CREATED_KEPT] = id;
    return id;
  }

  /** Forgets a subject without messages. */
  release(id: number): void {
    const start = this.#keys.keyStart(id);
    this.#trie.remove(this.#keys.keyBytes(id), start, start + this.#keys.length(id));
    this.#keys.release(id);
  }

  /** Forgets all subjects. Filters made for this table notice. */
  clear(): void {
    this.#keys = new ByteTable();
    this.#trie = new SubjectTrie();
    this.#pages = [];
    this.createdCount += CREATED_KEPT + 1;
  }

  messages(id: number): number {
    return this.#page(id).messages[id & PAGE_MASK]!;
  }

  setMessages(id: number, count: number): void {
    this.#page(id).messages[id & PAGE_MASK] = count;
  }

  first(id: number): number {
    return this.#page(id).firsts[id & PAGE_MASK]!;
  }

  setFirst(id: number, seq: number): void {
    this.#page(id).firsts[id & PAGE_MASK] = seq;
  }

  /** The last sequence; minus an upper bound (exclusive) when it has to be looked for. */
  last(id: number): number {
    return this.#page(id).lasts[id & PAGE_MASK]!;
  }

  setLast(id: number, seq: number): void {
    this.#page(id).lasts[id & PAGE_MASK] = seq;
  }

  /** The subject as a string, one character per byte. */
  text(id: number): string {
    return this.#keys.text(id);
  }

  keyBytes(id: number): Uint8Array {
    return this.#keys.keyBytes(id);
  }

  keyStart(id: number): number {
    return this.#keys.keyStart(id);
  }

  keyLength(id: number): number {
    return this.#keys.length(id);
  }

  /** Visits the subjects that match; `visit` must not create or release any. */
  match(filter: FilterTokens, visit: (id: number) => void): void {
    this.#trie.match(filter, visit);
  }

  /**
   * Ids created since there were `since` creations.
   *
   * @returns Null when that is too long ago to be remembered.
   */
  createdSince(since: number): Int32Array | null {
    const count = this.createdCount - since;
    if (count > CREATED_KEPT) return null;
    const ids = new Int32Array(count);
    for (let i = 0; i < count; i++) ids[i] = this.#created[(since + i) % CREATED_KEPT]!;
    return ids;
  }

  #page(id: number): Page {
    return this.#pages[id >>> PAGE_BITS]!;
  }
}
