// The question to an OCSP responder (RFC 6960, section 4.1): about one certificate, unsigned, without a nonce, so that a responder
// may answer with what it has signed before.

import { TAG_INTEGER, TAG_OCTET_STRING, TAG_SEQUENCE, writeValue } from "../der.ts";
import type { CertificateId } from "./certificate.ts";

/** AlgorithmIdentifier of SHA-1: no secret hangs on it here, and it is the one that every responder knows. */
const SHA1 = Uint8Array.from([0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00]);

/** Asks about a certificate. @returns DER. */
export function ocspRequest(id: CertificateId): Uint8Array {
  const certificate = writeValue(
    TAG_SEQUENCE,
    SHA1,
    writeValue(TAG_OCTET_STRING, id.issuerNameHash("sha1")),
    writeValue(TAG_OCTET_STRING, id.issuerKeyHash("sha1")),
    writeValue(TAG_INTEGER, id.serialNumber),
  );
  const request = writeValue(TAG_SEQUENCE, certificate);
  return writeValue(TAG_SEQUENCE, writeValue(TAG_SEQUENCE, writeValue(TAG_SEQUENCE, request)));
}
