// Which subjects of one table match some filters: found by the tree where that shows that they are few, else one by one, when somebody
// asks. What was found is remembered, two bits per id, so that nobody has to look at all subjects before the first answer.

import type { SubjectTable } from "./subject-table.ts";
import { type FilterTokens, matchesFilter } from "./subject-trie.ts";

/** So many nodes of the tree are looked at in one piece, and two more for each token of the filters. */
const NODES_MAX = 2048;

const UNKNOWN = 0;
const NO = 1;
const YES = 2;
/** Ids of a word: two bits each. */
const WORD_BITS = 4;
const WORD_IDS_MASK = 15;

/** What is known of the subjects. Its ids must not be given to other subjects without {@link forget}. */
export class SubjectMatches {
  /** Where the subjects are. Another table when they moved there. */
  subjects: SubjectTable;
  #parts: readonly FilterTokens[];
  #nodesMax: number;
  #words: Uint32Array = new Uint32Array(0);
  /** Whatever is not known does not match. */
  #complete = false;

  constructor(subjects: SubjectTable, parts: readonly FilterTokens[]) {
    this.subjects = subjects;
    this.#parts = parts;
    this.#nodesMax = parts.reduce((sum, { tokens }) => sum + 2 * tokens.length + 2, NODES_MAX);
  }

  /** Whether the subject with this id matches; it exists, or was retired. */
  has(id: number): boolean {
    const word = id >>> WORD_BITS;
    const state = word < this.#words.length ? (this.#words[word]! >>> ((id & WORD_IDS_MASK) * 2)) & 3 : UNKNOWN;
    return state === UNKNOWN ? !this.#complete && this.#learn(id) : state === YES;
  }

  /**
   * All subjects that match and have messages, in no order; null when more of the tree had to be looked at than takes a millisecond, or
   * than the filters are long.
   */
  find(): number[] | null {
    const ids = new Set<number>();
    let left = this.#nodesMax;
    for (const part of this.#parts) {
      left = this.subjects.match(part, left, (id) => {
        ids.add(id);
        return true;
      });
      if (left < 0) return null;
    }
    return [...ids];
  }

  /** These are all that match: nobody has to look at any other. */
  learnAll(ids: readonly number[]): void {
    this.#words = new Uint32Array(0);
    for (const id of ids) this.#set(id, YES);
    this.#complete = true;
  }

  /** An id is another subject's now. */
  forget(id: number): void {
    if (this.#complete) this.#learn(id);
    else if (id >>> WORD_BITS < this.#words.length) this.#set(id, UNKNOWN);
  }

  /** As {@link has}, without remembering it. */
  test(id: number): boolean {
    const { subjects } = this;
    const bytes = subjects.keyBytes(id);
    const start = subjects.keyStart(id);
    const end = start + subjects.keyLength(id);
    for (const part of this.#parts) if (matchesFilter(part, bytes, start, end)) return true;
    return false;
  }

  #learn(id: number): boolean {
    const matches = this.test(id);
    this.#set(id, matches ? YES : NO);
    return matches;
  }

  #set(id: number, state: number): void {
    const word = id >>> WORD_BITS;
    if (word >= this.#words.length) this.#grow(word + 1);
    const shift = (id & WORD_IDS_MASK) * 2;
    this.#words[word] = (this.#words[word]! & ~(3 << shift)) | (state << shift);
  }

  #grow(words: number): void {
    // To what is needed for all there are, with some room for those that come.
    const wanted = ((this.subjects.idEnd >>> WORD_BITS) * 9) >>> 3;
    const larger = new Uint32Array(Math.max(words, wanted, 4));
    larger.set(this.#words);
    this.#words = larger;
  }
}
