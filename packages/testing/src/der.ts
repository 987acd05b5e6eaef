// Writes DER, as far as certificates and OCSP answers need it.

import { type KeyObject, sign } from "node:crypto";

/** A value of this kind, with these contents one behind the other. */
export function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), content]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content]);
}

/** Several values as one. */
export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...parts);
}

/** An object identifier. @param dotted - `2.5.4.3`. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** An extension of a certificate or of an answer. */
export function extension(id: string, value: Uint8Array, critical: boolean = false): Buffer {
  const flag = critical ? [tagged(0x01, Buffer.from([0xff]))] : [];
  return sequence(objectId(id), ...flag, tagged(0x04, value));
}

/** What is signed, how, and the signature (ECDSA with SHA-256), then what comes behind. */
export function signed(data: Uint8Array, key: KeyObject, ...behind: readonly Uint8Array[]): Buffer {
  const algorithm = sequence(objectId(ECDSA_SHA256));
  return sequence(data, algorithm, tagged(0x03, Buffer.from([0]), sign("sha256", data, key)), ...behind);
}

/** ECDSA with SHA-256. */
export const ECDSA_SHA256 = "1.2.840.10045.4.3.2";

/** A time with four digits for the year. */
export function generalizedTime(date: Date): Buffer {
  return tagged(0x18, Buffer.from(timeDigits(date)));
}

/** `20260102030405Z`. */
export function timeDigits(date: Date): string {
  return date.toISOString().replace(/[-:T]|\.\d+/g, "");
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}
