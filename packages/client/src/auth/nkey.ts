// Nkeys as text: base32 with a prefix that says what the key is for, and a checksum.
//
//   seed    S U A A ...   two prefix bytes (seed, and the kind of key), 32 secret bytes, CRC-16
//   public  U A B C ...   one prefix byte, 32 public bytes, CRC-16
//
// Here is only the text; keys are made and used by the platform's cryptography (see `Signer`).

import { CredentialsError } from "../errors.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SEED_PREFIX = 18 << 3;
const RAW_BYTES = 32;

/** A decoded seed. Wipe `raw` when it is no longer needed. */
export interface RawSeed {
  /** The prefix byte of the public key that belongs to it. */
  readonly publicPrefix: number;
  readonly raw: Uint8Array;
}

/**
 * Decodes a seed (`SU...`, `SA...`).
 *
 * @throws CredentialsError, which never repeats the seed.
 */
export function decodeSeed(seed: Uint8Array): RawSeed {
  const bytes = decodeBase32(seed);
  if (bytes.length !== RAW_BYTES + 4) throw badSeed("its length is wrong");
  const sum = (bytes[RAW_BYTES + 2] as number) | ((bytes[RAW_BYTES + 3] as number) << 8);
  if (crc16(bytes.subarray(0, RAW_BYTES + 2)) !== sum) throw badSeed("its checksum is wrong");
  const first = bytes[0] as number;
  const second = bytes[1] as number;
  if ((first & 0xf8) !== SEED_PREFIX) throw badSeed("it is not the seed of a key pair");
  const publicPrefix = ((first & 7) << 5) | ((second & 0xf8) >> 3);
  const raw = bytes.slice(2, RAW_BYTES + 2);
  bytes.fill(0);
  return { publicPrefix, raw };
}

/** Encodes the 32 bytes of a public key. */
export function encodePublicKey(prefix: number, raw: Uint8Array): string {
  const bytes = new Uint8Array(RAW_BYTES + 3);
  bytes[0] = prefix;
  bytes.set(raw, 1);
  const sum = crc16(bytes.subarray(0, RAW_BYTES + 1));
  bytes[RAW_BYTES + 1] = sum & 0xff;
  bytes[RAW_BYTES + 2] = sum >> 8;
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((held >> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + ALPHABET.charAt((held << (5 - bits)) & 31) : text;
}

/** Base64 for URLs, without padding: how signatures are sent. */
export function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

function decodeBase32(text: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const code of text) {
    const digit = ALPHABET.indexOf(String.fromCharCode(code));
    if (digit < 0) throw badSeed("it holds a character that is not base32");
    held = (held << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
    held &= (1 << bits) - 1;
  }
  return bytes;
}

/** CRC-16 with the polynomial 0x1021, as XMODEM has it. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

function badSeed(problem: string): CredentialsError {
  return new CredentialsError(`Cannot use the nkey seed: ${problem}`);
}
