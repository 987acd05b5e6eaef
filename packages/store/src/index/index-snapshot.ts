// The index of a stream as it is at one moment, for questions that take longer than one turn of the event loop.
//
// Making one costs nothing, and as long as nobody else had a turn, it is the index itself. `hold()` is called before the first pause:
// from then on the index tells of each change before it makes it, and what it changes is kept here:
//
//   numbers of a subject      24 bytes, by id, in pages that are made where something changes
//   removal of a message      a bit, by slot, likewise
//   all subjects go           their table goes on here, since nobody changes it any more
//   a block is cut, emptied   a copy of it
//
// Ids stand for the same subjects as long as it is held: the table gives none of them to another one.

import type { IndexBlock, RecordIndex } from "./record-index.ts";
import type { StreamIndex } from "./stream-index.ts";
import type { SubjectFilter } from "./subject-filter.ts";
import type { SubjectMatches } from "./subject-matches.ts";
import type { SubjectTable, SubjectWatcher } from "./subject-table.ts";

/** Small: changes of subjects here and there must not make room for all of them at once. */
const PAGE_BITS = 8;
const PAGE_IDS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_IDS - 1;
/** Numbers of an id that changed: messages + 1, or 0 when it has not changed; first and last, as the table has them. */
const ID_NUMBERS = 3;
const FIRST = 1;
const LAST = 2;

const NONE_REMOVED = new Uint32Array(0);

/** What a stream had at one moment. */
export class IndexSnapshot implements SubjectWatcher {
  /** What it is asked about. */
  readonly filter: SubjectFilter;
  readonly messages: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** One past the highest id. */
  readonly idEnd: number;
  readonly subjectCount: number;
  /** How many subjects there had been by then. */
  readonly createdCount: number;
  /** How often a last message had to be looked for: each may take long. */
  lookups = 0;
  #index: StreamIndex;
  #subjects: SubjectTable;
  #records: RecordIndex;
  #retired: ReadonlySet<number>;
  #matches: SubjectMatches | null = null;
  #held = false;
  /** Whether any number has changed. */
  #changed = false;
  #kept: (Float64Array | undefined)[] = [];
  /** For each block the slots whose messages went, a bit each. */
  #removed: (Uint32Array | undefined)[] = [];
  /** Sequences up to here are still those that they were. */
  #validTo: number;

  constructor(index: StreamIndex, filter: SubjectFilter) {
    this.filter = filter;
    this.messages = index.messages;
    this.firstSeq = index.firstSeq;
    this.lastSeq = index.lastSeq;
    this.idEnd = index.subjects.idEnd;
    this.subjectCount = index.subjects.size;
    this.createdCount = index.subjects.createdCount;
    this.#index = index;
    this.#subjects = index.subjects;
    this.#records = index.records;
    this.#retired = index.subjects.retired;
    this.#validTo = index.lastSeq;
  }

