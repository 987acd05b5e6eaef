// Tokens of requests that nobody can guess: whoever has answered one request knows where the answers of the others go, and
// must not be able to answer those as well.
//
//   k k k k k k c c c c      ten digits of base 32: six are a key to look up by, four are compared then
//
// In two parts, because a key of at most 30 bits is the only number that a Map finds quickly.

import type { SecretSource } from "@myelin/protocol/client";

const KEY_MASK = 0x3fff_ffff;
const CHECK_MASK = 0xf_ffff;
const KEY_CHARS = 6;
const TOKEN_CHARS = 10;
const DIGITS: Uint8Array = /* @__PURE__ */ new TextEncoder().encode("0123456789abcdefghijklmnopqrstuv");
/** Secret words that are drawn at once: drawing costs a call into the platform. */
const WORDS = 512;

/** A token, taken apart and as it stands in a subject. */
export interface RequestToken {
  readonly key: number;
  readonly check: number;
  readonly text: string;
}

/** Draws tokens of 50 secret bits. */
export class RequestTokens {
  readonly #source: SecretSource;
  readonly #words = new Uint32Array(WORDS);
  #left = 0;

  constructor(source: SecretSource) {
    this.#source = source;
  }

  next(): RequestToken {
    if (this.#left === 0) {
      this.#source.fillSecret(new Uint8Array(this.#words.buffer));
      this.#left = WORDS;
    }
    const key = (this.#words[--this.#left] as number) & KEY_MASK;
    const check = (this.#words[--this.#left] as number) & CHECK_MASK;
    // One call: ten pieces put together, or toString(32), cost several times as much.
    const text = String.fromCharCode(
      DIGITS[key >>> 25] as number,
      DIGITS[(key >>> 20) & 31] as number,
      DIGITS[(key >>> 15) & 31] as number,
      DIGITS[(key >>> 10) & 31] as number,
      DIGITS[(key >>> 5) & 31] as number,
      DIGITS[key & 31] as number,
      DIGITS[check >>> 15] as number,
      DIGITS[(check >>> 10) & 31] as number,
      DIGITS[(check >>> 5) & 31] as number,
      DIGITS[check & 31] as number,
    );
    return { key, check, text };
  }
}

/** The key of the token that is `bytes[start, end)`; -1 when that is none. */
export function tokenKey(bytes: Uint8Array, start: number, end: number): number {
  return end - start === TOKEN_CHARS ? digitsIn(bytes, start, start + KEY_CHARS) : -1;
}

/** The part of a token that is compared; -1 when it is none. */
export function tokenCheck(bytes: Uint8Array, start: number): number {
  return digitsIn(bytes, start + KEY_CHARS, start + TOKEN_CHARS);
}

function digitsIn(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const code = bytes[at] as number;
    const digit = code >= 0x61 ? code - 0x57 : code - 0x30;
    if (digit >>> 0 > 31 || (code < 0x61 && digit > 9)) return -1;
    value = (value << 5) | digit;
  }
  return value;
}
