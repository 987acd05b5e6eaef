// Authenticators that sign the server's nonce. Seeds are decoded for each connect and wiped after it.

import { CredentialsError } from "../errors.ts";
import type { Signer } from "../runtime.ts";
import { type Authenticator, type JwtAuth, valueOf } from "./authenticator.ts";
import { parseCreds } from "./creds.ts";
import { base64Url, decodeSeed, encodePublicKey } from "./nkey.ts";

/** A value, or a function that gives it at each connect, at once or later. */
export type Given<T> = T | (() => T | Promise<T>);

/** A key that stays where it is: in a key service, in hardware. */
export interface ExternalKey {
  /** The public user key, `U...`. */
  nkey?: Given<string>;
  jwt?: Given<string>;
  /** Signs with the private key: Ed25519, 64 bytes. */
  sign: (nonce: Uint8Array) => Uint8Array | Promise<Uint8Array>;
}

/** The helpers of the official client that need cryptography, for one platform. */
export interface SigningAuthenticators {
  /** Shows the public key of a seed, and signs. */
  nkeyAuthenticator(seed?: Given<Uint8Array>): Authenticator;
  /** Shows a JWT, and signs with the seed; without one the JWT must be a bearer token. */
  jwtAuthenticator(jwt: Given<string>, seed?: Given<Uint8Array>): Authenticator;
  /** Shows what a credentials file holds. */
  credsAuthenticator(creds: Given<Uint8Array>): Authenticator;
  /** Shows a key, or a JWT, whose private part signs somewhere else. */
  externalKeyAuthenticator(key: ExternalKey): Authenticator;
}

/** Makes them over a platform's cryptography. */
export function createSigningAuthenticators(signer: Signer): SigningAuthenticators {
  const jwtAuthenticator = (jwt: Given<string>, seed?: Given<Uint8Array>): Authenticator => {
    return async (nonce) => {
      const shown: JwtAuth = { jwt: await valueOf(jwt) };
      if (seed === undefined) return shown;
      return { ...shown, ...(await signWithSeed(signer, await valueOf(seed), nonce ?? "")) };
    };
  };
  return {
    jwtAuthenticator,
    nkeyAuthenticator: (seed) => async (nonce) => {
      if (nonce === undefined) throw noNonce();
      if (seed === undefined) throw new CredentialsError("Cannot authenticate with an nkey: there is no seed");
      return signWithSeed(signer, await valueOf(seed), nonce);
    },
    credsAuthenticator: (creds) => async (nonce) => {
      const { jwt, seed } = parseCreds(await valueOf(creds));
      try {
        return { jwt, ...(await signWithSeed(signer, seed, nonce ?? "")) };
      } finally {
        seed.fill(0);
      }
    },
    externalKeyAuthenticator: (key) => async (nonce) => {
      if (nonce === undefined) throw noNonce();
      const sig = base64Url(await key.sign(new TextEncoder().encode(nonce)));
      const nkey = key.nkey === undefined ? {} : { nkey: await valueOf(key.nkey) };
      const jwt = key.jwt === undefined ? {} : { jwt: await valueOf(key.jwt) };
      return { ...nkey, ...jwt, sig } as { nkey: string; sig: string };
    },
  };
}

async function signWithSeed(signer: Signer, seed: Uint8Array, nonce: string): Promise<{ nkey: string; sig: string }> {
  const { publicPrefix, raw } = decodeSeed(trimmed(seed));
  try {
    const nkey = encodePublicKey(publicPrefix, await signer.publicKey(raw));
    return { nkey, sig: base64Url(await signer.sign(raw, new TextEncoder().encode(nonce))) };
  } finally {
    raw.fill(0);
  }
}

function trimmed(seed: Uint8Array): Uint8Array {
  let end = seed.length;
  while (end > 0 && (seed[end - 1] as number) <= 0x20) end--;
  return seed.subarray(0, end);
}

function noNonce(): CredentialsError {
  return new CredentialsError(
    "The server does not support nkeys: its INFO has no nonce",
    "ERR_NATS_NKEYS_NOT_SUPPORTED",
  );
}
