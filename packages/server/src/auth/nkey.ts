// Public keys in NATS's text form: a letter for the kind, base32, a checksum.
//
//   byte 0: kind << 3    bytes 1..32: key    bytes 33, 34: CRC-16/XMODEM of the 33 before, low byte first    -> base32, no padding

import { createPrivateKey, createPublicKey } from "node:crypto";
import type { Random } from "@myelin/platform";

/** Kinds of keys: the first byte of the encoded form, which makes its first letter. */
const KIND_SERVER = 13 << 3; // N
const KIND_CURVE = 23 << 3; // X

const KEY_BYTES = 32;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const CRC_POLYNOMIAL = 0x1021;
/** What stands before the 32 secret bytes in the DER form of a private key (RFC 8410). */
const DER_PREFIX_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
const DER_PREFIX_X25519 = Buffer.from("302e020100300506032b656e04220420", "hex");

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
