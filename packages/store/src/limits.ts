// Checks a stream's limits, once, where they come in.

import { StoreError } from "./errors.ts";
import type { PurgeOptions, StreamLimits } from "./store.ts";

/** Longest name of a stream or consumer, in bytes of UTF-8. */
export const NAME_BYTES_MAX = 255;

/** The highest sequence that may be asked for: far enough from 2^53, where numbers stop being exact, for appends of a century. */
export const SEQ_MAX: number = 2 ** 52;

/** Most subjects that one answer lists, as in the reference. */
export const SUBJECTS_PER_PAGE_MAX = 100_000;

/** @throws StoreError `INVALID_SEQUENCE` for a sequence at which no stream can begin or go on. */
export function checkSequence(stream: string, seq: number): void {
  if (Number.isSafeInteger(seq) && seq >= 1 && seq <= SEQ_MAX) return;
  throw new StoreError(
    "INVALID_SEQUENCE",
    `Cannot give the sequence ${seq} in ${JSON.stringify(stream)}: it is not a whole number from 1 to ${SEQ_MAX}`,
  );
}

/** @throws StoreError `INVALID_SEQUENCE` for a sequence up to which nothing can be taken away: 0 is one up to which it can. */
export function checkBound(stream: string, seq: number, lastSeq: number): void {
  if (Number.isSafeInteger(seq) && seq >= 0 && (seq <= SEQ_MAX || seq <= lastSeq + 1)) return;
  throw new StoreError(
    "INVALID_SEQUENCE",
    `Cannot take messages of ${JSON.stringify(stream)} away by the sequence ${seq}: it is not a whole number from 0 to ${SEQ_MAX}`,
  );
}

/** @throws StoreError `INVALID_SEQUENCE` for what is no sequence at all. One that was never given is asked for in vain, and no more. */
export function checkAsked(stream: string, seq: number): void {
  if (Number.isSafeInteger(seq)) return;
  throw new StoreError(
    "INVALID_SEQUENCE",
    `Cannot look for the sequence ${seq} in ${JSON.stringify(stream)}: it is not a whole number up to ${Number.MAX_SAFE_INTEGER}`,
  );
}

/** @throws StoreError `INVALID_SEQUENCE`, or `INVALID_PURGE` for what the reference refuses as well. */
export function checkPurge(stream: string, { seq = 0, keep = 0 }: PurgeOptions, lastSeq: number): void {
  checkBound(stream, seq, lastSeq);
  if (!Number.isSafeInteger(keep) || keep < 0) {
    throw new StoreError(
      "INVALID_PURGE",
      `Cannot purge ${JSON.stringify(stream)} and keep ${keep} messages: it is not a whole number from 0 on`,
    );
  }
  if (seq > 0 && keep > 0) {
    throw new StoreError(
      "INVALID_PURGE",
      `Cannot purge ${JSON.stringify(stream)} below the sequence ${seq} and keep ${keep} messages: give one of the two`,
    );
  }
}

/** @throws StoreError `INVALID_PAGE` naming field and value. */
export function checkPage(stream: string, offset: number, limit: number): void {
  const refuse = (field: string, value: number, wanted: string): never => {
    throw new StoreError(
      "INVALID_PAGE",
      `Cannot list the subjects of ${JSON.stringify(stream)}: the ${field} ${value} is not a whole number ${wanted}`,
    );
  };
  if (!Number.isSafeInteger(offset) || offset < 0) refuse("offset", offset, "from 0 on");
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > SUBJECTS_PER_PAGE_MAX)
    refuse("limit", limit, `from 1 to ${SUBJECTS_PER_PAGE_MAX}`);
}

/** @throws StoreError `INVALID_LIMITS` naming field and value. */
export function checkLimits(limits: StreamLimits): void {
  for (const field of ["maxMsgs", "maxBytes", "maxMsgsPerSubject"] as const) {
    if (!Number.isSafeInteger(limits[field])) throw invalid(field, limits[field], "a whole number");
  }
  for (const field of ["maxAgeMs", "subjectDeleteMarkerTtlMs"] as const) {
    const value = limits[field];
    if (!Number.isFinite(value) || value < 0) throw invalid(field, value, "zero or a positive number of milliseconds");
  }
  const markerTtlMs = limits.subjectDeleteMarkerTtlMs;
  if (markerTtlMs > 0 && markerTtlMs < 1000)
    throw invalid("subjectDeleteMarkerTtlMs", markerTtlMs, "zero or at least 1000, a second");
  if (limits.discard !== "old" && limits.discard !== "new") throw invalid("discard", limits.discard, '"old" or "new"');
  if (limits.compression !== "none" && limits.compression !== "s2")
    throw invalid("compression", limits.compression, '"none" or "s2"');
  if (limits.discardNewPerSubject && (limits.discard !== "new" || limits.maxMsgsPerSubject <= 0)) {
    throw invalid("discardNewPerSubject", true, 'false unless discard is "new" and maxMsgsPerSubject is set');
  }
}

/** @throws StoreError `INVALID_NAME`. */
export function checkName(kind: string, name: string): void {
  const bytes = Buffer.byteLength(name);
  // Half of a pair becomes U+FFFD in UTF-8: two such names would be one when the store is opened again.
  if (Buffer.from(name).toString() !== name) {
    throw new StoreError(
      "INVALID_NAME",
      `Cannot name a ${kind} ${JSON.stringify(name.slice(0, 80))}: it is not well-formed Unicode`,
    );
  }
  if (bytes === 0 || bytes > NAME_BYTES_MAX) {
    throw new StoreError(
      "INVALID_NAME",
      `Cannot name a ${kind} ${JSON.stringify(name.slice(0, 80))}: ${bytes} bytes are not 1 to ${NAME_BYTES_MAX}`,
    );
  }
}

/** A stream is to be published that is not there, or that everybody sees already. */
export function notUnpublished(name: string): StoreError {
  return new StoreError(
    "STREAM_NOT_FOUND",
    `Cannot publish the stream ${JSON.stringify(name)}: there is no unpublished one of that name`,
  );
}

function invalid(field: string, value: unknown, wanted: string): StoreError {
  return new StoreError("INVALID_LIMITS", `Cannot use the limit ${field}: ${String(value)} is not ${wanted}`);
}
