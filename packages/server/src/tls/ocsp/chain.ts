// The chain from a client's certificate to a CA that is trusted. TLS has found one before; Node does not tell which, so it is found
// again: a client must not be able to lead the check past one of its certificates by showing others that look like its issuers.

import type { X509Certificate } from "node:crypto";
import { isIssuedBy, isValidAt } from "./certificate.ts";

/** Certificates of a chain; more are nothing that a client has. */
const LENGTH_MAX = 10;
/** A client can show certificates that have issued each other, so that there are more ways than anybody can try. */
const SIGNATURES_MAX = 64;

/**
 * Finds a chain whose certificates have each issued the one before, are valid now, and end in one of the CAs.
 *
 * @param shown - What the client showed, its own certificate first.
 * @returns From the client's certificate to the CA; null when there is no such chain, or when it takes too long to find.
 */
export function findChain(
  shown: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  nowMs: number,
): readonly X509Certificate[] | null {
  const [own, ...others] = shown;
  if (own === undefined) return null;
  const anchors = new Set(trusted.map(({ fingerprint256 }) => fingerprint256));
  let signatures = 0;

  const from = (chain: readonly X509Certificate[]): readonly X509Certificate[] | null => {
    const last = chain.at(-1) as X509Certificate;
    if (anchors.has(last.fingerprint256)) return chain;
    if (chain.length >= LENGTH_MAX) return null;
    // What is trusted first: then there is mostly one way only.
    for (const issuer of [...trusted, ...others]) {
      if (chain.includes(issuer) || !issuer.ca || !last.checkIssued(issuer) || !isValidAt(issuer, nowMs)) continue;
      if (++signatures > SIGNATURES_MAX) return null;
      if (!isIssuedBy(last, issuer)) continue;
      const found = from([...chain, issuer]);
      if (found !== null) return found;
    }
    return null;
  };
  return from([own]);
}
