// One list of a permission, compiled: a set of subject patterns, some of them for queue groups only. The same trie that routes
// messages answers, so that a list of a thousand patterns costs no more than one of ten.

import { DOT, GREATER, isSubjectSubset, latin1, latin1Bytes, subjectsOverlap, viewOf } from "@myelin/protocol";
import { Sublist } from "../routing/sublist.ts";
import type { SublistNode } from "../routing/sublist-node.ts";
import type { Subscriber } from "../routing/subscriber.ts";
import { Subscription } from "../routing/subscription.ts";

/** Patterns stand in the trie as subscriptions of nobody. */
const NOBODY: Subscriber = Object.freeze({ kind: "account" as const, deliver: () => false });

const BLANKS = /[ \t\r\n\f\v]+/;

/** A pattern, in the latin1 reading of its bytes. */
export interface SubjectPattern {
  readonly subject: string;
  /** The queue groups it speaks of, as a name or a pattern of names; null: it speaks of everybody. */
  readonly queue: string | null;
}

/**
 * Takes an entry of a list apart: `subject`, or `subject queue`.
 *
 * @returns Null when it has no part or more than two.
 */
export function parsePattern(entry: string): SubjectPattern | null {
  const [subject, queue = null, ...others] = entry.split(BLANKS).filter((part) => part !== "");
  return subject === undefined || others.length > 0 ? null : { subject, queue };
}

/** A set of patterns. Subjects are asked for as bytes. Asking allocates nothing and costs some 50 to 100 ns. */
export class SubjectPatterns {
  readonly #patterns: readonly SubjectPattern[];
  readonly #trie: Sublist;
  // What the last #find found.
  #plain = false;
  #namesQueues = false;
  #namesThisQueue = false;

  /**
   * @param entries - Each `subject` or `subject queue`.
   * @param seed - Any 32-bit number that peers cannot know.
   * @throws TypeError when an entry is neither; options.ts has checked them all.
   */
  constructor(entries: readonly string[], seed: number) {
    this.#trie = new Sublist(seed);
    this.#patterns = entries.map((entry) => this.#add(entry));
  }

  /** Whether a pattern for everybody matches a subject. Wildcard tokens in the subject are taken for ordinary ones. */
  has(view: DataView, start: number, end: number): boolean {
    const count = this.#trie.match(view, start, end);
    for (let i = 0; i < count; i++) if ((this.#trie.found[i] as SublistNode).plain.length > 0) return true;
    return false;
  }

  /**
   * Whether the set, as a list of what is allowed, allows a subscription: a pattern covers its subject. Where patterns that name
   * queue groups do, a member of a group needs one that names its group (client.go canSubscribe).
   *
   * Only a `>` covers a final `>`. The reference takes a `*` for that too, and so lets `a.*` in to everything under `a.>`.
   */
  allows(view: DataView, start: number, end: number, queue: string | null): boolean {
    this.#find(view, start, end, queue, true);
    return queue !== null && this.#namesQueues ? this.#namesThisQueue : this.#plain;
  }

  /**
   * Whether the set, as a list of what is forbidden, forbids a subscription, or a message for one: a pattern matches the subject and
   * names no queue group, or this one.
   */
  denies(view: DataView, start: number, end: number, queue: string | null): boolean {
    this.#find(view, start, end, queue, false);
    return this.#plain || this.#namesThisQueue;
  }

  /** Whether a subject, in the latin1 reading of its bytes, has any subject in common with a pattern. Looks at every pattern. */
  overlaps(subject: string): boolean {
    return this.#patterns.some((pattern) => subjectsOverlap(pattern.subject, subject));
  }

  #find(view: DataView, start: number, end: number, queue: string | null, covers: boolean): void {
    this.#plain = this.#namesQueues = this.#namesThisQueue = false;
    const count = this.#trie.match(view, start, end);
    const needsRest = covers && endsWithRest(view, start, end);
    for (let i = 0; i < count; i++) {
      const node = this.#trie.found[i] as SublistNode;
      if (needsRest && node.parent?.rest !== node) continue;
      if (node.plain.length > 0) this.#plain = true;
      if (queue === null) continue;
      for (const { name } of node.groups) {
        this.#namesQueues = true;
        if (isSubjectSubset(queue, name)) this.#namesThisQueue = true;
      }
    }
  }

  #add(entry: string): SubjectPattern {
    const bytes = Buffer.from(entry);
    const pattern = parsePattern(latin1(bytes, 0, bytes.length));
    if (pattern === null)
      throw new TypeError(`${JSON.stringify(entry)} is neither a subject nor a subject and a queue`);
    const subject = latin1Bytes(pattern.subject);
    const subscription = new Subscription(NOBODY, pattern.subject, pattern.queue, "");
    if (!this.#trie.insert(subscription, viewOf(subject), 0, subject.length)) {
      throw new TypeError(`${JSON.stringify(entry)} has an empty token, or a ">" that is not the last one`);
    }
    return pattern;
  }
}

/** Whether the last token is `>`. */
function endsWithRest(view: DataView, start: number, end: number): boolean {
  const isRest = end > start && view.getUint8(end - 1) === GREATER;
  return isRest && (end - start === 1 || view.getUint8(end - 2) === DOT);
}
