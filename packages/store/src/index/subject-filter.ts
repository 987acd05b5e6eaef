// A set of subject filters, ready for use on one stream: knows which subjects match as far as somebody needed to know, and learns of
// new subjects as they come. Nothing in it looks at all subjects at once, since there may be millions:
//
//   few match, and the tree shows it quickly    their ids: "next match" asks where each of them comes next
//   else                                        two bits per id, filled in as records go by (SubjectMatches)

import { SubjectMatches } from "./subject-matches.ts";
import type { SubjectTable } from "./subject-table.ts";
import { type FilterTokens, filterTokens } from "./subject-trie.ts";

/** Up to this many matching subjects, a filter knows which they are. */
export const FEW = 32;

/** One or more filters; a subject matches when any of them does. Takes up to two bits per subject of the stream, once needed. */
export class SubjectFilter {
  /** True: every subject matches. */
  readonly all: boolean;
  /** The subject itself when there is one filter without wildcards. */
  readonly literal: Uint8Array | null;
  /** All matching subjects begin with so many bytes that are the same. */
  readonly prefixBytes: number;
  #parts: readonly FilterTokens[];
  #subjects: SubjectTable;
  #matches: SubjectMatches;
  /** All that match, and perhaps some that are gone; null: more than {@link FEW}, or not known. */
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
    this.prefixBytes = only === null || this.all ? 0 : prefixBytes(only);
    this.#matches = new SubjectMatches(subjects, this.#parts);
  }

  /** Which subjects match, now and until this is asked again. Not for filters that match all. */
  matches(): SubjectMatches {
    this.#refresh();
    return this.#matches;
  }

  /** The matching subjects if they are known to be at most {@link FEW}, else null; some may have no messages any more. */
  few(): readonly number[] | null {
    if (this.all) return null;
    this.#refresh();
    return this.#few;
  }

  /**
   * Tells which they are, after somebody has looked at all subjects.
   *
   * @param matches - What {@link matches} gave.
   * @param createdCount - How many subjects the table had ever had when these were all that matched.
   */
  learnFew(ids: readonly number[], matches: SubjectMatches, createdCount: number): void {
    if (this.#few !== null || matches !== this.#matches || ids.length > FEW) return;
    this.#few = [...ids];
    // What came after that is looked at once more.
    this.#seen = createdCount;
  }

  #refresh(): void {
    const { createdCount } = this.#subjects;
    if (this.#seen === createdCount) return;
    const created = this.#seen < 0 ? null : this.#subjects.createdSince(this.#seen);
    this.#seen = createdCount;
    if (created === null) this.#begin();
    else for (const id of created) this.#note(id);
  }

  #begin(): void {
    this.#matches = new SubjectMatches(this.#subjects, this.#parts);
    const found = this.#matches.find();
    this.#few = found !== null && found.length <= FEW ? found : null;
    if (found !== null && this.#few === null) this.#matches.learnAll(found);
  }

  /** An id was given to another subject, or its subject was retired. */
  #note(id: number): void {
    this.#matches.forget(id);
    if (this.#few === null) return;
    const few = this.#few.filter((other) => other !== id);
    if (!this.#subjects.retired.has(id) && this.#matches.test(id)) few.push(id);
    this.#few = few.length <= FEW ? few : this.#stillThere(few);
  }

  #stillThere(ids: readonly number[]): number[] | null {
    const there = ids.filter((id) => this.#subjects.messages(id) > 0);
    return there.length <= FEW ? there : null;
  }
}

function prefixBytes({ tokens }: FilterTokens): number {
  let bytes = 0;
  for (const token of tokens) {
    if (token === null) return bytes;
    bytes += token.length + 1;
  }
  return bytes;
}
