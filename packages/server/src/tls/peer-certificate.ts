// The certificate that a client showed: what the mapping to users and the pins look at, and what monitoring shows of it.

import { createHash } from "node:crypto";
import type { TlsSession } from "@myelin/platform";
import { extensionOf, fieldsOf, PUBLIC_KEY_INDEX, SUBJECT_INDEX } from "./certificate-fields.ts";
import { type DerValue, readValue, readValues } from "./der.ts";
import { readSubject, type Subject, subjectText } from "./distinguished-name.ts";

/** What is read of a certificate. OpenSSL has verified it before. */
export interface PeerCertificate {
  readonly subject: Subject;
  readonly emailAddresses: readonly string[];
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  /** SHA-256 over the public key (DER of SubjectPublicKeyInfo), and over the whole certificate; hexadecimal. */
  readonly spkiSha256: string;
  readonly certSha256: string;
}

const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
const TLS_FEATURE = "1.3.6.1.5.5.7.1.24";
const STATUS_REQUEST = 5;
const TAG_EMAIL = 0x81;
const TAG_DNS_NAME = 0x82;
const TAG_URI = 0x86;

/** Reads a certificate. @throws DerError when it is none. */
export function readCertificate(der: Uint8Array): PeerCertificate {
  const fields = fieldsOf(der);
  const subject = fields[SUBJECT_INDEX];
  const publicKey = fields[PUBLIC_KEY_INDEX];
  const names = alternativeNames(fields);
  const texts = (tag: number): string[] =>
    names.filter((name) => name.tag === tag).map(({ content }) => Buffer.from(content).toString("latin1"));
  return {
    subject: subject === undefined ? [] : readSubject(subject),
    emailAddresses: texts(TAG_EMAIL),
    dnsNames: texts(TAG_DNS_NAME),
    uris: texts(TAG_URI),
    spkiSha256: sha256(publicKey?.encoded ?? new Uint8Array(0)),
    certSha256: sha256(der),
  };
}

/** The certificate that a client showed first; null when it showed none. */
export function peerCertificate(session: TlsSession | null): PeerCertificate | null {
  const der = session?.peerCertificates[0];
  return der === undefined ? null : readCertificate(der);
}

/** Whether a client may come in as far as pins go. @param pins - In lower case; null when nothing is pinned. */
export function isPinned(session: TlsSession, pins: readonly string[] | null): boolean {
  if (pins === null) return true;
  const certificate = peerCertificate(session);
  return certificate !== null && pins.includes(certificate.spkiSha256);
}

/** The subjects and digests of what a client showed, for the log: `CN=alice SHA-256: 1f..; CN=ca SHA-256: 5c..`. */
export function describeCertificates(certificates: readonly Uint8Array[]): string {
  return certificates
    .map(readCertificate)
    .map(({ certSha256, subject }) => `${subjectText(subject)} SHA-256: ${certSha256}`)
    .join("; ");
}

/** Whether a certificate asks for OCSP stapling (RFC 7633). */
export function mustStaple(der: Uint8Array): boolean {
  const features = extensionOf(fieldsOf(der), TLS_FEATURE);
  return (
    features !== null && readValues(readValue(features).content).some(({ content }) => content[0] === STATUS_REQUEST)
  );
}

function alternativeNames(fields: readonly DerValue[]): DerValue[] {
  const names = extensionOf(fields, SUBJECT_ALTERNATIVE_NAME);
  return names === null ? [] : readValues(readValue(names).content);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
