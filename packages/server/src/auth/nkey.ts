// Public keys in NATS's text form: a letter for the kind, base32, a checksum.
//
//   byte 0: kind << 3    bytes 1..32: key    bytes 33, 34: CRC-16/XMODEM of the 33 before, low byte first    -> base32, no padding

import { createPrivateKey, createPublicKey, verify } from "node:crypto";
import type { Random } from "@myelin/platform";

/** Kinds of keys: the first byte of the encoded form, which makes its first letter. */
const KIND_SERVER = 13 << 3; // N
const KIND_CURVE = 23 << 3; // X
const KIND_USER = 20 << 3; // U
/** Every kind that signs: operator, account, cluster, server, user. */
const KINDS_SIGNING: ReadonlySet<number> = new Set([14 << 3, 0, 2 << 3, KIND_SERVER, KIND_USER]);

const KEY_BYTES = 32;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const CRC_POLYNOMIAL = 0x1021;
/** What stands before the 32 secret bytes in the DER form of a private key (RFC 8410). */
const DER_PREFIX_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
const DER_PREFIX_X25519 = Buffer.from("302e020100300506032b656e04220420", "hex");

/** What stands before the 32 bytes of a public key in DER (RFC 8410). */
const DER_PREFIX_PUBLIC = Buffer.from("302a300506032b6570032100", "hex");
const USERS: ReadonlySet<number> = new Set([KIND_USER]);
const PUBLIC_KEY = /^[A-Z2-7]{56}$/;
const RAW_SIGNATURE = /^[A-Za-z0-9_-]{86}$/;
const SIGNATURE = /^(?:[A-Za-z0-9_-]{86}|[A-Za-z0-9+/]{86}==)$/;
const NONCE_BYTES = 11;

/** Whether a text is the public key of a user: `U...` with a checksum that is right. */
export function isPublicUserKey(text: string): boolean {
  return decodeUserKey(text) !== null;
}

/** Whether a text is the public key of anybody who can sign. */
export function isPublicSigningKey(text: string): boolean {
  return decodeKey(text, KINDS_SIGNING) !== null;
}

/** What a client has to sign to show that it has the key: 15 characters that nobody can foresee. */
export function createNonce(random: Random): string {
  return Buffer.from(random.fillSecret(new Uint8Array(NONCE_BYTES))).toString("base64url");
}

/**
 * Whether a user's key signed a nonce.
 *
 * @param sig - Base64 in the alphabet for URLs without padding, or in the other with it, as clients send it. What is no
 *   signature is none.
 */
export function verifySignature(publicKey: string, nonce: string, sig: string): boolean {
  const key = decodeUserKey(publicKey);
  return key !== null && SIGNATURE.test(sig) && verifies(key, nonce, sig);
}

/** Whether a key of any kind signed a nonce. @param sig - Base64 in the alphabet for URLs, without padding. */
export function verifyRawSignature(publicKey: string, nonce: string, sig: string): boolean {
  const key = decodeKey(publicKey, KINDS_SIGNING);
  return key !== null && RAW_SIGNATURE.test(sig) && verifies(key, nonce, sig);
}

function verifies(key: Uint8Array, nonce: string, sig: string): boolean {
  if (nonce === "") return false;
  const der = Buffer.concat([DER_PREFIX_PUBLIC, key]);
  const object = createPublicKey({ key: der, format: "der", type: "spki" });
  return verify(null, Buffer.from(nonce), object, Buffer.from(sig, "base64"));
}

function decodeUserKey(text: string): Uint8Array | null {
  return decodeKey(text, USERS);
}

function decodeKey(text: string, kinds: ReadonlySet<number>): Uint8Array | null {
  if (!PUBLIC_KEY.test(text)) return null;
  const raw = unbase32(text);
  const end = 1 + KEY_BYTES;
  const checksum = (raw[end] as number) | ((raw[end + 1] as number) << 8);
  return kinds.has(raw[0] as number) && crc16(raw, end) === checksum ? raw.subarray(1, end) : null;
}

/** A new server identity: the public key (`N...`) that INFO and monitoring show. */
export function createServerId(random: Random): string {
  return encode(KIND_SERVER, publicKeyOf(DER_PREFIX_ED25519, random));
}

/** A new curve key (`X...`), with which an auth callout service may encrypt to this server. */
export function createServerXKey(random: Random): string {
  return encode(KIND_CURVE, publicKeyOf(DER_PREFIX_X25519, random));
}

function publicKeyOf(derPrefix: Buffer, random: Random): Uint8Array {
  const secret = random.fillSecret(new Uint8Array(KEY_BYTES));
  const key = createPrivateKey({ key: Buffer.concat([derPrefix, secret]), format: "der", type: "pkcs8" });
  const { x } = createPublicKey(key).export({ format: "jwk" });
  if (x === undefined) throw new Error("a public key on these curves has an x coordinate");
  return Buffer.from(x, "base64url");
}

function encode(kind: number, key: Uint8Array): string {
  const raw = new Uint8Array(1 + key.length + 2);
  raw[0] = kind;
  raw.set(key, 1);
  const checksum = crc16(raw, 1 + key.length);
  raw[1 + key.length] = checksum & 0xff;
  raw[2 + key.length] = checksum >>> 8;
  return base32(raw);
}

function crc16(bytes: Uint8Array, end: number): number {
  let crc = 0;
  for (let i = 0; i < end; i++) {
    crc ^= (bytes[i] as number) << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ CRC_POLYNOMIAL : crc << 1;
    crc &= 0xffff;
  }
  return crc;
}

/** Of a text whose letters have been checked. */
function unbase32(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length * 5) >> 3);
  let bits = 0;
  let value = 0;
  let at = 0;
  for (const letter of text) {
    value = ((value << 5) | BASE32.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = value >>> bits;
  }
  return bytes;
}

function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(value >>> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}
