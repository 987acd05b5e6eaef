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

/** Numbers of a page for each id: how many messages, the first and the last of them; neighbours, because an append touches them. */
const ID_NUMBERS = 3;
const FIRST = 1;
/** Negative: the last message was removed, and whatever is last now lies before minus this sequence. */
const LAST = 2;

/** Subjects of one stream, by id. Ids are small numbers and are given again after a subject is gone. */
export class SubjectTable {
  #keys: ByteTable = new ByteTable();
  #trie: SubjectTrie = new SubjectTrie();
  #pages: Float64Array[] = [];
  #created: Int32Array = new Int32Array(CREATED_KEPT);
  readonly #retired: Set<number> = new Set();
  /** The subject that was asked for last and where its bytes are; -1: none. Streams are often written to by one subject at a time. */
  #memoId = -1;
  #memoBytes: Uint8Array = new Uint8Array(0);
  #memoStart = 0;
  #memoLength = 0;
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
    if (this.#isMemo(bytes, start, end)) return this.#memoId;
    const hash = hashBytes(bytes, start, end);
    const found = this.#keys.find(bytes, start, end, hash);
    if (found >= 0) {
      this.#remember(found);
      return found;
    }
    const id = this.#keys.add(bytes, start, end, hash);
    const number = id >>> PAGE_BITS;
    if (number === this.#pages.length)
      this.#pages.push(new Float64Array((id === 0 ? PAGE_IDS_START : PAGE_IDS) * ID_NUMBERS));
    if ((id & PAGE_MASK) * ID_NUMBERS >= this.#pages[number]!.length) this.#growPage(number);
    this.setMessages(id, 0);
    this.#trie.add(bytes, start, end, id);
    this.#created[this.createdCount++ % CREATED_KEPT] = id;
    return id;
  }

  /** Forgets a subject without messages. */
  release(id: number): void {
    if (id === this.#memoId) this.#memoId = -1;
    const start = this.#keys.keyStart(id);
    this.#trie.remove(this.#keys.keyBytes(id), start, start + this.#keys.length(id));
    this.#keys.release(id);
  }

  /**
   * Gives a subject another id, which has no messages yet and must get one. The old one keeps its messages, and nobody finds it by its
   * name or by a filter any more; {@link free} ends it.
   */
  retire(id: number): number {
    if (id === this.#memoId) this.#memoId = -1;
    const start = this.#keys.keyStart(id);
    const bytes = this.#keys.keyBytes(id);
    this.#keys.unlink(id);
    this.#retired.add(id);
    // For filters that keep the ids they match.
    this.#created[this.createdCount++ % CREATED_KEPT] = id;
    return this.intern(bytes, start, start + this.#keys.length(id));
  }

  /** Forgets a retired id without messages. */
  free(id: number): void {
    this.#retired.delete(id);
    this.#keys.free(id);
  }

  /** Ids that were retired and are not free yet. */
  get retired(): ReadonlySet<number> {
    return this.#retired;
  }

  /** Forgets all subjects. Filters made for this table notice. */
  clear(): void {
    this.#keys = new ByteTable();
    this.#trie = new SubjectTrie();
    this.#pages = [];
    this.#retired.clear();
    this.#memoId = -1;
    this.createdCount += CREATED_KEPT + 1;
  }

  /** Whether there ever was a subject with this id, which may be anything. */
  has(id: number): boolean {
    return id < this.#keys.idEnd;
  }

  messages(id: number): number {
    return this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS]!;
  }

  setMessages(id: number, count: number): void {
    this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS] = count;
  }

  first(id: number): number {
    return this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS + FIRST]!;
  }

  setFirst(id: number, seq: number): void {
    this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS + FIRST] = seq;
  }

  /** The last sequence; minus an upper bound (exclusive) when it has to be looked for. */
  last(id: number): number {
    return this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS + LAST]!;
  }

  setLast(id: number, seq: number): void {
    this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS + LAST] = seq;
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

  #isMemo(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#memoId < 0 || end - start !== this.#memoLength) return false;
    const memo = this.#memoBytes;
    // From the end: neighbours differ there.
    for (let i = end - 1, at = this.#memoStart + this.#memoLength - 1; i >= start; i--, at--)
      if (bytes[i] !== memo[at]) return false;
    return true;
  }

  #remember(id: number): void {
    this.#memoId = id;
    this.#memoBytes = this.#keys.keyBytes(id);
    this.#memoStart = this.#keys.keyStart(id);
    this.#memoLength = this.#keys.length(id);
  }

  #growPage(number: number): void {
    const page = this.#pages[number]!;
    const larger = new Float64Array(page.length * 2);
    larger.set(page);
    this.#pages[number] = larger;
  }
}
