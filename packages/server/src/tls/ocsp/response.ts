// Reads what an OCSP responder answers (RFC 6960, section 4.2), and believes none of it: answer.ts does the checking.
//
//   OCSPResponse   { status, [0] { type, OCTET STRING of BasicOCSPResponse } }
//   BasicOCSP...   { data, algorithm, signature, [0] certificates }
//   data           { [0] version, responder, time, SEQUENCE OF single, [1] extensions }
//   single         { certificate id, status, this update, [0] next update, [1] extensions }

import {
  DerError,
  type DerValue,
  readBits,
  readGeneralizedTime,
  readObjectId,
  readValue,
  readValues,
  TAG_ENUMERATED,
  TAG_OBJECT_ID,
  TAG_OCTET_STRING,
  TAG_SEQUENCE,
} from "../der.ts";
import { OcspError } from "./ocsp-error.ts";

/** What a responder says of a certificate. */
export type OcspStatus = "good" | "revoked" | "unknown";

/** What is said of one certificate. */
export interface SingleResponse {
  /** Object identifier of the digest. */
  readonly hashAlgorithm: string;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  readonly serialNumber: Uint8Array;
  readonly status: OcspStatus;
  /** Milliseconds since 1970. */
  readonly thisUpdateMs: number;
  /** Null where newer information is there at any time. */
  readonly nextUpdateMs: number | null;
  /** Whether it has an extension that has to be understood. */
  readonly hasCriticalExtension: boolean;
}

/** An answer that says something. */
export interface BasicResponse {
  /** What is signed. */
  readonly data: Uint8Array;
  /** Object identifier. */
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array;
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  readonly responses: readonly SingleResponse[];
}

const BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1";
/** As Go's golang.org/x/crypto/ocsp words it. */
const STATUS_WORDS: readonly string[] = [
  "success",
  "malformed",
  "internal error",
  "try later",
  "unknown status: 4",
  "signature required",
  "unauthorized",
];
const TAG_VERSION = 0xa0;
const TAG_CERTIFICATES = 0xa0;
const TAG_GOOD = 0x80;
const TAG_REVOKED = 0xa1;
const TAG_UNKNOWN = 0x82;
const TAG_NEXT_UPDATE = 0xa0;
const TAG_EXTENSIONS = 0xa1;
const TAG_BOOLEAN = 0x01;

/** Reads an answer. @throws OcspError when the responder says that it has none; DerError when it cannot be read. */
export function readResponse(der: Uint8Array): BasicResponse {
  const [status, bytes] = valuesIn(readValue(der));
  if (status?.tag !== TAG_ENUMERATED || status.content.length !== 1) throw new DerError("no status");
  const number = status.content[0] as number;
  if (number !== 0) {
    throw new OcspError(`ocsp: error from server: ${STATUS_WORDS[number] ?? `unknown status: ${number}`}`);
  }
  const [type, inner] = valuesIn(readValue(need(bytes, TAG_VERSION).content));
  if (readObjectId(need(type, TAG_OBJECT_ID).content) !== BASIC_RESPONSE) {
    throw new OcspError("ocsp: bad OCSP response type");
  }
  return readBasic(readValue(need(inner, TAG_OCTET_STRING).content));
}

function readBasic(value: DerValue): BasicResponse {
  const [data, algorithm, signature, certificates] = valuesIn(value);
  const [algorithmId] = valuesIn(need(algorithm, TAG_SEQUENCE));
  if (signature === undefined) throw new DerError("no signature");
  return {
    data: need(data, TAG_SEQUENCE).encoded,
    signatureAlgorithm: readObjectId(need(algorithmId, TAG_OBJECT_ID).content),
    signature: readBits(signature),
    certificates:
      certificates?.tag === TAG_CERTIFICATES
        ? valuesIn(readValue(certificates.content)).map(({ encoded }) => encoded)
        : [],
    responses: readData(valuesIn(need(data, TAG_SEQUENCE))),
  };
}

function readData(fields: readonly DerValue[]): SingleResponse[] {
  const [, , responses] = fields[0]?.tag === TAG_VERSION ? fields.slice(1) : fields;
  return valuesIn(need(responses, TAG_SEQUENCE)).map(readSingle);
}

function readSingle(value: DerValue): SingleResponse {
  const [id, status, thisUpdate, ...rest] = valuesIn(value);
  const [algorithm, nameHash, keyHash, serialNumber] = valuesIn(need(id, TAG_SEQUENCE));
  const [algorithmId] = valuesIn(need(algorithm, TAG_SEQUENCE));
  if (thisUpdate === undefined || serialNumber === undefined) throw new DerError("a response without time or number");
  const nextUpdate = rest.find(({ tag }) => tag === TAG_NEXT_UPDATE);
  const extensions = rest.find(({ tag }) => tag === TAG_EXTENSIONS);
  return {
    hashAlgorithm: readObjectId(need(algorithmId, TAG_OBJECT_ID).content),
    issuerNameHash: need(nameHash, TAG_OCTET_STRING).content,
    issuerKeyHash: need(keyHash, TAG_OCTET_STRING).content,
    serialNumber: serialNumber.content,
    status: statusOf(status?.tag),
    thisUpdateMs: readGeneralizedTime(thisUpdate),
    nextUpdateMs: nextUpdate === undefined ? null : readGeneralizedTime(readValue(nextUpdate.content)),
    hasCriticalExtension: extensions !== undefined && valuesIn(readValue(extensions.content)).some(isCritical),
  };
}

function statusOf(tag: number | undefined): OcspStatus {
  if (tag === TAG_GOOD) return "good";
  if (tag === TAG_REVOKED) return "revoked";
  if (tag === TAG_UNKNOWN) return "unknown";
  throw new DerError("a response without a status");
}

/** An extension is { id, critical (false when absent), value }. */
function isCritical(extension: DerValue): boolean {
  const [, flag] = valuesIn(extension);
  return flag?.tag === TAG_BOOLEAN && flag.content[0] !== 0;
}

function valuesIn(value: DerValue): DerValue[] {
  return readValues(need(value, TAG_SEQUENCE).content);
}

function need(value: DerValue | undefined, tag: number): DerValue {
  if (value?.tag !== tag) throw new DerError(`a value of kind ${tag} is missing`);
  return value;
}
