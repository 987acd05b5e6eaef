// A certificate as OCSP looks at it: who has issued it, what names it to a responder, and where the responders are.

import { createHash, X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import { extensionOf, fieldsOf, PUBLIC_KEY_INDEX, SERIAL_NUMBER_INDEX, SUBJECT_INDEX } from "../certificate-fields.ts";
import { readBits, readObjectId, readText, readValue, readValues } from "../der.ts";
import { isWebUrl } from "./settings.ts";

const AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1";
const ACCESS_OCSP = "1.3.6.1.5.5.7.48.1";
const TAG_URI = 0x86;
const TAG_IA5_STRING = 0x16;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Certificates that stand in a PEM text, in its order. @throws Where one cannot be read. */
export function certificatesOf(pem: string): X509Certificate[] {
  return (pem.match(PEM_CERTIFICATE) ?? []).map((block) => new X509Certificate(block));
}

/** SHA-256 of the whole certificate, hexadecimal: what an answer about it is kept under. */
export function fingerprintOf(certificate: X509Certificate): string {
  return createHash("sha256").update(certificate.raw).digest("hex");
}

/** The URLs of the certificate's OCSP responders that can be asked: `http:` and `https:`, in the certificate's order. */
export function respondersOf(certificate: X509Certificate): string[] {
  const access = extensionOf(fieldsOf(certificate.raw), AUTHORITY_INFORMATION_ACCESS);
  if (access === null) return [];
  return readValues(readValue(access).content).flatMap(({ content }) => {
    const [method, location] = readValues(content);
    if (method === undefined || location?.tag !== TAG_URI || readObjectId(method.content) !== ACCESS_OCSP) return [];
    const url = readText({ ...location, tag: TAG_IA5_STRING }) ?? "";
    return isWebUrl(url) ? [url] : [];
  });
}

/** Whether a certificate is neither out of date nor one of the future. @param nowMs - Milliseconds since 1970. */
export function isValidAt({ validFrom, validTo }: X509Certificate, nowMs: number): boolean {
  return Date.parse(validFrom) <= nowMs && nowMs <= Date.parse(validTo);
}

/** Whether `issuer` has issued `certificate`: by its name, and by its signature. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/**
 * Finds who issued a certificate.
 *
 * @param near - What came with the certificate.
 * @param ca - PEM of the CAs that are trusted; null for those that Node.js knows.
 * @returns Null when it is not among them.
 */
export function findIssuer(
  certificate: X509Certificate,
  near: readonly X509Certificate[],
  ca: string | null,
): X509Certificate | null {
  const found = near.find((each) => isIssuedBy(certificate, each));
  if (found !== undefined) return found;
  if (ca !== null) return certificatesOf(ca).find((each) => isIssuedBy(certificate, each)) ?? null;
  for (const pem of rootCertificates) {
    const root = new X509Certificate(pem);
    if (isIssuedBy(certificate, root)) return root;
  }
  return null;
}

/** What names a certificate to a responder: digests of its issuer, and its number. The first two are looked up by algorithm. */
export interface CertificateId {
  /** @param algorithm - As Node calls it: `sha1`. */
  issuerNameHash(algorithm: string): Uint8Array;
  issuerKeyHash(algorithm: string): Uint8Array;
  /** The content of the INTEGER. */
  readonly serialNumber: Uint8Array;
}

/** @throws DerError when one of the two is no certificate. */
export function certificateId(certificate: X509Certificate, issuer: X509Certificate): CertificateId {
  const serialNumber = fieldsOf(certificate.raw)[SERIAL_NUMBER_INDEX]?.content ?? new Uint8Array(0);
  const fields = fieldsOf(issuer.raw);
  const name = fields[SUBJECT_INDEX]?.encoded ?? new Uint8Array(0);
  const [, bits] = readValues(fields[PUBLIC_KEY_INDEX]?.content ?? new Uint8Array(0));
  const key = bits === undefined ? new Uint8Array(0) : readBits(bits);
  const digest = (algorithm: string, bytes: Uint8Array): Uint8Array => createHash(algorithm).update(bytes).digest();
  return {
    issuerNameHash: (algorithm) => digest(algorithm, name),
    issuerKeyHash: (algorithm) => digest(algorithm, key),
    serialNumber,
  };
}
