// Whether a client knows a password or token. What the server holds is the secret itself, or its bcrypt hash.

import { createHash, timingSafeEqual } from "node:crypto";
import type { BcryptQueue } from "./bcrypt-queue.ts";

const BCRYPT = /^\$2[abxy]\$[0-9]{2}\$/;

/** Whether a configured secret is a bcrypt hash (auth.go isBcrypt). */
export function isBcrypt(secret: string): boolean {
  return BCRYPT.test(secret);
}

/** Compares in a time that does not depend on where the two differ, nor on their lengths. */
export function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

/**
 * Whether `given` is the secret, at once for a plain one and later for a hash.
 *
 * @param isWanted - Asked before the work on a hash begins: the client may be gone by then.
 * @returns A rejection when too many others wait already.
 */
export function knowsSecret(
  given: string,
  secret: string,
  hashes: BcryptQueue,
  isWanted: () => boolean,
): boolean | Promise<boolean> {
  return isBcrypt(secret) ? hashes.verify(given, secret, isWanted) : sameSecret(given, secret);
}
