// Opens the encryption of a store: decides whether the folder and the key that was given go together, and gives each stream a key of
// its own.

import { createSecretKey, hkdfSync } from "node:crypto";
import type { Disk, Random } from "@myelin/platform";
import { StoreError } from "../errors.ts";
import { hex8 } from "../file/format.ts";
import type { TwinContent } from "../file/twin-file.ts";
import { type EncryptionOptions, KEYS_FILE, makeKeyFile, openKeyFile, type StoreKey } from "./key-file.ts";
import { NonceSource, Sealer } from "./sealer.ts";

/** The keys of an open store. */
export class Vault {
  readonly #storeKey: StoreKey;
  readonly #nonces: NonceSource;

  constructor(storeKey: StoreKey, nonces: NonceSource) {
    this.#storeKey = storeKey;
    this.#nonces = nonces;
  }

  /** What seals everything of one stream. Incarnations are never given twice, so neither are these keys. */
  sealer(incarnation: number): Sealer {
    const { key, cipher } = this.#storeKey;
    const bytes = hkdfSync("sha256", key, new Uint8Array(0), `myelin store stream ${hex8(incarnation)}`, 32);
    return new Sealer(createSecretKey(Buffer.from(bytes)), cipher, this.#nonces);
  }
}

/** What a folder says about itself. */
export interface FolderSecrecy {
  /** What the store is called, or will be. */
  readonly storeId: number;
  /** The store file; null: the folder is new. */
  readonly store: { readonly encrypted: boolean } | null;
  readonly keys: TwinContent | null;
  /** Of this opening. */
  readonly epoch: number;
}

/**
 * Opens the vault of a folder; a new folder gets one when a key is given.
 *
 * @returns Null for a store that is not encrypted.
 * @throws StoreError `KEY_MISSING`, `WRONG_KEY`, `NOT_ENCRYPTED`, `CIPHER_MISMATCH`, `DAMAGED`: then nothing was changed.
 */
export async function openVault(
  disk: Disk,
  random: Random,
  options: EncryptionOptions | null,
  { storeId, store, keys, epoch }: FolderSecrecy,
): Promise<Vault | null> {
  const encrypted = keys !== null || store?.encrypted === true;
  if (options === null) {
    if (!encrypted) return null;
    throw new StoreError(
      "KEY_MISSING",
      `Cannot open ${disk.name}: it is encrypted, and no key is given. Nothing was changed; give the key that it was made with`,
    );
  }
  if (store !== null && !store.encrypted) {
    throw new StoreError(
      "NOT_ENCRYPTED",
      `Cannot open ${disk.name} with a key: it is not encrypted. Open it without one, or move its streams into an encrypted store: \`myelin store backup\`, then \`myelin store restore\` with the key into a new folder`,
    );
  }
  if (store !== null && keys === null) {
    throw new StoreError(
      "DAMAGED",
      `Cannot open ${disk.name}: it is encrypted, and ${KEYS_FILE}.0 and ${KEYS_FILE}.1 are missing. No new key can open it; restore one of the files from a backup`,
    );
  }
  const storeKey =
    keys === null ? await makeKeyFile(disk, storeId, random, options) : await openKeyFile(disk, keys, random, options);
  return new Vault(storeKey, new NonceSource(epoch, random.fillSecret(new Uint8Array(8))));
}
