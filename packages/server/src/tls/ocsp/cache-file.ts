// The file of answers about clients, as the reference writes and reads it (ocsp_responsecache.go): JSON, by the SHA-256 of the whole
// certificate, the answer an S2 stream of its DER.
//
//   {
//    "<base64>": {
//     "subject": "CN=client",
//     "cached_at": "2026-01-02T03:04:05Z",
//     "resp_status": "good",
//     "resp_expires": "2026-01-02T04:04:05Z",      0001-01-01T00:00:00Z where the answer does not say
//     "resp": "<base64>"
//    }
//   }
//
// What is read here is taken for what it says, and nothing more: whoever uses it checks the answer.

import { ANSWER_BYTES_MAX, timeText } from "./answer.ts";
import type { OcspStatus } from "./response.ts";

/** An answer as it stands in the file. */
export interface SavedAnswer {
  /** SHA-256 of the certificate, hexadecimal. */
  readonly fingerprint: string;
  /** Whom the certificate is for; for people. */
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly cachedAtMs: number;
  readonly status: OcspStatus;
  /** Null where the answer does not say. */
  readonly expiresMs: number | null;
  /** S2. */
  readonly stream: Uint8Array;
}

/** What a file has. */
export interface CacheFile {
  /** The oldest first. */
  readonly answers: readonly SavedAnswer[];
  /** How many more there are that cannot be read. */
  readonly dropped: number;
}

const FINGERPRINT = /^[A-Za-z0-9+/]{43}=$/;
const NO_TIME = "0001-01-01T00:00:00Z";
/** More than this is no name of anybody. */
const SUBJECT_LENGTH_MAX = 1024;
/** A stream that did not get smaller is a little larger than its answer. */
const STREAM_BYTES_MAX = ANSWER_BYTES_MAX + 1024;
const STATUSES: readonly OcspStatus[] = ["good", "revoked", "unknown"];
/** Text that is made in one turn of the event loop. */
const PIECE_LENGTH = 64 * 1024;

/** Reads a file. @throws Error when it is no JSON object. */
export function readCacheFile(text: string): CacheFile {
  const file: unknown = JSON.parse(text);
  if (!isObject(file)) throw new Error("it is no JSON object");
  const answers: SavedAnswer[] = [];
  const entries = Object.entries(file);
  for (const [key, value] of entries) {
    const answer = readAnswer(key, value);
    if (answer !== null) answers.push(answer);
  }
  answers.sort((a, b) => a.cachedAtMs - b.cachedAtMs);
  return { answers, dropped: entries.length - answers.length };
}

/** Writes a file, some of it in each turn of the event loop. The pieces are UTF-8. */
export async function* writeCacheFile(answers: Iterable<SavedAnswer>): AsyncGenerator<Uint8Array, void> {
  let text = "{";
  let separator = "\n";
  for (const answer of answers) {
    text += `${separator} ${JSON.stringify(keyOf(answer))}: ${indented(answer)}`;
    separator = ",\n";
    if (text.length < PIECE_LENGTH) continue;
    yield Buffer.from(text);
    text = "";
    await new Promise((resolve) => setImmediate(resolve));
  }
  yield Buffer.from(`${text}${separator === "\n" ? "" : "\n"}}`);
}

function keyOf({ fingerprint }: SavedAnswer): string {
  return Buffer.from(fingerprint, "hex").toString("base64");
}

function indented({ cachedAtMs, expiresMs, status, stream, subject }: SavedAnswer): string {
  const entry = {
    ...(subject !== "" && { subject: subject.slice(0, SUBJECT_LENGTH_MAX) }),
    cached_at: timeText(Math.round(cachedAtMs / 1000) * 1000),
    resp_status: status,
    resp_expires: expiresMs === null ? NO_TIME : timeText(expiresMs),
    resp: Buffer.from(stream).toString("base64"),
  };
  return JSON.stringify(entry, null, 1).replaceAll("\n", "\n ");
}

function readAnswer(key: string, value: unknown): SavedAnswer | null {
  if (!FINGERPRINT.test(key) || !isObject(value)) return null;
  const { cached_at: cachedAt, resp, resp_expires: expires, resp_status: statusText, subject = "" } = value;
  const status = STATUSES.find((each) => each === statusText);
  if (typeof resp !== "string" || typeof subject !== "string" || status === undefined) return null;
  const cachedAtMs = readTime(cachedAt);
  const expiresMs = expires === NO_TIME ? null : readTime(expires);
  const stream = Buffer.from(resp, "base64");
  if (Number.isNaN(cachedAtMs) || Number.isNaN(expiresMs) || stream.length > STREAM_BYTES_MAX) return null;
  const fingerprint = Buffer.from(key, "base64").toString("hex");
  return { fingerprint, subject: subject.slice(0, SUBJECT_LENGTH_MAX), cachedAtMs, status, expiresMs, stream };
}

/** NaN for what is no time. */
function readTime(value: unknown): number {
  return typeof value === "string" ? Date.parse(value) : Number.NaN;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
