// What an OCSP responder says (RFC 6960), right or wrong in every way that a test wants.

import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { extension, generalizedTime, objectId, sequence, signed, tagged } from "./der.ts";

/** What an answer is to say: that the certificate is good, from a minute ago to in an hour, when nothing else is asked for. */
export interface OcspAnswerRequest {
  readonly status?: "good" | "revoked" | "unknown";
  readonly thisUpdate?: Date;
  /** Null: there is newer information at any time. */
  readonly nextUpdate?: Date | null;
  /** Who signs instead of the authority; the certificate comes with the answer. PEM both. */
  readonly responder?: { readonly cert: string; readonly key: string };
  /** True: it has an extension that nobody can understand and everybody has to. */
  readonly criticalExtension?: boolean;
}

const MINUTE_MS = 60_000;
const STATUS: Readonly<Record<"good" | "unknown", Buffer>> = { good: tagged(0x80), unknown: tagged(0x82) };

/** Writes an answer. @param key - Of the issuer. @returns DER. */
export function ocspAnswer(
  certificate: X509Certificate,
  issuer: X509Certificate,
  key: KeyObject,
  request: OcspAnswerRequest,
): Uint8Array {
  const { criticalExtension, nextUpdate, responder, status = "good", thisUpdate } = request;
  const since = thisUpdate ?? new Date(Date.now() - MINUTE_MS);
  const until = nextUpdate === undefined ? new Date(Date.now() + 60 * MINUTE_MS) : nextUpdate;
  const single = sequence(
    certificateId(certificate, issuer),
    status === "revoked" ? tagged(0xa1, generalizedTime(since)) : STATUS[status],
    generalizedTime(since),
    ...(until === null ? [] : [tagged(0xa0, generalizedTime(until))]),
    ...(criticalExtension === true ? [tagged(0xa1, sequence(extension("1.2.3.4", Buffer.from([5, 0]), true)))] : []),
  );
  const keyHash = createHash("sha1").update(keyBits(issuer)).digest();
  const data = sequence(tagged(0xa2, tagged(0x04, keyHash)), generalizedTime(since), sequence(single));
  const basic =
    responder === undefined
      ? signed(data, key)
      : signed(data, createPrivateKey(responder.key), tagged(0xa0, sequence(new X509Certificate(responder.cert).raw)));
  const bytes = sequence(objectId("1.3.6.1.5.5.7.48.1.1"), tagged(0x04, basic));
  return sequence(tagged(0x0a, Buffer.from([0])), tagged(0xa0, bytes));
}

function certificateId(certificate: X509Certificate, issuer: X509Certificate): Buffer {
  const sha1 = sequence(objectId("1.3.14.3.2.26"), tagged(0x05));
  const digest = (bytes: Uint8Array): Buffer => tagged(0x04, createHash("sha1").update(bytes).digest());
  const serial = Buffer.from(certificate.serialNumber, "hex");
  return sequence(sha1, digest(subjectOf(issuer)), digest(keyBits(issuer)), tagged(0x02, serial));
}

/** The key itself: an uncompressed point of P-256 is the last 65 bytes of what holds it. */
function keyBits(issuer: X509Certificate): Buffer {
  return issuer.publicKey.export({ format: "der", type: "spki" }).subarray(-65);
}

/** The name as it stands in the certificate, right before the key. */
function subjectOf({ publicKey, raw }: X509Certificate): Buffer {
  const end = raw.indexOf(publicKey.export({ format: "der", type: "spki" }));
  for (let start = end - 2; start > 0; start--) {
    const isLong = raw[start + 1] === 0x81;
    const length = isLong ? raw[start + 2] : raw[start + 1];
    if (raw[start] === 0x30 && length !== undefined && start + (isLong ? 3 : 2) + length === end) {
      // The outermost value that ends here: a name is a sequence of sets.
      if (raw[start + (isLong ? 3 : 2)] === 0x31) return raw.subarray(start, end);
    }
  }
  throw new Error("the certificate has no subject");
}
