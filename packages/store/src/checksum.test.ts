import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { checksum, viewOf } from "./checksum.ts";

function ofText(text: string): string {
  const bytes = Buffer.from(text);
  return checksum(viewOf(bytes), 0, bytes.length).toString(16).padStart(8, "0");
}

test("checksum() is xxHash of 32 bits with the seed 0", () => {
  assert.equal(ofText(""), "02cc5d05");
  assert.equal(ofText("a"), "550d7456");
  assert.equal(ofText("abc"), "32d153ff");
  assert.equal(ofText("Nobody inspects the spammish repetition"), "e2293b2f");
});

test("checksum() says the same of the same bytes anywhere in a buffer", () => {
  const bytes = new SimRandom(1).fillSecret(new Uint8Array(200));
  for (let length = 0; length <= 192; length++) {
    const expected = checksum(viewOf(bytes.slice(0, length)), 0, length);
    for (let start = 0; start < 8; start++) {
      const moved = new Uint8Array(220);
      moved.set(bytes.subarray(0, length), start + 8);
      assert.equal(checksum(viewOf(moved.subarray(8)), start, start + length), expected, `${length} at ${start}`);
    }
  }
});

test("checksum() differs for every flipped bit and every length", () => {
  const bytes = new SimRandom(2).fillSecret(new Uint8Array(190));
  const view = viewOf(bytes);
  const seen = new Set<number>();
  for (let length = 0; length <= bytes.length; length++) seen.add(checksum(view, 0, length));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    seen.add(checksum(view, 0, bytes.length));
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
  assert.equal(seen.size, bytes.length + 1 + bytes.length * 8);
});
