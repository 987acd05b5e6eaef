import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { SimRandom } from "@myelin/platform/sim";
import { checksum, tableChecksum } from "./checksum.ts";

test("checksum() is zlib's CRC-32 at every length and alignment", () => {
  const bytes = new SimRandom(1).fillSecret(new Uint8Array(700));
  for (let start = 0; start < 8; start++) {
    for (let end = start; end < 700; end += start === 0 ? 1 : 13) {
      const expected = crc32(bytes.subarray(start, end));
      assert.equal(checksum(bytes, start, end), expected);
      assert.equal(tableChecksum(bytes, start, end), expected);
    }
  }
});
