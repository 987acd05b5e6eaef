// What permissions mean, said a second time and as plainly as possible: every list is searched from its beginning, subjects are
// compared word by word, and nothing is remembered.

import type { Entry, Rules } from "./world.ts";

/** How a server reads permissions. */
export interface Reading {
  /**
   * Whether a `*` of what is allowed covers the final `>` of a subscription, as it does in the reference: `a.*` lets in to `a.>`.
   * In Myelin it does not.
   */
  readonly starCoversRest: boolean;
}

/** How Myelin reads them. */
export const MYELIN_READING: Reading = { starCoversRest: false };
/** How the reference reads them. */
export const REFERENCE_READING: Reading = { starCoversRest: true };

/** Whether a pattern matches a subject without wildcards. */
export function matches(pattern: string, subject: string): boolean {
  return matchesWords(pattern.split("."), subject.split("."));
}

/** Whether a message may be published, responses aside. */
export function mayPublish({ publish, responses }: Rules, subject: string): boolean {
  // Who may respond and has no list of what to publish publishes nothing else.
  const allow = said(publish?.allow) ?? (responses === null ? null : []);
  const isAllowed = allow === null || allow.some((entry) => matches(entry.subject, subject));
  return isAllowed && !(publish?.deny ?? []).some((entry) => matches(entry.subject, subject));
}

/** Whether a subscription may be made. */
export function maySubscribe({ subscribe }: Rules, subject: string, queue: string | null, reading: Reading): boolean {
  const words = subject.split(".");
  const isAllowed = isAllowedToSubscribe(said(subscribe?.allow), words, queue, reading);
  // Wildcards in the subscription are taken for words like any other.
  return (
    isAllowed &&
    !(subscribe?.deny ?? []).some((entry) => {
      return matchesWords(entry.subject.split("."), words) && concerns(entry, queue);
    })
  );
}

/** Whether a message may reach a subscription that was made. */
export function mayReceive({ subscribe }: Rules, subject: string, queue: string | null): boolean {
  return !(subscribe?.deny ?? []).some((entry) => matches(entry.subject, subject) && concerns(entry, queue));
}

/** Whether anything in the list of what is allowed speaks for a message at all. Nothing may arrive without. */
export function isCoveredBySomething({ subscribe }: Rules, subject: string, queue: string | null): boolean {
  const allow = said(subscribe?.allow);
  return allow === null || allow.some((entry) => matches(entry.subject, subject) && concerns(entry, queue));
}

/** In a configuration file an empty list of what is allowed says nothing. */
function said(allow: readonly Entry[] | null | undefined): readonly Entry[] | null {
  return allow === null || allow === undefined || allow.length === 0 ? null : allow;
}

function isAllowedToSubscribe(
  allow: readonly Entry[] | null,
  words: readonly string[],
  queue: string | null,
  reading: Reading,
): boolean {
  if (allow === null) return true;
  const covering = allow.filter((entry) => covers(entry.subject.split("."), words, reading));
  const ofQueues = covering.filter((entry) => entry.queue !== null);
  // Where a queue group is named, members of others may not come in by an entry without one.
  if (queue !== null && ofQueues.length > 0) return ofQueues.some((entry) => concerns(entry, queue));
  return covering.some((entry) => entry.queue === null);
}

/** Whether everything that a subscription asks for is in a pattern. */
function covers(pattern: readonly string[], words: readonly string[], { starCoversRest }: Reading): boolean {
  if (starCoversRest || words.at(-1) !== ">") return matchesWords(pattern, words);
  return pattern.at(-1) === ">" && pattern.length <= words.length && matchesWords(pattern, words);
}

function matchesWords(pattern: readonly string[], words: readonly string[]): boolean {
  for (const [at, word] of pattern.entries()) {
    if (word === ">") return words.length > at;
    if (at >= words.length) return false;
    if (word !== "*" && word !== words[at]) return false;
  }
  return pattern.length === words.length;
}

/** Whether an entry speaks of members of a queue group, or, for null, of plain subscribers. */
function concerns(entry: Entry, queue: string | null): boolean {
  if (entry.queue === null) return true;
  return queue !== null && (entry.queue === queue || matches(entry.queue, queue));
}
