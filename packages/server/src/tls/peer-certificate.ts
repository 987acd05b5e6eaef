// The certificate that a client showed: what the mapping to users and the pins look at, and what monitoring shows of it.

import { createHash } from "node:crypto";
import type { TlsSession } from "@myelin/platform";
import { type DerValue, readObjectId, readValue, readValues, TAG_OBJECT_ID, TAG_OCTET_STRING } from "./der.ts";
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
const TAG_VERSION = 0xa0;
const TAG_EXTENSIONS = 0xa3;
const TAG_EMAIL = 0x81;
const TAG_DNS_NAME = 0x82;
const TAG_URI = 0x86;
/** Serial number, algorithm, issuer and validity stand before the subject, and the public key behind it. */
const SUBJECT_INDEX = 4;

/** Reads a certificate. @throws DerError when it is none. */
export function readCertificate(der: Uint8Array): PeerCertificate {
  const fields = fieldsOf(der);
  const subject = fields[SUBJECT_INDEX];
  const publicKey = fields[SUBJECT_INDEX + 1];
  const names = alternativeNames(fields);
  const texts = (tag: number): string[] =>
    names.filter((name) => name.tag === tag).map(({ content }) => Buffer.from(content).toString("latin1"));
  return {
    subject: subject === undefined ? [] : readSubject(subject),
    emailAddresses: texts(TAG_EMAIL),
    dnsNames: texts(TAG_DNS_NAME),
    uris: texts(TAG_URI),
    spkiSha256: sha256(publicKey === undefined ? new Uint8Array(0) : encoded(publicKey)),
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

/** Serial number, algorithm, issuer, validity, subject, public key, and what follows. */
function fieldsOf(der: Uint8Array): DerValue[] {
  const [toBeSigned] = readValues(readValue(der).content);
  const all = readValues(toBeSigned?.content ?? new Uint8Array(0));
  return all[0]?.tag === TAG_VERSION ? all.slice(1) : all;
}

function alternativeNames(fields: readonly DerValue[]): DerValue[] {
  const names = extensionOf(fields, SUBJECT_ALTERNATIVE_NAME);
  return names === null ? [] : readValues(readValue(names).content);
}

/** What an extension holds; null where the certificate has none of that kind. */
function extensionOf(fields: readonly DerValue[], wanted: string): Uint8Array | null {
  const extensions = fields.find(({ tag }) => tag === TAG_EXTENSIONS);
  if (extensions === undefined) return null;
  for (const { content } of readValues(readValue(extensions.content).content)) {
    const parts = readValues(content);
    const [id] = parts;
    const value = parts.at(-1);
    if (id?.tag !== TAG_OBJECT_ID || value?.tag !== TAG_OCTET_STRING) continue;
    if (readObjectId(id.content) === wanted) return value.content;
  }
  return null;
}

/** The bytes of a value with its tag and length, which stand before its content in the certificate. */
function encoded({ content, tag }: DerValue): Uint8Array {
  const { length } = content;
  const digits = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...digits]), content]);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
