// Seals ranges of bytes: encrypts them in place and puts behind them what opening needs.
//
//   | plain bytes ......... | room: 28 bytes |      sealed:   | cipher bytes ........ | nonce, 12 | tag, 16 |
//
// The checksums of records and files are those of the sealed bytes: damage, torn ends and places are told without any key. What a
// seal adds is that nobody without the key reads the bytes, or makes ones that open.

import { type CipherGCM, createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import { FLAG_SEALED, putU32, recordDataOffset, u32 } from "../record.ts";

/** How a store is encrypted, by the names of the reference's configuration. */
export type CipherName = "chacha" | "aes";

const ALGORITHMS = { chacha: "chacha20-poly1305", aes: "aes-256-gcm" } as const;

export const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What a seal takes behind the sealed bytes. */
export const SEAL_BYTES: number = NONCE_BYTES + TAG_BYTES;

/**
 * Nonces that never repeat within a store:
 *
 *    0  u32  epoch: of this opening of the store; it is durable, in the store file, before anything is sealed by an append
 *    4  u64  counts from a random start, one step per seal
 *
 * Not derived from sequences or places: those are given again after a crash or a truncation. Two openings have different epochs,
 * unless one of them ended before its first checkpoint, or the folder is a copy of an older state: then the random start keeps them
 * apart, but for one chance in 2^64 per pair of seals.
 */
export class NonceSource {
  readonly #epoch: number;
  #low: number;
  #high: number;

  /** @param start - Eight random bytes. */
  constructor(epoch: number, start: Uint8Array) {
    this.#epoch = epoch;
    this.#low = u32(start, 0);
    this.#high = u32(start, 4);
  }

  /** Writes the next one. */
  put(bytes: Uint8Array, at: number): void {
    this.#low = (this.#low + 1) >>> 0;
    if (this.#low === 0) this.#high = (this.#high + 1) >>> 0;
    putU32(bytes, at, this.#epoch);
    putU32(bytes, at + 4, this.#low);
    putU32(bytes, at + 8, this.#high);
  }
}

/** Seals with one key. */
export class Sealer {
  readonly #key: KeyObject;
  readonly #algorithm: (typeof ALGORITHMS)[CipherName];
  readonly #nonces: NonceSource;
  /** What of a record is bound to its seal besides its data. */
  readonly #bound: Uint8Array = new Uint8Array(48);

  constructor(key: KeyObject, cipher: CipherName, nonces: NonceSource) {
    this.#key = key;
    this.#algorithm = ALGORITHMS[cipher];
    this.#nonces = nonces;
  }

  /**
   * Seals `bytes[start, end)`; the {@link SEAL_BYTES} from `end` on are overwritten.
   *
   * @param bound - Must be the same when it is opened.
   */
  seal(bytes: Uint8Array, start: number, end: number, bound: Uint8Array): void {
    this.#nonces.put(bytes, end);
    const nonce = bytes.subarray(end, end + NONCE_BYTES);
    // The two algorithms have the same form; the types know only one of them by name.
    const algorithm = this.#algorithm as "aes-256-gcm";
    const cipher: CipherGCM = createCipheriv(algorithm, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(bound);
    bytes.set(cipher.update(bytes.subarray(start, end)), start);
    cipher.final();
    bytes.set(cipher.getAuthTag(), end + NONCE_BYTES);
  }

  /**
   * Opens what {@link seal} made into `into[at...]`, which may be the same place.
   *
   * @returns False when it is not what was sealed with this key: then `into` is as it was.
   */
  open(bytes: Uint8Array, start: number, end: number, bound: Uint8Array, into: Uint8Array, at: number): boolean {
    const nonce = bytes.subarray(end, end + NONCE_BYTES);
    const algorithm = this.#algorithm as "aes-256-gcm";
    const decipher = createDecipheriv(algorithm, this.#key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(bound);
    decipher.setAuthTag(bytes.subarray(end + NONCE_BYTES, end + SEAL_BYTES));
    const plain = decipher.update(bytes.subarray(start, end));
    try {
      decipher.final();
    } catch {
      return false; // the one thing that final() checks is the tag
    }
    into.set(plain, at);
    return true;
  }

  /** Seals the data of a message's record that is complete but for its checksum, in `length` bytes with {@link SEAL_BYTES} at the end. */
  sealMessage(bytes: Uint8Array, at: number, length: number): void {
    bytes[at + 22]! |= FLAG_SEALED;
    putU32(bytes, at + 4, length);
    const bound = this.#boundOf(bytes, at);
    this.seal(bytes, at + recordDataOffset(bytes[at + 22]!), at + length - SEAL_BYTES, bound);
  }

  /**
   * Opens the record of a message, whose framing has been checked, into `into[0...]`; it ends at `length - SEAL_BYTES` there.
   *
   * @returns False when it was not sealed, or not by this key.
   */
  openMessage(bytes: Uint8Array, at: number, length: number, into: Uint8Array): boolean {
    const flags = bytes[at + 22]!;
    const data = recordDataOffset(flags);
    if ((flags & FLAG_SEALED) === 0 || length < data + SEAL_BYTES) return false;
    const bound = this.#boundOf(bytes, at);
    if (!this.open(bytes, at + data, at + length - SEAL_BYTES, bound, into, data)) return false;
    into.set(bytes.subarray(at, at + data));
    return true;
  }

  /** A sealed copy: the bytes, and {@link SEAL_BYTES} more. */
  sealBytes(bytes: Uint8Array, purpose: string): Uint8Array {
    const sealed = new Uint8Array(bytes.length + SEAL_BYTES);
    sealed.set(bytes);
    this.seal(sealed, 0, bytes.length, Buffer.from(purpose));
    return sealed;
  }

  /** What {@link sealBytes} sealed for the same purpose; null when it is not that. */
  openBytes(sealed: Uint8Array, purpose: string): Uint8Array | null {
    const length = sealed.length - SEAL_BYTES;
    if (length < 0) return null;
    const bytes = new Uint8Array(length);
    return this.open(sealed, 0, length, Buffer.from(purpose), bytes, 0) ? bytes : null;
  }

  /**
   * Everything about a record that is the same wherever it stands: not its checksum, its place (a compaction moves it within its block) and
   * how far its block was synced.
   */
  #boundOf(bytes: Uint8Array, at: number): Uint8Array {
    const bound = this.#bound;
    const data = recordDataOffset(bytes[at + 22]!);
    bound.set(bytes.subarray(at + 4, at + 12));
    bound.set(bytes.subarray(at + 20, at + 44), 8);
    bound.set(bytes.subarray(at + 48, at + data), 32);
    return bound.subarray(0, 32 + data - 48);
  }
}
