// What responders have said about client certificates, so that a client that comes again is not asked about again. In memory, with
// limits: whoever has been asked about longest ago goes first. What is from a file is believed only once it has been checked.

import type { X509Certificate } from "node:crypto";
import { readS2Stream, SnappyEncoder, writeS2Stream } from "@myelin/protocol/s2";
import type { Logger } from "../../logger.ts";
import { ANSWER_BYTES_MAX, checkedAnswer, type OcspAnswer } from "./answer.ts";
import type { SavedAnswer } from "./cache-file.ts";
import { fingerprintOf } from "./certificate.ts";
import { OcspError } from "./ocsp-error.ts";

/** Answers that are kept; each is a few kilobytes at most. */
export const CACHED_ANSWERS_MAX = 4_096;
/** Bytes of all of them together, as they came and as they stand in a file. */
export const CACHED_BYTES_MAX: number = 16 * 1024 * 1024;

/** One answer. At least one of its two forms is there. */
interface CachedAnswer {
  readonly subject: string;
  readonly cachedAtMs: number;
  /** Null as long as it has only been read from a file. */
  answer: OcspAnswer | null;
  /** As it stands in a file; null as long as none has been written. */
  saved: SavedAnswer | null;
  /** Whether it was found that it does not count any more. */
  hasEnded: boolean;
}

/** Answers by the fingerprint of their certificate. Whether one still counts is the reader's to judge. */
export class AnswerCache {
  /** Called when a file would have other answers now. */
  onChange: () => void = ignore;
  /** Whether the file keeps revocations that do not count any more. */
  preserveRevoked = false;
  readonly #logger: Logger;
  readonly #answers: Map<string, CachedAnswer> = new Map();
  /** Made with the first answer that is saved. */
  #encoder: SnappyEncoder | null = null;
  #bytes = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get size(): number {
    return this.#answers.size;
  }

  /** Of all answers, in all their forms. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Finds what is known about a certificate. What is from a file is checked when it is asked for first: its signature costs about as
   * much as that of a client's certificate.
   *
   * @param nowMs - Milliseconds since 1970.
   */
  get(certificate: X509Certificate, issuer: X509Certificate, nowMs: number): OcspAnswer | null {
    const fingerprint = fingerprintOf(certificate);
    const cached = this.#answers.get(fingerprint);
    if (cached === undefined) return null;
    if (cached.answer !== null) return cached.answer;
    try {
      cached.answer = checkedSaved(cached.saved as SavedAnswer, certificate, issuer, nowMs);
      this.#bytes += cached.answer.der.length;
      this.#shrink();
      return cached.answer;
    } catch (error) {
      const key = Buffer.from(fingerprint, "hex").toString("base64");
      this.#logger.debug(
        `Invalid cached OCSP response for [${cached.subject}] with fingerprint [${key}]: ${(error as Error).message}`,
      );
      this.#remove(fingerprint);
      this.onChange();
      return null;
    }
  }

  /** @param subject - For people who read the file. */
  put(certificate: X509Certificate, answer: OcspAnswer, subject: string, nowMs: number): void {
    const fingerprint = fingerprintOf(certificate);
    // What is put again counts as new.
    this.#remove(fingerprint);
    this.#add(fingerprint, { subject, cachedAtMs: nowMs, answer, saved: null, hasEnded: false });
    this.onChange();
  }

  /**
   * Takes note that an answer does not count any more. A revocation is remembered as such, in the file only where that is asked for;
   * any other answer is removed.
   */
  end(certificate: X509Certificate): void {
    const fingerprint = fingerprintOf(certificate);
    const cached = this.#answers.get(fingerprint);
    if (cached === undefined || cached.hasEnded) return;
    if (cached.answer?.status !== "revoked") this.#remove(fingerprint);
    else {
      cached.hasEnded = true;
      if (this.preserveRevoked) return;
    }
    this.onChange();
  }

  /** Takes what was read from a file, the oldest first. What is known already stays. */
  takeSaved(answers: readonly SavedAnswer[]): void {
    for (const saved of answers.slice(-CACHED_ANSWERS_MAX)) {
      const { cachedAtMs, fingerprint, subject } = saved;
      if (this.#answers.has(fingerprint)) continue;
      this.#add(fingerprint, { subject, cachedAtMs, answer: null, saved, hasEnded: false });
    }
  }

  /** What a file has to have, the oldest first, as it is now; each is made ready when it is taken, in some 20 us. */
  *toSave(): Generator<SavedAnswer, void> {
    for (const [fingerprint, cached] of [...this.#answers]) {
      if (cached.hasEnded && !this.preserveRevoked) continue;
      yield cached.saved ?? this.#save(fingerprint, cached);
    }
  }

  #save(fingerprint: string, cached: CachedAnswer): SavedAnswer {
    const { cachedAtMs, subject } = cached;
    const { der, nextUpdateMs, status } = cached.answer as OcspAnswer;
    this.#encoder ??= new SnappyEncoder();
    const stream = writeS2Stream(der, this.#encoder);
    cached.saved = { fingerprint, subject, cachedAtMs, status, expiresMs: nextUpdateMs, stream };
    if (this.#answers.get(fingerprint) === cached) {
      this.#bytes += stream.length;
      this.#shrink();
    }
    return cached.saved;
  }

  #add(fingerprint: string, cached: CachedAnswer): void {
    this.#answers.set(fingerprint, cached);
    this.#bytes += bytesOf(cached);
    this.#shrink();
  }

  #remove(fingerprint: string): void {
    const cached = this.#answers.get(fingerprint);
    if (cached === undefined) return;
    this.#answers.delete(fingerprint);
    this.#bytes -= bytesOf(cached);
  }

  #shrink(): void {
    while (this.#answers.size > CACHED_ANSWERS_MAX || this.#bytes > CACHED_BYTES_MAX) {
      const [oldest] = this.#answers.keys();
      this.#remove(oldest as string);
    }
  }
}

function bytesOf({ answer, saved }: CachedAnswer): number {
  return (answer?.der.length ?? 0) + (saved?.stream.length ?? 0);
}

/**
 * Checks what is from a file. An answer that has ended is checked as of its end, when it counts for nothing but a revocation that is to
 * be remembered: certificates of responders live for weeks.
 */
function checkedSaved(
  { expiresMs, stream }: SavedAnswer,
  certificate: X509Certificate,
  issuer: X509Certificate,
  nowMs: number,
): OcspAnswer {
  const asOfMs = Math.min(nowMs, expiresMs ?? nowMs);
  const answer = checkedAnswer(readS2Stream(stream, ANSWER_BYTES_MAX), certificate, issuer, asOfMs);
  if (asOfMs < nowMs && answer.nextUpdateMs !== asOfMs)
    throw new OcspError("the file says that it ended, and it did not");
  return answer;
}

/** There is no file. */
function ignore(): void {}
