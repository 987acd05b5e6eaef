// Decides whether an OCSP answer may be believed: it is signed by the certificate's issuer or by somebody whom the issuer has made a
// responder, and it is about this certificate (RFC 6960, sections 3.2 and 4.2.2.2). Whether it is still current is asked apart.

import { verify, X509Certificate } from "node:crypto";
import { type CertificateId, certificateId, isIssuedBy, isValidAt } from "./certificate.ts";
import { OcspError } from "./ocsp-error.ts";
import { type BasicResponse, type OcspStatus, readResponse, type SingleResponse } from "./response.ts";

/** What is believed about a certificate. */
export interface OcspAnswer {
  readonly status: OcspStatus;
  /** Milliseconds since 1970. */
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number | null;
  /** The answer as it came, DER: what is stapled. */
  readonly der: Uint8Array;
}

/** Bytes of an answer about one certificate; it is a few kilobytes. */
export const ANSWER_BYTES_MAX: number = 64 * 1024;

const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
/** An answer with more certificates than this is nothing that a responder sends. */
const CERTIFICATES_MAX = 4;
/** An answer about more certificates than this likewise; only one was asked about. */
const RESPONSES_MAX = 16;

const DIGESTS: Readonly<Record<string, string>> = {
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** By object identifier: the digest, null where the algorithm has its own. SHA-1 is not among them: its collisions can be bought. */
const SIGNATURE_DIGESTS: Readonly<Record<string, string | null>> = {
  "1.2.840.113549.1.1.11": "sha256", // RSA
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256", // ECDSA
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.3.101.112": null, // Ed25519
};

/**
 * Reads an answer about a certificate and checks who says it.
 *
 * @param der - From the network; may be anything.
 * @param nowMs - Milliseconds since 1970: whether a responder's own certificate is valid.
 * @throws OcspError when it may not be believed.
 */
export function checkedAnswer(
  der: Uint8Array,
  certificate: X509Certificate,
  issuer: X509Certificate,
  nowMs: number,
): OcspAnswer {
  const response = readable(der);
  if (!signersOf(response, issuer, nowMs).some((signer) => isSignedBy(response, signer))) {
    throw new OcspError("the answer is signed neither by the certificate's issuer nor by a responder of that issuer");
  }
  const id = certificateId(certificate, issuer);
  const found = response.responses.slice(0, RESPONSES_MAX).find((single) => isAbout(single, id));
  if (found === undefined) throw new OcspError("ocsp: no response matching the supplied certificate");
  if (found.hasCriticalExtension) throw new OcspError("ocsp: unsupported critical extension");
  const { nextUpdateMs, status, thisUpdateMs } = found;
  return { status, thisUpdateMs, nextUpdateMs, der };
}

/** What an answer's time may be off, and how long one counts that does not say so. */
export interface CurrencyRules {
  readonly skewMs: number;
  /** From its own time on; null for as long as it likes. */
  readonly lifeWithoutNextUpdateMs: number | null;
}

/** Says why an answer does not count at this time; null when it does. */
export function currencyProblem(
  { nextUpdateMs, thisUpdateMs }: OcspAnswer,
  nowMs: number,
  { lifeWithoutNextUpdateMs, skewMs }: CurrencyRules,
): string | null {
  const endMs =
    nextUpdateMs ??
    (lifeWithoutNextUpdateMs === null ? Number.POSITIVE_INFINITY : thisUpdateMs + lifeWithoutNextUpdateMs);
  if (endMs < nowMs - skewMs) return `invalid ocsp NextUpdate, is past time: ${timeText(endMs)}`;
  if (thisUpdateMs > nowMs + skewMs) return `invalid ocsp ThisUpdate, is future time: ${timeText(thisUpdateMs)}`;
  return null;
}

/** A time as the logs show it: `2026-01-02T03:04:05Z`. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

function readable(der: Uint8Array): BasicResponse {
  try {
    return readResponse(der);
  } catch (cause) {
    if (cause instanceof OcspError) throw cause;
    throw new OcspError(`the answer cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** Who may have signed it: the issuer, and the responders among the certificates of the answer. */
function signersOf(response: BasicResponse, issuer: X509Certificate, nowMs: number): X509Certificate[] {
  const signers = [issuer];
  for (const der of response.certificates.slice(0, CERTIFICATES_MAX)) {
    const certificate = parsed(der);
    if (certificate !== null && isResponderOf(certificate, issuer, nowMs)) signers.push(certificate);
  }
  return signers;
}

function parsed(der: Uint8Array): X509Certificate | null {
  try {
    return new X509Certificate(der);
  } catch {
    return null; // one that cannot be read has signed nothing
  }
}

function isResponderOf(certificate: X509Certificate, issuer: X509Certificate, nowMs: number): boolean {
  return (
    (certificate.keyUsage ?? []).includes(OCSP_SIGNING) &&
    isValidAt(certificate, nowMs) &&
    isIssuedBy(certificate, issuer)
  );
}

function isSignedBy({ data, signature, signatureAlgorithm }: BasicResponse, signer: X509Certificate): boolean {
  const digest = SIGNATURE_DIGESTS[signatureAlgorithm];
  if (digest === undefined) throw new OcspError(`ocsp: unsupported signature algorithm ${signatureAlgorithm}`);
  try {
    return verify(digest, data, signer.publicKey, signature);
  } catch {
    return false; // a key of another kind than the signature's has not made it
  }
}

function isAbout(single: SingleResponse, id: CertificateId): boolean {
  const digest = DIGESTS[single.hashAlgorithm];
  return (
    digest !== undefined &&
    isEqual(single.serialNumber, id.serialNumber) &&
    isEqual(single.issuerNameHash, id.issuerNameHash(digest)) &&
    isEqual(single.issuerKeyHash, id.issuerKeyHash(digest))
  );
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
