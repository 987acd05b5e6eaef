// Ed25519 by node:crypto.

import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import type { Signer } from "../runtime.ts";

/** DER in front of the 32 bytes of an Ed25519 private key, and in front of those of a public one. */
const PKCS8_HEAD = /* @__PURE__ */ Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_HEAD_BYTES = 12;

export const nodeSigner: Signer = {
  sign: (rawSeed, data) => sign(null, data, privateKey(rawSeed)),
  publicKey: (rawSeed) => {
    const spki = createPublicKey(privateKey(rawSeed)).export({ format: "der", type: "spki" });
    return spki.subarray(SPKI_HEAD_BYTES);
  },
};

function privateKey(rawSeed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, rawSeed]), format: "der", type: "pkcs8" });
}
