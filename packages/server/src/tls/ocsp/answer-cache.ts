// What responders have said about client certificates, so that a client that comes again is not asked about again. In memory, with
// a limit: whoever has been asked about longest ago goes first.

import type { OcspAnswer } from "./answer.ts";

/** Answers that are kept; each is a few kilobytes at most. */
export const CACHED_ANSWERS_MAX = 4_096;

/** Answers by the fingerprint of their certificate. Whether one still counts is the reader's to judge. */
export class AnswerCache {
  readonly #answers: Map<string, OcspAnswer> = new Map();

  get size(): number {
    return this.#answers.size;
  }

  get(fingerprint: string): OcspAnswer | null {
    return this.#answers.get(fingerprint) ?? null;
  }

  put(fingerprint: string, answer: OcspAnswer): void {
    // What is put again counts as new.
    this.#answers.delete(fingerprint);
    this.#answers.set(fingerprint, answer);
    if (this.#answers.size <= CACHED_ANSWERS_MAX) return;
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined) this.#answers.delete(oldest);
  }
}
