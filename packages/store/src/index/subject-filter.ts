// A set of subject filters, ready for use on one stream: knows for each subject id whether it matches, and learns of new subjects
// as they come, so that "next match" costs one bit test per record.

import type { SubjectTable } from "./subject-table.ts";
import { type FilterTokens, filterTokens, matchesFilter } from "./subject-trie.ts";

/** Up to this many matching subjects, a filter knows where its first and last messages are. */
const FEW = 32;

/** One or more filters; a subject matches when any of them does. */
export class SubjectFilter {
  /** True: every subject matches. */
  readonly all: boolean;
  /** The subject itself when there is one filter without wildcards. */
  readonly literal: Uint8Array | null;
  #parts: readonly FilterTokens[];
  #subjects: SubjectTable;
  #bits: Uint32Array = new Uint32Array(0);
  #few: number[] | null = null;
  /** Creations seen; -1: nothing known yet. */
  #seen = -1;

  /**
   * @param filters - Checked already; an empty list, `""` and `">"` match everything.
   */
  constructor(subjects: SubjectTable, filters: readonly string[]) {
    this.#subjects = subjects;
    this.all = filters.length === 0 || filters.some((filter) => filter === "" || filter === ">");
    const bytes = filters.map((filter) => Buffer.from(filter, "latin1"));
    this.#parts = bytes.map(filterTokens);
    const only = this.#parts.length === 1 ? (this.#parts[0] as FilterTokens) : null;
    this.literal = only !== null && !only.tail && !only.tokens.includes(null) ? (bytes[0] as Uint8Array) : null;
  }

  /** Brings the set up to date with the subjects that exist now. Call before {@link has}. */
  refresh(): void {
    if (this.all || this.#seen === this.#subjects.createdCount) return;
    const created = this.#seen < 0 ? null : this.#subjects.createdSince(this.#seen);
    this.#seen = this.#subjects.createdCount;
    this.#few = null;
    const words = Math.ceil(this.#subjects.idEnd / 32);
    if (words > this.#bits.length) {
      const bits = new Uint32Array(Math.max(words, this.#bits.length * 2));
      bits.set(this.#bits);
      this.#bits = bits;
    }
    if (created === null) this.#rebuild();
    else for (const id of created) this.#learn(id);
  }

  /** Whether the subject with this id matches. */
  has(id: number): boolean {
    return this.all || (this.#bits[id >>> 5]! & (1 << (id & 31))) !== 0;
  }

  /** The matching subjects that have messages, if there are at most a few dozen; else null. */
  few(): readonly number[] | null {
    if (this.all) return null;
    if (this.#few !== null) return this.#few.length > FEW ? null : this.#few;
    const few: number[] = [];
    for (let word = 0; word < this.#bits.length && few.length <= FEW; word++) {
      for (let bits = this.#bits[word]!; bits !== 0; bits &= bits - 1)
        few.push(word * 32 + 31 - Math.clz32(bits & -bits));
    }
    this.#few = few;
    return few.length > FEW ? null : few;
  }

  /** Visits the ids of all matching subjects that have messages, each once; `visit` must not create or release any. */
  visit(visit: (id: number) => void): void {
    if (this.all) {
      this.#subjects.match({ tokens: [], tail: true }, visit);
    } else if (this.literal !== null) {
      const id = this.#subjects.find(this.literal, 0, this.literal.length);
      if (id >= 0) visit(id);
    } else if (this.#parts.length === 1) {
      this.#subjects.match(this.#parts[0] as FilterTokens, visit);
    } else {
      const ids = new Set<number>();
      for (const part of this.#parts) this.#subjects.match(part, (id) => ids.add(id));
      for (const id of ids) visit(id);
    }
  }

  #rebuild(): void {
    this.#bits.fill(0);
    const set = (id: number): void => {
      this.#bits[id >>> 5]! |= 1 << (id & 31);
    };
    for (const part of this.#parts) this.#subjects.match(part, set);
  }

  #learn(id: number): void {
    if (this.#subjects.retired.has(id)) {
      this.#bits[id >>> 5]! &= ~(1 << (id & 31));
      return;
    }
    const bytes = this.#subjects.keyBytes(id);
    const start = this.#subjects.keyStart(id);
    const end = start + this.#subjects.keyLength(id);
    // An id may be a dead subject's, given again: its bit has to be able to go, too.
    if (this.#parts.some((part) => matchesFilter(part, bytes, start, end))) this.#bits[id >>> 5]! |= 1 << (id & 31);
    else this.#bits[id >>> 5]! &= ~(1 << (id & 31));
  }
}
