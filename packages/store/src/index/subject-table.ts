// What a stream knows about each of its subjects: how many messages, the first and the last of them.
// A subject is here exactly while it has messages.

import { ByteTable, hashBytes } from "./byte-table.ts";
import { IdStack } from "./id-stack.ts";
import { type FilterTokens, SubjectTrie } from "./subject-trie.ts";

const PAGE_BITS = 12;
const PAGE_IDS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_IDS - 1;
/** How many of the last created ids are remembered, for filters that keep the ids they match. */
const CREATED_KEPT = 256;
/** The first page begins with so many ids and doubles. */
const PAGE_IDS_START = 16;

/** So many ids that wait for it are made free with each one that is given. */
const FREED_PER_ID = 2;

/** Numbers of a page for each id: how many messages, the first and the last of them; neighbours, because an append touches them. */
const ID_NUMBERS = 3;
const FIRST = 1;
/** Negative: the last message was removed, and whatever is last now lies before minus this sequence. */
const LAST = 2;

/** Somebody who needs the subjects as they were at one moment. While he watches, none of their ids is given to another one. */
export interface SubjectWatcher {
  /** The numbers of a subject, or of an id that is free, are about to change. */
  changing(id: number): void;
  /** All subjects go from the table that was watched: `table` has them now, as they were just before, and will not change. */
  moved(table: SubjectTable): void;
}

/** Subjects of one stream, by id. Ids are small numbers and are given again after a subject is gone. */
export class SubjectTable {
  #keys: ByteTable = new ByteTable();
  #trie: SubjectTrie = new SubjectTrie();
  #pages: Float64Array[] = [];
  #created: Int32Array = new Int32Array(CREATED_KEPT);
  readonly #retired: Set<number> = new Set();
  /** The oldest one first. */
  #watchers: { readonly watcher: SubjectWatcher; readonly number: number }[] = [];
  #watcherNumber = 0;
  /** Whether there are any: asked with every change. */
  #watched = false;
  /** Ids without a subject that are not free yet, because somebody watched: watchers up to that number may need them. */
  #waiting: { readonly number: number; readonly ids: IdStack }[] = [];
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
    if (this.#isNext(bytes, start, end)) {
      this.#remember(this.#memoId + 1);
      return this.#memoId;
    }
    const hash = hashBytes(bytes, start, end);
    const found = this.#keys.find(bytes, start, end, hash);
    if (found >= 0) {
      this.#remember(found);
      return found;
    }
    if (this.#waiting.length > 0) this.#freeSome();
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

  /** Reads what is known of the subject that was asked for last. */
  prefetch(): number {
    return this.#memoId < 0 ? 0 : this.#memoBytes[this.#memoStart]! + this.messages(this.#memoId);
  }

  /** Forgets a subject without messages. */
  release(id: number): void {
    if (id === this.#memoId) this.#memoId = -1;
    const start = this.#keys.keyStart(id);
    this.#trie.remove(this.#keys.keyBytes(id), start, start + this.#keys.length(id));
    this.#keys.unlink(id);
    this.#free(id);
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
    this.#free(id);
  }

  /** From now on tells of what changes. */
  watch(watcher: SubjectWatcher): void {
    this.#watchers.push({ watcher, number: ++this.#watcherNumber });
    this.#watched = true;
  }

  /** Ends {@link watch}, unless {@link clear} did. */
  unwatch(watcher: SubjectWatcher): void {
    this.#watchers = this.#watchers.filter((other) => other.watcher !== watcher);
    this.#watched = this.#watchers.length > 0;
  }

  /** Ids that were retired and are not free yet. */
  get retired(): ReadonlySet<number> {
    return this.#retired;
  }

  /** Forgets all subjects. Filters made for this table notice. */
  clear(): void {
    if (this.#watched) this.#moveAll();
    this.#waiting = [];
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
    if (this.#watched) this.#tell(id);
    this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS] = count;
  }

  first(id: number): number {
    return this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS + FIRST]!;
  }

  setFirst(id: number, seq: number): void {
    if (this.#watched) this.#tell(id);
    this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS + FIRST] = seq;
  }

  /** The last sequence; minus an upper bound (exclusive) when it has to be looked for. */
  last(id: number): number {
    return this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS + LAST]!;
  }

  setLast(id: number, seq: number): void {
    if (this.#watched) this.#tell(id);
    this.#pages[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS + LAST] = seq;
  }

  /** The last sequence of a subject was found: it is the one that {@link last} said has to be looked for. */
  settleLast(id: number, seq: number): void {
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

  /** A byte of a subject; -1 behind its end. */
  byteAt(id: number, place: number): number {
    return this.#keys.byteAt(id, place);
  }

  /** Visits the subjects that match, as {@link SubjectTrie.match}; `visit` must not create or release any. */
  match(filter: FilterTokens, nodesMax: number, visit: (id: number) => boolean): number {
    return this.#trie.match(filter, nodesMax, visit);
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

  /** Subjects often come in the order in which they first came: then it is the next id, whose numbers are near those of the last. */
  #isNext(bytes: Uint8Array, start: number, end: number): boolean {
    const next = this.#memoId + 1;
    if (next === 0 || next >= this.#keys.idEnd) return false;
    // An id that is free has no messages, and its place may be another's; one that was retired has messages, and its bytes.
    return this.messages(next) > 0 && !this.#retired.has(next) && this.#keys.hasBytes(next, bytes, start, end);
  }

  #remember(id: number): void {
    this.#memoId = id;
    this.#memoBytes = this.#keys.keyBytes(id);
    this.#memoStart = this.#keys.keyStart(id);
    this.#memoLength = this.#keys.length(id);
  }

  #tell(id: number): void {
    for (const { watcher } of this.#watchers) watcher.changing(id);
  }

  #free(id: number): void {
    if (!this.#watched) {
      this.#keys.free(id);
      return;
    }
    let newest = this.#waiting.at(-1);
    if (newest?.number !== this.#watcherNumber) {
      newest = { number: this.#watcherNumber, ids: new IdStack() };
      this.#waiting.push(newest);
    }
    newest.ids.push(id);
  }

  /** Frees what nobody needs any more, a few at a time: there may be millions. */
  #freeSome(): void {
    const [oldest] = this.#waiting;
    if (oldest === undefined || (this.#watchers[0]?.number ?? Number.POSITIVE_INFINITY) <= oldest.number) return;
    for (let i = 0; i < FREED_PER_ID; i++) {
      const id = oldest.ids.pop();
      if (id !== undefined) this.#keys.free(id);
      else if (this.#waiting[0] === oldest) this.#waiting.shift();
    }
  }

  #moveAll(): void {
    const moved = new SubjectTable();
    moved.#keys = this.#keys;
    moved.#pages = this.#pages;
    for (const { watcher } of this.#watchers) watcher.moved(moved);
    this.#watchers = [];
    this.#watched = false;
  }

  #growPage(number: number): void {
    const page = this.#pages[number]!;
    const larger = new Float64Array(page.length * 2);
    larger.set(page);
    this.#pages[number] = larger;
  }
}
