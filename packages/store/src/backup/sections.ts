// What the frames of a backup say about a stream; docs/storage-format.md draws it. All numbers are little-endian.
//
//   begin        magic, u32 version
//   stream       u32 number in this backup, u32 flags (1: it compresses), u64 sequence its first message may have, name
//   messages     u32 stream, u32 0, records (record.ts) with that number as their stream; block, offset, synced are 0
//   consumer     u32 stream, u32 length of the name, name, state
//   holes        u32 stream, u32 0, then pairs of variable-length numbers: distance from the end of the hole before, length
//   stream end   u32 stream, u32 0, u64 first sequence, u64 last sequence, u64 messages, u64 time of the last message
//                in nanoseconds, 0: there never was one; JSON: { limits, config (base64) },
//                and outdated: true when they are older than they should be
//   gone         u32 stream
//   end          u32 streams, u32 0, u64 messages, digest

import { copyBytes } from "../copy-bytes.ts";
import { checkLimits } from "../limits.ts";
import type { MessageView } from "../message-view.ts";
import {
  aligned,
  FLAG_HEADERS,
  FLAG_TTL,
  putRecordOptions,
  putTime,
  putU16,
  putU32,
  putU64,
  RECORD_TIME,
  recordDataOffset,
  recordLength,
  sealRecord,
  TIME_MS_MAX,
  u32,
  u64,
} from "../record.ts";
import { NO_LIMITS, type StreamLimits } from "../store.ts";
import { damaged } from "./frame.ts";

export const BACKUP_MAGIC = "MYELIN BACKUP\r\n\0";
export const BACKUP_VERSION = 1;

const FLAG_COMPRESSES = 1;
/** Seven bits each: enough for 2^53. */
const VARINT_BYTES_MAX = 8;

/** How a stream begins. */
export interface SectionBegin {
  readonly section: number;
  readonly firstSeq: number;
  readonly name: string;
  readonly compression: StreamLimits["compression"];
}

/** What a stream was at the moment of the backup. */
export interface SectionEnd {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly messages: number;
  /** Null when nothing was ever stored. */
  readonly lastTimeNs: bigint | null;
  readonly limits: StreamLimits;
  readonly config: Uint8Array;
  /** See `StreamLog.outdated`. */
  readonly outdated: boolean;
}

/** Bytes of a message as a record of its own, padding included. */
export function messageBytes(view: MessageView): number {
  return aligned(recordLength(view.end - view.subjectStart, 0, view.ttlSeconds));
}

/**
 * Puts a message as a record of its own at `at`, where there are {@link messageBytes} for it, all 0.
 *
 * @param numbers - A view of `bytes`.
 */
export function putMessage(bytes: Uint8Array, numbers: DataView, at: number, section: number, view: MessageView): void {
  const subjectBytes = view.headersStart - view.subjectStart;
  const headersBytes = view.payloadStart - view.headersStart;
  const flags = (headersBytes > 0 ? FLAG_HEADERS : 0) | (view.ttlSeconds !== 0 ? FLAG_TTL : 0);
  const length = recordLength(view.end - view.subjectStart, 0, view.ttlSeconds);
  putU32(bytes, at + 8, section);
  putU16(bytes, at + 20, subjectBytes);
  bytes[at + 22] = flags;
  putU64(bytes, at + 24, view.seq);
  putTime(numbers, at + RECORD_TIME, view.timeMs, view.timeSubNs);
  putU32(bytes, at + 40, headersBytes);
  putRecordOptions(bytes, at, 0, view.ttlSeconds);
  copyBytes(view.bytes, view.subjectStart, view.end, bytes, at + recordDataOffset(flags));
  sealRecord(numbers, at, length);
}

export function encodeSection({ section, firstSeq, name, compression }: SectionBegin): Uint8Array {
  const head = sectionHead(section, compression === "none" ? 0 : FLAG_COMPRESSES);
  const first = new Uint8Array(8);
  putU64(first, 0, firstSeq);
  return Buffer.concat([head, first, Buffer.from(name)]);
}

export function decodeSection(body: Uint8Array): SectionBegin {
  need(body, 16);
  const compression = (u32(body, 4) & FLAG_COMPRESSES) === 0 ? "none" : "s2";
  return { section: u32(body, 0), firstSeq: u64(body, 8), name: text(body.subarray(16)), compression };
}

/** The head of a frame that belongs to a stream: its number, and one more. */
export function sectionHead(section: number, second = 0): Uint8Array {
  const head = new Uint8Array(8);
  putU32(head, 0, section);
  putU32(head, 4, second);
  return head;
}

