// The nkeys of users in tests: always the same, so that configuration files can name them, and worth nothing elsewhere.

import { createPrivateKey, type KeyObject, sign } from "node:crypto";

/** What stands before the 32 secret bytes in DER (RFC 8410). */
const DER_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const SECRET_BYTES = 32;

/** Public keys whose secret is 32 bytes of one value: 1, 2 and 3. */
export const TEST_USER_KEYS: readonly string[] = [
  "UCFIRY65OQE7DFP5KLNS2PF2LVZMUZYJX4OZIEQ36N2IQANUB5XVZ45L",
  "UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO",
  "UDWUSKGGFDI4FRXK5EBTRECZSVQSSWJHHJOGH6JWG3AUMFFMQ435C2U4",
];

/** A signature by the key of that number, counted from 1, as CONNECT carries it. */
export function signAsTestKey(number: number, nonce: string): string {
  return sign(null, Buffer.from(nonce), privateKey(number)).toString("base64url");
}

function privateKey(number: number): KeyObject {
  const key = Buffer.concat([DER_PREFIX, Buffer.alloc(SECRET_BYTES, number)]);
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}
