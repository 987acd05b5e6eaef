// How questions go over the subjects of a snapshot.

import type { IndexSnapshot } from "../index/index-snapshot.ts";
import { FEW } from "../index/subject-filter.ts";
import type { SubjectMatches } from "../index/subject-matches.ts";

/** Ids that are looked at in one step: a few microseconds. */
const IDS_PER_STEP = 128;

/** Goes over the subjects that match and have messages, each once, a step at a time. To be made before the first pause. */
export class SubjectWalk {
  /** The subjects that the last step found, and how many messages each has. */
  readonly ids: Int32Array = new Int32Array(IDS_PER_STEP);
  readonly messages: Float64Array = new Float64Array(IDS_PER_STEP);
  /** How many of them. */
  count = 0;
  /** The ids that match if they were found without looking at many, else null: then all ids are gone over, in order. */
  readonly known: readonly number[] | null;
  /** How many ids there are to look at: up to 60 ns each the first time with a filter, 10 then. */
  readonly length: number;
  #snapshot: IndexSnapshot;
  #matches: SubjectMatches | null;
  #at = 0;
  /** The first ones that were found. */
  #few: number[] = [];

  constructor(snapshot: IndexSnapshot) {
    this.#snapshot = snapshot;
    this.known = knownSubjects(snapshot);
    this.length = this.known?.length ?? snapshot.idEnd;
    this.#matches = this.known === null ? snapshot.matches : null;
  }

  /** Looks at some more; returns whether there were any. Whoever asks may pause then, while there is {@link more}. */
  step(): boolean {
    this.count = 0;
    const begin = this.#at;
    if (begin === this.length) return false;
    this.#at = Math.min(this.length, begin + IDS_PER_STEP);
    const { known, ids, messages } = this;
    const snapshot = this.#snapshot;
    const matches = this.#matches;
    for (let i = begin; i < this.#at; i++) {
      const id = known === null ? i : known[i]!;
      const its = snapshot.messagesOf(id);
      if (its === 0 || (matches !== null && !matches.has(id))) continue;
      ids[this.count] = id;
      messages[this.count++] = its;
    }
    if (matches !== null) this.#learn(matches);
    return true;
  }

  /** Whether there is anything left to look at. */
  get more(): boolean {
    return this.#at < this.length;
  }

  #learn(matches: SubjectMatches): void {
    for (let i = 0; i < this.count && this.#few.length <= FEW; i++) this.#few.push(this.ids[i]!);
    const { filter, createdCount } = this.#snapshot;
    if (this.#at === this.length) filter.learnFew(this.#few, matches, createdCount);
  }
}

function knownSubjects(snapshot: IndexSnapshot): readonly number[] | null {
  const { filter } = snapshot;
  if (filter.all) return null;
  if (filter.literal !== null) {
    const id = snapshot.subjects.find(filter.literal, 0, filter.literal.length);
    return id < 0 ? [] : [id];
  }
  // A copy of the few: they may change in a pause.
  const few = filter.few();
  return few === null ? filter.matches().find() : [...few];
}