export function encodeConsumer(section: number, name: string, state: Uint8Array): Uint8Array {
  const nameBytes = Buffer.from(name);
  return Buffer.concat([sectionHead(section, nameBytes.length), nameBytes, state]);
}

export function decodeConsumer(body: Uint8Array): { name: string; state: Uint8Array } {
  need(body, 8);
  const end = 8 + u32(body, 4);
  need(body, end);
  return { name: text(body.subarray(8, end)), state: body.subarray(end) };
}

export function encodeSectionEnd(section: number, end: SectionEnd): Uint8Array {
  const head = new Uint8Array(40);
  putU32(head, 0, section);
  putU64(head, 8, end.firstSeq);
  putU64(head, 16, end.lastSeq);
  putU64(head, 24, end.messages);
  new DataView(head.buffer).setBigUint64(32, end.lastTimeNs ?? 0n, true);
  const config = Buffer.from(end.config).toString("base64");
  const json = JSON.stringify({ limits: end.limits, config, ...(end.outdated ? { outdated: true } : {}) });
  return Buffer.concat([head, Buffer.from(json)]);
}

/** @throws StoreError `BACKUP_DAMAGED`, and `INVALID_LIMITS` for limits that no stream may have. */
export function decodeSectionEnd(body: Uint8Array): SectionEnd {
  need(body, 40);
  const { limits, config, outdated } = readDescription(text(body.subarray(40)));
  checkLimits(limits);
  const lastTimeNs = Buffer.from(body.buffer, body.byteOffset).readBigUInt64LE(32);
  if (lastTimeNs / 1_000_000n > TIME_MS_MAX) throw damaged(null, `${lastTimeNs} ns is not the time of a message`);
  return {
    firstSeq: u64(body, 8),
    lastSeq: u64(body, 16),
    messages: u64(body, 24),
    lastTimeNs: lastTimeNs === 0n ? null : lastTimeNs,
    limits,
    config,
    outdated,
  };
}

function readDescription(json: string): Pick<SectionEnd, "limits" | "config" | "outdated"> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw damaged(null, `a stream's description is not JSON (${(error as Error).message})`);
  }
  const { limits, config, outdated } = (value ?? {}) as {
    limits?: Partial<StreamLimits>;
    config?: unknown;
    outdated?: unknown;
  };
  if (typeof config !== "string" || typeof limits !== "object" || limits === null) {
    throw damaged(null, "a stream's description lacks its limits or its configuration");
  }
  return {
    limits: { ...NO_LIMITS, ...limits },
    config: new Uint8Array(Buffer.from(config, "base64")),
    outdated: outdated === true,
  };
}

/** Holes as variable-length numbers, in pieces of at most about `pieceBytes`, each of which can be read alone. */
export function* encodeHoles(
  holes: Iterable<readonly [first: number, last: number]>,
  pieceBytes: number,
): Generator<Uint8Array> {
  const bytes = new Uint8Array(pieceBytes);
  let at = 0;
  let end = 0;
  for (const [first, last] of holes) {
    if (at + 2 * VARINT_BYTES_MAX > bytes.length) {
      yield bytes.slice(0, at);
      at = 0;
      end = 0;
    }
    at = putVarint(bytes, at, first - end);
    at = putVarint(bytes, at, last - first + 1);
    end = last + 1;
  }
  yield bytes.subarray(0, at);
}

/** Visits what {@link encodeHoles} made, from `at` on. */
export function* decodeHoles(bytes: Uint8Array, at: number): Generator<readonly [first: number, last: number]> {
  let end = 0;
  for (let p = at; p < bytes.length; ) {
    const [distance, afterDistance] = varint(bytes, p);
    const [length, after] = varint(bytes, afterDistance);
    const first = end + distance;
    end = first + length;
    if (length === 0 || !Number.isSafeInteger(end)) throw damaged(null, "a hole in its sequences cannot be");
    p = after;
    yield [first, end - 1];
  }
}

function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let p = at;
  let rest = value;
  while (rest >= 0x80) {
    bytes[p++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[p++] = rest;
  return p;
}

function varint(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  let factor = 1;
  for (let p = at; p < bytes.length && p < at + VARINT_BYTES_MAX; p++) {
    const byte = bytes[p]!;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, p + 1];
    factor *= 0x80;
  }
  throw damaged(null, "a number in its holes does not end");
}

/** Checks that a frame's body has so many bytes. */
export function need(body: Uint8Array, count: number): void {
  if (body.length < count) throw damaged(null, `a frame of ${body.length} bytes is shorter than the ${count} it needs`);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
