// Prepares the bytes that publishers send, and tells what subscribers must receive for them. Pure.
//
//   PUB bench.x 16\r\naaaaaaaaaaaaaaaa\r\n      becomes   MSG bench.x 1 16\r\naaaaaaaaaaaaaaaa\r\n
//
// All messages of a batch have one length, so a receiver can count them without parsing. The payload of message n is
// one letter, 'a' + n % 26, so a lost, doubled or displaced message shows. A batch holds a multiple of 26 messages:
// sent over and over it stays in step.

import type { StreamLoad } from "./spec.ts";

/** Letters that payloads are made of, and the divisor of every batch's message count. */
export const LETTERS = 26;
export const LETTER_A = 0x61;
/** The sid of every subscription of the load. */
export const SID = "1";

const BATCH_BYTES_MIN = 1 << 20;
const HEADER_BLOCK = "NATS/1.0\r\nTrace-Id: 4bf92f3577b34da6a3ce929d0e0e4736\r\n\r\n";
const SUBJECT_DIGITS = 6;

/** Prepared publishes of equal length. */
export interface Batch {
  readonly bytes: Buffer;
  /** Length of one publish, protocol line to closing CRLF. */
  readonly messageBytes: number;
}

/** How a delivered message looks: where what stands, and its length. */
export interface MessageShape {
  /** Everything in front of the payload, for message 0. */
  readonly prefix: Buffer;
  /** Part of the prefix that differs between messages; empty (both equal) when none does. */
  readonly variesFrom: number;
  readonly variesTo: number;
  readonly payloadBytes: number;
  /** Length of the whole message. */
  readonly messageBytes: number;
}

/** The publishes of a workload, with random subjects when it has more than one. */
export function prepareBatch(load: StreamLoad, seed: number): Batch {
  const messageBytes = Buffer.byteLength(publishLine(load, 0)) + load.payloadBytes + 2;
  const wanted = Math.max(Math.ceil(BATCH_BYTES_MIN / messageBytes), load.subjects === 1 ? 1 : load.subjects * 2);
  const count = Math.ceil(wanted / LETTERS) * LETTERS;
  const bytes = Buffer.allocUnsafe(count * messageBytes);
  let random = seed >>> 0;
  for (let n = 0, at = 0; n < count; n++) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    // The low bits of such a generator repeat soon; the high ones do not.
    const subject = load.subjects === 1 ? 0 : Math.floor((random / 2 ** 32) * load.subjects);
    at += bytes.write(publishLine(load, subject), at, "latin1");
    bytes.fill(LETTER_A + (n % LETTERS), at, at + load.payloadBytes);
    at += load.payloadBytes;
    at += bytes.write("\r\n", at, "latin1");
  }
  return { bytes, messageBytes };
}

/** What a subscriber gets for a publish of {@link prepareBatch}. */
export function deliveredShape(load: StreamLoad): MessageShape {
  const subject = subjectOf(load, 0);
  const verb = load.headers ? "HMSG" : "MSG";
  const prefix = Buffer.from(`${verb} ${subject} ${SID} ${sizesOf(load)}\r\n${headerOf(load)}`, "latin1");
  const digits = load.subjects === 1 ? -1 : subject.indexOf("0");
  return {
    prefix,
    variesFrom: digits < 0 ? 0 : verb.length + 1 + digits,
    variesTo: digits < 0 ? 0 : verb.length + 1 + digits + SUBJECT_DIGITS,
    payloadBytes: load.payloadBytes,
    messageBytes: prefix.length + load.payloadBytes + 2,
  };
}

/** Cuts a batch into the writes that send it; cuts fall anywhere, as they do in a client's buffer. */
export function sliceBatch(batch: Batch, writeBytesMax: number | null): Buffer[] {
  const step = writeBytesMax ?? batch.messageBytes;
  const slices: Buffer[] = [];
  for (let at = 0; at < batch.bytes.length; at += step) slices.push(batch.bytes.subarray(at, at + step));
  return slices;
}

function publishLine(load: StreamLoad, subject: number): string {
  const verb = load.headers ? "HPUB" : "PUB";
  return `${verb} ${subjectOf(load, subject)} ${sizesOf(load)}\r\n${headerOf(load)}`;
}

function subjectOf(load: StreamLoad, n: number): string {
  return load.subjects === 1 ? "bench.x" : `bench.t${String(n).padStart(SUBJECT_DIGITS, "0")}.x`;
}

function sizesOf(load: StreamLoad): string {
  return load.headers ? `${HEADER_BLOCK.length} ${HEADER_BLOCK.length + load.payloadBytes}` : `${load.payloadBytes}`;
}

function headerOf(load: StreamLoad): string {
  return load.headers ? HEADER_BLOCK : "";
}
