// The signing authenticators on WebCrypto, for browsers and workers.

import { CredentialsError } from "../errors.ts";
import type { Signer } from "../runtime.ts";
import type { Authenticator } from "./authenticator.ts";
import { createSigningAuthenticators, type ExternalKey, type Given } from "./signing-authenticators.ts";

/** DER in front of the 32 bytes of an Ed25519 private key. */
const PKCS8_HEAD = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

const webSigner: Signer = {
  async sign(rawSeed, data) {
    const key = await importKey(rawSeed, false);
    return new Uint8Array(await crypto.subtle.sign("Ed25519", key, new Uint8Array(data)));
  },
  async publicKey(rawSeed) {
    const { x } = await crypto.subtle.exportKey("jwk", await importKey(rawSeed, true));
    const base64 = (x ?? "").replaceAll("-", "+").replaceAll("_", "/");
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  },
};

async function importKey(rawSeed: Uint8Array, extractable: boolean) {
  const pkcs8 = new Uint8Array([...PKCS8_HEAD, ...rawSeed]);
  try {
    return await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", extractable, ["sign"]);
  } catch (cause) {
    throw new CredentialsError("Cannot sign with the nkey seed: this platform has no Ed25519", undefined, { cause });
  } finally {
    pkcs8.fill(0);
  }
}

const made = /* @__PURE__ */ createSigningAuthenticators(webSigner);

/** Shows the public key of a seed (`SU...`), and signs the server's nonce with it. */
export function nkeyAuthenticator(seed?: Given<Uint8Array>): Authenticator {
  return made.nkeyAuthenticator(seed);
}

/** Shows a user JWT, and signs with the seed; without a seed the JWT must be a bearer token. */
export function jwtAuthenticator(jwt: Given<string>, seed?: Given<Uint8Array>): Authenticator {
  return made.jwtAuthenticator(jwt, seed);
}

/** Shows what the bytes of a credentials file hold. */
export function credsAuthenticator(creds: Given<Uint8Array>): Authenticator {
  return made.credsAuthenticator(creds);
}

/** Shows a key or JWT whose private part signs in a key service. */
export function externalKeyAuthenticator(key: ExternalKey): Authenticator {
  return made.externalKeyAuthenticator(key);
}
