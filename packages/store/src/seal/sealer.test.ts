import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { viewOf } from "../checksum.ts";
import { putU16, putU32, putU64, sealRecord } from "../record.ts";
import { type CipherName, NONCE_BYTES, NonceSource, SEAL_BYTES, Sealer } from "./sealer.ts";

const CIPHERS: readonly CipherName[] = ["chacha", "aes"];
const random = new SimRandom(1);

function sealerOf(cipher: CipherName, fill = 1): Sealer {
  const nonces = new NonceSource(7, random.fillSecret(new Uint8Array(8)));
  return new Sealer(createSecretKey(new Uint8Array(32).fill(fill)), cipher, nonces);
}

for (const cipher of CIPHERS) {
  test(`${cipher}: what is sealed opens, and nothing else does`, () => {
    const sealer = sealerOf(cipher);
    for (const size of [0, 1, 15, 16, 17, 64, 1000]) {
      const plain = random.fillSecret(new Uint8Array(size));
      const sealed = sealer.sealBytes(plain, "purpose");
      assert.equal(sealed.length, size + SEAL_BYTES);
      assert.deepEqual(sealer.openBytes(sealed, "purpose"), plain);
      assert.equal(sealer.openBytes(sealed, "another"), null);
      assert.equal(sealerOf(cipher, 2).openBytes(sealed, "purpose"), null);
      assert.equal(sealer.openBytes(sealed.subarray(1), "purpose"), null);
      for (let bit = 0; bit < sealed.length * 8; bit += 1 + (size >> 4)) {
        sealed[bit >> 3]! ^= 1 << (bit & 7);
        assert.equal(sealer.openBytes(sealed, "purpose"), null, `bit ${bit}`);
        sealed[bit >> 3]! ^= 1 << (bit & 7);
      }
    }
    assert.equal(sealer.openBytes(new Uint8Array(SEAL_BYTES - 1), "purpose"), null);
  });

  test(`${cipher}: a record opens at any place, and with nothing else changed`, () => {
    const sealer = sealerOf(cipher);
    const data = "subject and payload";
    const length = 48 + data.length + SEAL_BYTES;
    const record = new Uint8Array(length + 16);
    putU32(record, 16, 3);
    putU16(record, 8 + 20, 7);
    putU64(record, 8 + 24, 99);
    record.set(Buffer.from(data), 8 + 48);
    sealer.sealMessage(record, 8, length);
    sealRecord(viewOf(record), 8, length);
    assert.ok(!Buffer.from(record).includes("subject"));
    const into = new Uint8Array(200);
    const moved = record.slice(8);
    // A compaction, and a replay.
    putU32(moved, 16, 4096);
    putU32(moved, 44, 12345);
    assert.ok(sealer.openMessage(moved, 0, length, into));
    assert.equal(Buffer.from(into.subarray(48, length - SEAL_BYTES)).toString(), data);
    for (const at of [4, 8, 11, 20, 22, 23, 24, 31, 32, 39, 40]) {
      moved[at]! ^= 64;
      assert.equal(sealer.openMessage(moved, 0, length, into), false, `byte ${at}`);
      moved[at]! ^= 64;
    }
    assert.ok(sealer.openMessage(moved, 0, length, into));
    moved[22] = 0;
    assert.equal(sealer.openMessage(moved, 0, length, into), false, "a plain record is not a sealed one");
  });
}

test("nonces count up and carry over", () => {
  const nonces = new NonceSource(3, new Uint8Array([0xfe, 0xff, 0xff, 0xff, 1, 0, 0, 0]));
  const seen = new Set<string>();
  const bytes = new Uint8Array(NONCE_BYTES);
  for (let i = 0; i < 4; i++) {
    nonces.put(bytes, 0);
    seen.add(Buffer.from(bytes).toString("hex"));
  }
  assert.deepEqual(
    [...seen],
    ["03000000ffffffff01000000", "030000000000000002000000", "030000000100000002000000", "030000000200000002000000"],
  );
});
