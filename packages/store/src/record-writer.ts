// Writes a message as a record into the place that its stream's backing has made for it.

import type { StreamBacking } from "./backing.ts";
import type { RecordBody } from "./compress/record-body.ts";
import { copyBytes } from "./copy-bytes.ts";
import { StoreError } from "./errors.ts";
import type { IndexBlock } from "./index/record-index.ts";
import type { MessageDraft } from "./message-draft.ts";
import {
  FLAG_COMPRESSED,
  FLAG_GAP,
  FLAG_HEADERS,
  FLAG_ROLLUP_ALL,
  FLAG_ROLLUP_SUBJECT,
  FLAG_TTL,
  HEADERS_BYTES_MAX,
  KIND_MESSAGE,
  putRecordOptions,
  putTime,
  RECORD_BYTES_MAX,
  RECORD_TIME,
  recordDataOffset,
  SUBJECT_BYTES_MAX,
  TIME_MS_MAX,
  TIME_SUB_NS_MAX,
  TTL_NEVER,
  TTL_SECONDS_MAX,
} from "./record.ts";

/**
 * Writes the record that `backing` has reserved.
 *
 * @param body - Its headers and payload.
 * @param gap - Sequences right before it that never get a message.
 * @param length - Of the record, padding left out.
 */
export function writeRecord(
  backing: StreamBacking,
  draft: MessageDraft,
  body: RecordBody,
  block: IndexBlock,
  seq: number,
  gap: number,
  timeMs: number,
  timeSubNs: number,
  length: number,
): void {
  const { bytes, numbers, at, incarnation, synced } = backing;
  const headersBytes = draft.payloadStart - draft.headersStart;
  const flags =
    (headersBytes > 0 ? FLAG_HEADERS : 0) |
    (draft.ttlSeconds !== 0 ? FLAG_TTL : 0) |
    (gap > 0 ? FLAG_GAP : 0) |
    (body.compressed ? FLAG_COMPRESSED : 0) |
    (draft.rollup === "none" ? 0 : draft.rollup === "all" ? FLAG_ROLLUP_ALL : FLAG_ROLLUP_SUBJECT);
  numbers.setUint32(at + 8, incarnation, true);
  numbers.setUint32(at + 12, block.number, true);
  numbers.setUint32(at + 16, block.endOffset, true);
  numbers.setUint32(at + 20, (draft.subjectEnd - draft.subjectStart) | (flags << 16) | (KIND_MESSAGE << 24), true);
  numbers.setUint32(at + 24, seq, true);
  numbers.setUint32(at + 28, Math.floor(seq / 0x1_0000_0000), true);
  putTime(numbers, at + RECORD_TIME, timeMs, timeSubNs);
  numbers.setUint32(at + 40, headersBytes, true);
  numbers.setUint32(at + 44, synced, true);
  if ((flags & (FLAG_GAP | FLAG_TTL)) !== 0) putRecordOptions(bytes, at, gap, draft.ttlSeconds);
  const data = at + recordDataOffset(flags);
  copyBytes(draft.subjectBytes, draft.subjectStart, draft.subjectEnd, bytes, data);
  body.source.copy(body.start, body.end, bytes, data + draft.subjectEnd - draft.subjectStart);
  backing.seal(length);
}

/** @throws StoreError `INVALID_TIME` for a time, or a time to live, that no record can hold. */
export function checkTimes(stream: string, { timeMs, timeSubNs, ttlSeconds }: MessageDraft): void {
  if (ttlSeconds !== 0 && ttlSeconds !== TTL_NEVER && !isWithin(ttlSeconds, TTL_SECONDS_MAX))
    throw wrongTime(stream, `a time to live of ${ttlSeconds} s`, `whole seconds up to ${TTL_SECONDS_MAX}, 0 or -1`);
  if (timeMs === 0) return;
  if (!isWithin(timeMs, TIME_MS_MAX))
    throw wrongTime(
      stream,
      `the time ${timeMs} ms`,
      `whole milliseconds since 1970 up to ${TIME_MS_MAX}, the year 2527`,
    );
  if (!isWithin(timeSubNs, TIME_SUB_NS_MAX))
    throw wrongTime(
      stream,
      `a time with ${timeSubNs} ns behind its milliseconds`,
      `whole nanoseconds up to ${TIME_SUB_NS_MAX}`,
    );
}

function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function wrongTime(stream: string, what: string, range: string): StoreError {
  return new StoreError("INVALID_TIME", `Cannot store ${what} in ${JSON.stringify(stream)}: ${range}`);
}

/** @throws StoreError `MSG_TOO_LARGE` when a record cannot hold the message. */
export function checkRecordSize(stream: string, subjectBytes: number, headersBytes: number, length: number): void {
  if (subjectBytes <= SUBJECT_BYTES_MAX && headersBytes <= HEADERS_BYTES_MAX && length <= RECORD_BYTES_MAX) return;
  const [part, bytes, max] =
    subjectBytes > SUBJECT_BYTES_MAX
      ? ["subject", subjectBytes, SUBJECT_BYTES_MAX]
      : headersBytes > HEADERS_BYTES_MAX
        ? ["headers", headersBytes, HEADERS_BYTES_MAX]
        : ["record", length, RECORD_BYTES_MAX];
  throw new StoreError(
    "MSG_TOO_LARGE",
    `Cannot store in ${JSON.stringify(stream)}: ${part} of ${bytes} bytes, at most ${max}`,
  );
}
