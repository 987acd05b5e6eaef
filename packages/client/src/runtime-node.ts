// Node, Deno and Bun as a platform for the client.

import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { lookup } from "node:dns/promises";
import { NodeClock, NodeRandom } from "@myelin/platform/node";
import type { Runtime, Signer } from "./runtime.ts";
import { nodeTextBytes } from "./text-bytes-node.ts";
import { NodeDialer } from "./transport/node-dialer.ts";

/** DER in front of the 32 bytes of an Ed25519 private key. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_HEAD_BYTES = 12;

const signer: Signer = {
  sign: (rawSeed, data) => sign(null, data, privateKey(rawSeed)),
  publicKey: (rawSeed) => {
    const spki = createPublicKey(privateKey(rawSeed)).export({ format: "der", type: "spki" });
    return spki.subarray(SPKI_HEAD_BYTES);
  },
};

function privateKey(rawSeed: Uint8Array) {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, rawSeed]), format: "der", type: "pkcs8" });
}

/** Makes the platform; a connection may have one of its own or share it. */
export function createNodeRuntime(): Runtime {
  return {
    clock: new NodeClock(),
    random: new NodeRandom(),
    text: nodeTextBytes,
    dialer: new NodeDialer(),
    signer,
    endOfTurn: (run) => {
      setImmediate(run);
    },
    resolveHost: async (host) => {
      const found = await lookup(host, { all: true });
      return [...new Set(found.map(({ address }) => address))];
    },
  };
}
