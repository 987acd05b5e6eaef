// The signing authenticators on Node's cryptography, and those that read files.

import type { Authenticator } from "./authenticator.ts";
import { readSecretFile } from "./files-node.ts";
import { nodeSigner } from "./signer-node.ts";
import { createSigningAuthenticators, type ExternalKey, type Given } from "./signing-authenticators.ts";

const made = /* @__PURE__ */ createSigningAuthenticators(nodeSigner);

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

/**
 * Shows what a credentials file holds; it is read at each connect, so a renewed file counts.
 *
 * @param path - `~` and `$VAR` are expanded.
 */
export function credsFileAuthenticator(path: string): Authenticator {
  return made.credsAuthenticator(() => readSecretFile(path));
}

/** Shows the public key of the seed in a file, and signs; the file is read at each connect. */
export function nkeyFileAuthenticator(path: string): Authenticator {
  return made.nkeyAuthenticator(async () => seedIn(await readSecretFile(path)));
}

/** The line of a file that is a seed: files of the tools have comments and dashes round it. */
function seedIn(file: Uint8Array): Uint8Array {
  const line = new TextDecoder().decode(file).match(/^S[A-Z2-7]{20,}$/m);
  return line === null ? file : new TextEncoder().encode(line[0]);
}
