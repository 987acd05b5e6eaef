import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { viewOf } from "../checksum.ts";
import { aligned, sealRecord } from "../record.ts";
import { chainRecords, hasChain } from "./record-chain.ts";

/** Records of any kind, with random bytes behind what every kind has. */
function makeRecords(random: SimRandom, count: number): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const length = 24 + (random.uint32() % 100);
    const bytes = new Uint8Array(aligned(length));
    for (let i = 8; i < length; i++) bytes[i] = random.uint32();
    sealRecord(viewOf(bytes), 0, length);
    return bytes;
  });
}

test("hasChain() takes the records that chainRecords() was given, and no others", () => {
  const random = new SimRandom(1);
  for (let run = 0; run < 50; run++) {
    const records = makeRecords(random, 2 + (random.uint32() % 6));
    const body = Buffer.concat(records);
    const chain = chainRecords(viewOf(body), 0, body.length);
    const takes = (bytes: Uint8Array): boolean => hasChain(viewOf(bytes), 0, bytes.length, chain);
    assert.ok(takes(body));
    const one = random.uint32() % records.length;
    assert.ok(!takes(Buffer.concat(records.toSpliced(one, 1))), "one is missing");
    assert.ok(!takes(Buffer.concat(records.toSpliced(one, 1, ...makeRecords(random, 1)))), "another one in its place");
    assert.ok(!takes(Buffer.concat([...records, ...makeRecords(random, 1)])), "one more");
    assert.ok(!takes(Buffer.concat(records.toReversed())), "another order");
    assert.ok(!takes(body.subarray(0, body.length - 8)), "cut");
    const length = viewOf(records[one]!).getUint32(4, true);
    const at = records.slice(0, one).reduce((sum, { byteLength }) => sum + byteLength, 0) + (random.uint32() % length);
    const flipped = Buffer.from(body);
    flipped[at]! ^= 1 << (random.uint32() % 8);
    assert.ok(!takes(flipped), `a flipped bit at ${at}`);
  }
});
