// The store's own key, wrapped by the key that its owner gives: `keys.0` and `keys.1`, a twin file.
//
//    0  u8   cipher: 1 ChaCha20-Poly1305, 2 AES-256-GCM; of the wrapping and of everything in the store
//    1  7 bytes of 0
//    8  16   salt
//   24  32   the store's key, sealed: then nonce, tag
//
// Two steps, so that a new key of the owner means writing this file and nothing else.
//
// Invariant: this file is made when the folder is, and never again. Data is never left with a key that it was not written with.

import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import type { Disk, Random } from "@myelin/platform";
import { StoreError } from "../errors.ts";
import { readTwin, type TwinContent, writeTwin } from "../file/twin-file.ts";
import { putU32 } from "../record.ts";
import { type CipherName, NonceSource, SEAL_BYTES, Sealer } from "./sealer.ts";

/** How a store is to be encrypted. The keys are used when it is opened, and not kept. */
export interface EncryptionOptions {
  /** Not a password: at least 16 bytes that nobody guesses, such as those of `openssl rand -hex 32`. Text counts as UTF-8. */
  readonly key: string | Uint8Array;
  /** The key before this one: a store that still has it gets the new one when it is opened. */
  readonly previousKey?: string | Uint8Array;
  /** Of a new store; one that is there must have the same. Absent: `chacha`, or what is there. */
  readonly cipher?: CipherName;
}

export const MAGIC_KEYS = 0x4b594d01;
export const KEYS_FILE = "keys";
const KEY_BYTES = 32;
const KEY_BYTES_MIN = 16;
const SALT_AT = 8;
const SALT_BYTES = 16;
const SEALED_AT = SALT_AT + SALT_BYTES;
const BODY_BYTES = SEALED_AT + KEY_BYTES + SEAL_BYTES;
const CIPHERS: readonly (CipherName | null)[] = [null, "chacha", "aes"];

/** What everything in a store is sealed with. */
export interface StoreKey {
  readonly key: KeyObject;
  readonly cipher: CipherName;
}

/** Reads the twin file; null where there is none. @throws StoreError `DAMAGED`. */
export function readKeyFile(disk: Disk, store: number | null): TwinContent | null {
  return readTwin(disk, KEYS_FILE, MAGIC_KEYS, store);
}

/** @throws RangeError for keys that are none; never with their bytes. */
export function checkEncryptionOptions({ key, previousKey, cipher }: EncryptionOptions): void {
  for (const [name, value] of Object.entries({ key, previousKey })) {
    const bytes = value === undefined ? KEY_BYTES_MIN : bytesOf(value).length;
    if (bytes >= KEY_BYTES_MIN) continue;
    throw new RangeError(
      `Cannot use the store option encryption.${name}: it has ${bytes} bytes, at least ${KEY_BYTES_MIN}; make one with \`openssl rand -hex 32\``,
    );
  }
  if (cipher !== undefined && !CIPHERS.includes(cipher)) {
    throw new RangeError(`Cannot use the store option encryption.cipher: ${String(cipher)} is not "chacha" or "aes"`);
  }
}

/** Makes the key of a new store, and its files. Resolves when both are durable. */
export async function makeKeyFile(
  disk: Disk,
  store: number,
  random: Random,
  options: EncryptionOptions,
): Promise<StoreKey> {
  const cipher = options.cipher ?? "chacha";
  const bytes = random.fillSecret(new Uint8Array(KEY_BYTES));
  await writeKeyFile(disk, store, 1, random, options.key, cipher, bytes);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return { key, cipher };
}

/**
 * Unwraps the store's key; with the previous key it is wrapped anew, durably.
 *
 * @throws StoreError `WRONG_KEY`, `CIPHER_MISMATCH`, `DAMAGED`.
 */
export async function openKeyFile(
  disk: Disk,
  file: TwinContent,
  random: Random,
  options: EncryptionOptions,
): Promise<StoreKey> {
  const { body, owner, generation } = file;
  const cipher = CIPHERS[body[0] ?? 0] ?? null;
  if (body.length !== BODY_BYTES || cipher === null) {
    throw new StoreError(
      "DAMAGED",
      `Cannot read ${KEYS_FILE}.0 and ${KEYS_FILE}.1 in ${disk.name}: restore one of them`,
    );
  }
  if (options.cipher !== undefined && options.cipher !== cipher) {
    throw new StoreError(
      "CIPHER_MISMATCH",
      `Cannot open ${disk.name} with the cipher "${options.cipher}": it was made with "${cipher}". Name that one, or back its streams up and restore them into a new store`,
    );
  }
  let bytes = unwrap(body, owner, cipher, options.key);
  if (bytes === null && options.previousKey !== undefined) {
    bytes = unwrap(body, owner, cipher, options.previousKey);
    if (bytes !== null) await writeKeyFile(disk, owner, generation + 1, random, options.key, cipher, bytes);
  }
  if (bytes === null) {
    const tried = options.previousKey === undefined ? "The key is" : "Neither the key nor the previous key is";
    throw new StoreError(
      "WRONG_KEY",
      `Cannot open ${disk.name}: it is encrypted. ${tried} not the one that it was made with. Nothing was changed; give the right key`,
    );
  }
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return { key, cipher };
}

async function writeKeyFile(
  disk: Disk,
  store: number,
  generation: number,
  random: Random,
  ownersKey: string | Uint8Array,
  cipher: CipherName,
  bytes: Uint8Array,
): Promise<void> {
  const body = new Uint8Array(BODY_BYTES);
  body[0] = CIPHERS.indexOf(cipher);
  random.fillSecret(body.subarray(SALT_AT, SEALED_AT));
  body.set(bytes, SEALED_AT);
  // The wrapping key is this salt's alone, and seals once.
  const nonces = new NonceSource(0, random.fillSecret(new Uint8Array(8)));
  const sealer = new Sealer(wrappingKey(ownersKey, body), cipher, nonces);
  sealer.seal(body, SEALED_AT, SEALED_AT + KEY_BYTES, boundOf(body, store));
  await writeTwin(disk, KEYS_FILE, MAGIC_KEYS, store, generation, body);
  await disk.syncFolder("");
}

function unwrap(
  body: Uint8Array,
  store: number,
  cipher: CipherName,
  ownersKey: string | Uint8Array,
): Uint8Array | null {
  const sealer = new Sealer(wrappingKey(ownersKey, body), cipher, new NonceSource(0, new Uint8Array(8)));
  const bytes = new Uint8Array(KEY_BYTES);
  return sealer.open(body, SEALED_AT, SEALED_AT + KEY_BYTES, boundOf(body, store), bytes, 0) ? bytes : null;
}

function wrappingKey(ownersKey: string | Uint8Array, body: Uint8Array): KeyObject {
  const salt = body.subarray(SALT_AT, SEALED_AT);
  return createSecretKey(Buffer.from(hkdfSync("sha256", bytesOf(ownersKey), salt, "myelin store wrapping", KEY_BYTES)));
}

/** The cipher and the store: nobody passes another store's file off as this one's. */
function boundOf(body: Uint8Array, store: number): Uint8Array {
  const bound = new Uint8Array(12);
  bound.set(body.subarray(0, 8));
  putU32(bound, 8, store);
  return bound;
}

function bytesOf(key: string | Uint8Array): Uint8Array {
  return typeof key === "string" ? Buffer.from(key) : key;
}