  /** The index may change from now on. */
  hold(): void {
    if (this.#held) return;
    this.#held = true;
    if (!this.filter.all) this.#matches ??= this.filter.matches();
    this.#records = this.#records.copy();
    this.#retired = new Set(this.#retired);
    this.#kept = Array.from({ length: (this.idEnd + PAGE_MASK) >>> PAGE_BITS });
    this.#removed = Array.from({ length: this.#records.blocks.length });
    this.#index.addSnapshot(this);
  }

  /** It is not needed any more. */
  release(): void {
    if (this.#held) this.#index.dropSnapshot(this);
  }

  /** The index, as long as it is the same. */
  get index(): StreamIndex | null {
    return this.#held ? null : this.#index;
  }

  /** Where the names of the subjects are. Their numbers are here. */
  get subjects(): SubjectTable {
    return this.#subjects;
  }

  get records(): RecordIndex {
    return this.#records;
  }

  /** Messages that are gone although their slots say otherwise: a rollup took them away. */
  get hasRetired(): boolean {
    return this.#retired.size > 0;
  }

  /** Which subjects match; null: all do. */
  get matches(): SubjectMatches | null {
    if (!this.filter.all) this.#matches ??= this.filter.matches();
    return this.#matches;
  }

  /** Number of messages of a subject, for any id; 0 for one that was free or retired. */
  messagesOf(id: number): number {
    if (this.#retired.size > 0 && this.#retired.has(id)) return 0;
    return this.#isKept(id) ? this.#keptNumber(id, 0) - 1 : this.#subjects.messages(id);
  }

  /** Of a subject that has messages, as are all that follow. */
  firstOf(id: number): number {
    return this.#isKept(id) ? this.#keptNumber(id, FIRST) : this.#subjects.first(id);
  }

  /** No message of the subject comes after this one; often it is the last. */
  lastBound(id: number): number {
    const last = this.#isKept(id) ? this.#keptNumber(id, LAST) : this.#subjects.last(id);
    // What was removed may have been truncated with all that came after it.
    return last > 0 ? last : Math.min(-last - 1, this.lastSeq);
  }

  /** The last message. Seldom it has to be looked for: then {@link lookups} grows. */
  lastOf(id: number): number {
    const isKept = this.#isKept(id);
    const last = isKept ? this.#keptNumber(id, LAST) : this.#subjects.last(id);
    if (last > 0) return last;
    this.lookups++;
    // What is found for a subject that has not changed since is of use to others.
    if (!isKept && this.#subjects === this.#index.subjects) return this.#index.lastOf(id);
    const to = this.lastBound(id);
    const { blocks } = this.#records;
    for (let at = Math.min(this.#records.position(to), blocks.length - 1); at >= 0; at--) {
      const found = this.previousIn(at, id, to);
      if (found > 0) return found;
    }
    return 0;
  }

  /**
   * The last message of a subject at or before `seq` in one block, or 0.
   *
   * @param at - Position of the block in {@link records}.
   */
  previousIn(at: number, id: number, seq: number): number {
    const block = this.#records.blocks[at]!;
    if (block.firstSeq > seq || !block.mayHave(id)) return 0;
    for (let slot = Math.min(block.slots - 1, seq - block.firstSeq); slot >= 0; slot--)
      if (block.subject(slot) === id && this.isLive(at, slot)) return block.firstSeq + slot;
    return 0;
  }

  /**
   * Whether a slot has a message; to be asked for sequences up to {@link lastSeq}, and beside {@link isRetired}.
   *
   * @param at - Position of its block in {@link records}.
   */
  isLive(at: number, slot: number): boolean {
    if (this.#records.blocks[at]!.isLive(slot)) return true;
    const removed = this.#removed[at];
    return removed !== undefined && (removed[slot >>> 5]! & (1 << (slot & 31))) !== 0;
  }

  /** The slots of a block whose messages went meanwhile, a bit each; empty when none did. */
  removedIn(at: number): Uint32Array {
    return this.#removed[at] ?? NONE_REMOVED;
  }

  isRetired(id: number): boolean {
    return this.#retired.size > 0 && this.#retired.has(id);
  }

  /** @see SubjectWatcher.changing */
  changing(id: number): void {
    if (id >= this.idEnd || this.#isKept(id)) return;
    this.#changed = true;
    let page = this.#kept[id >>> PAGE_BITS];
    if (page === undefined) {
      page = new Float64Array(PAGE_IDS * ID_NUMBERS);
      this.#kept[id >>> PAGE_BITS] = page;
    }
    const at = (id & PAGE_MASK) * ID_NUMBERS;
    page[at] = this.#subjects.messages(id) + 1;
    page[at + FIRST] = this.#subjects.first(id);
    page[at + LAST] = this.#subjects.last(id);
  }

  /** @see SubjectWatcher.moved */
  moved(table: SubjectTable): void {
    this.#subjects = table;
    if (this.#matches !== null) this.#matches.subjects = table;
  }

  /** The message of that sequence is about to go. */
  removing(seq: number): void {
    if (seq > this.#validTo) return;
    const at = this.#records.position(seq);
    const block = this.#records.blocks[at]!;
    let removed = this.#removed[at];
    if (removed === undefined) {
      removed = new Uint32Array((block.slots + 31) >>> 5);
      this.#removed[at] = removed;
    }
    const slot = seq - block.firstSeq;
    removed[slot >>> 5]! |= 1 << (slot & 31);
  }

  /** Sequences after `seq` are about to be given again. */
  cutting(seq: number): void {
    // The block that is cut, and the one that becomes the newest: it goes on with other messages.
    const at = this.#records.position(seq + 1);
    this.#keepBlock(at);
    this.#keepBlock(at - 1);
    this.#validTo = Math.min(this.#validTo, seq);
  }

  /** All messages of a block are about to go but the newest one. */
  emptying(block: IndexBlock): void {
    this.#keepBlock(this.#records.blocks.indexOf(block));
  }

  #keepBlock(at: number): void {
    const block = this.#records.blocks[at];
    if (block !== undefined) this.#records.replace(at, block.clone());
  }

  #isKept(id: number): boolean {
    if (!this.#changed) return false;
    const page = this.#kept[id >>> PAGE_BITS];
    return page !== undefined && page[(id & PAGE_MASK) * ID_NUMBERS]! > 0;
  }

  #keptNumber(id: number, which: number): number {
    return this.#kept[id >>> PAGE_BITS]![(id & PAGE_MASK) * ID_NUMBERS + which]!;
  }
}
