// An S2 stream: blocks with checksums, behind a mark that says which format it is.
//
//   ff 06 00 00 "S2sTwO"           the mark; "sNaPpY" for Snappy, which is read too
//   00 <length> <checksum> block   compressed; the length is 3 bytes, of what follows it, the checksum 4, of the plain bytes
//   01 <length> <checksum> bytes   as they are
//   80 to fe <length> ...          passed over; 02 to 7f are for formats to come, and end the reading
//
// Formats: https://github.com/google/snappy/blob/main/framing_format.txt, https://github.com/klauspost/compress/tree/master/s2

import { latin1, latin1Bytes, u32 } from "../bytes.ts";
import { compressedBytesMax, decompress, plainBytesOf, type SnappyEncoder } from "./block.ts";
import { crc32c } from "./crc32c.ts";

const COMPRESSED = 0x00;
const PLAIN = 0x01;
const SKIPPABLE = 0x80;
const MARK = 0xff;
const MARK_TEXTS: readonly string[] = ["S2sTwO", "sNaPpY"];
const HEAD_BYTES = 4;
const CHECKSUM_BYTES = 4;
/** Plain bytes of a block that is written; readers take up to 4 MiB. */
const BLOCK_BYTES = 65_536;

/** Bytes are no S2 stream, or not one that is wanted; the text says why. */
export class S2Error extends Error {
  override readonly name = "S2Error";
  readonly code = "BAD_S2_STREAM";
}

/** Makes a stream of bytes, in blocks of 64 KiB. What does not get smaller is kept as it is. */
export function writeS2Stream(bytes: Uint8Array, encoder: SnappyEncoder): Uint8Array {
  const parts = [part(MARK, latin1Bytes(MARK_TEXTS[0] as string))];
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, bytes.length);
    const room = new Uint8Array(CHECKSUM_BYTES + compressedBytesMax(end - start));
    putU32(room, 0, masked(crc32c(bytes, start, end)));
    const length = encoder.encode(bytes, start, end, room.subarray(CHECKSUM_BYTES));
    if (length < end - start) parts.push(part(COMPRESSED, room.subarray(0, CHECKSUM_BYTES + length)));
    else {
      room.set(bytes.subarray(start, end), CHECKSUM_BYTES);
      parts.push(part(PLAIN, room.subarray(0, CHECKSUM_BYTES + end - start)));
    }
  }
  return joined(parts);
}

/**
 * Reads a whole stream, of S2 or of Snappy.
 *
 * @param plainBytesMax - A stream of more is refused, before there is memory for it.
 * @throws S2Error when it is damaged, too large or of another format.
 */
export function readS2Stream(bytes: Uint8Array, plainBytesMax: number): Uint8Array {
  if (bytes[0] !== MARK) throw new S2Error("it does not begin as an S2 stream does");
  const blocks: Uint8Array[] = [];
  let plainBytes = 0;
  for (let at = 0; at < bytes.length; ) {
    const content = at + HEAD_BYTES;
    if (content > bytes.length) throw cutOff();
    const kind = bytes[at] as number;
    const end = content + (u32(bytes, at) >>> 8);
    if (end > bytes.length) throw cutOff();
    if (kind === MARK) checkMark(bytes, content, end);
    else if (kind === COMPRESSED || kind === PLAIN) {
      const block = readBlock(kind, bytes, content, end, plainBytesMax - plainBytes);
      plainBytes += block.length;
      blocks.push(block);
    } else if (kind < SKIPPABLE) throw new S2Error(`it has a part of the kind ${kind}, which is not known`);
    at = end;
  }
  return joined(blocks);
}

function readBlock(kind: number, bytes: Uint8Array, content: number, end: number, plainBytesMax: number): Uint8Array {
  const start = content + CHECKSUM_BYTES;
  if (start > end) throw cutOff();
  const length = kind === PLAIN ? end - start : plainBytesOf(bytes, start, end);
  if (length < 0) throw new S2Error("a block of it is damaged");
  if (length > plainBytesMax) throw new S2Error("it is larger than it may be");
  const plain = new Uint8Array(length);
  if (kind === PLAIN) plain.set(bytes.subarray(start, end));
  else if (!decompress(bytes, start, end, plain, 0)) throw new S2Error("a block of it is damaged");
  if (u32(bytes, content) !== masked(crc32c(plain, 0, length))) throw new S2Error("a checksum of it is wrong");
  return plain;
}

function checkMark(bytes: Uint8Array, start: number, end: number): void {
  if (!MARK_TEXTS.includes(latin1(bytes, start, end))) throw new S2Error("it is of another format");
}

function cutOff(): S2Error {
  return new S2Error("it is cut off");
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const each of parts) {
    all.set(each, at);
    at += each.length;
  }
  return all;
}

/** As the format stores a checksum: one of bytes that hold checksums themselves would be a poor one. */
function masked(checksum: number): number {
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}

function part(kind: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + content.length);
  putU32(bytes, 0, kind | (content.length << 8));
  bytes.set(content, HEAD_BYTES);
  return bytes;
}

function putU32(into: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) into[at + i] = value >>> (8 * i);
}
