import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import fc from "fast-check";
import { compressedBytesMax, decompress, plainBytesOf, SnappyEncoder } from "./block.ts";

const encoder = new SnappyEncoder();

function compress(plain: Uint8Array): Uint8Array {
  const into = new Uint8Array(compressedBytesMax(plain.length));
  return into.slice(0, encoder.encode(plain, 0, plain.length, into));
}

function plainOf(block: Uint8Array): Uint8Array | null {
  const length = plainBytesOf(block, 0, block.length);
  if (length < 0 || length > 1_000_000) return null;
  const into = new Uint8Array(length + 20).fill(0xee);
  const ok = decompress(block, 0, block.length, into, 10);
  for (const at of [0, 9, length + 10, length + 19]) assert.equal(into[at], 0xee, "nothing outside is written");
  return ok ? into.slice(10, 10 + length) : null;
}

test("what is compressed is the same when it is plain again", () => {
  const letters = fc.array(fc.constantFrom(97, 98, 99), { maxLength: 400 });
  const repeated = fc
    .tuple(fc.uint8Array({ maxLength: 90 }), fc.integer({ min: 1, max: 40 }), fc.uint8Array({ maxLength: 20 }))
    .map(([part, times, end]) => [...Array.from({ length: times }, () => [...part]).flat(), ...end]);
  fc.assert(
    fc.property(fc.oneof(letters, repeated, fc.uint8Array({ maxLength: 300 })), (content) => {
      const plain = Uint8Array.from(content);
      assert.deepEqual(plainOf(compress(plain)), plain);
    }),
    { numRuns: 800 },
  );
});

test("large inputs: copies from far away, long literals, nothing to find", () => {
  const random = new SimRandom(3);
  const noise = random.fillSecret(new Uint8Array(70_000));
  assert.ok(compress(noise).length <= compressedBytesMax(noise.length));
  assert.deepEqual(plainOf(compress(noise)), noise);
  const twice = new Uint8Array(140_000);
  twice.set(noise);
  twice.set(noise, 70_000);
  assert.deepEqual(plainOf(compress(twice)), twice);
  const zeros = new Uint8Array(500_000);
  assert.ok(compress(zeros).length < 30_000);
  assert.deepEqual(plainOf(compress(zeros)), zeros);
});

test("blocks of the format's description, with every kind of element", () => {
  const cases: [number[], string | null][] = [
    [[0], ""],
    [[3, 8, 97, 98, 99], "abc"],
    [[8, 0, 97, 1 | (3 << 2), 1], "aaaaaaaa"],
    [[7, 8, 97, 98, 99, 2 | (3 << 2), 3, 0], "abcabca"],
    [[7, 8, 97, 98, 99, 3 | (3 << 2), 3, 0, 0, 0], "abcabca"],
    [[4, 60 << 2, 3, 97, 98, 99, 100], "abcd"],
    [[4, 61 << 2, 3, 0, 97, 98, 99, 100], "abcd"],
    // S2 only: the offset of the copy before, lengths of 4 to 8, from 8, from 260, from 65540.
    [[9, 0, 97, 1, 1, 1, 0], "aaaaaaaaa"],
    [[13, 0, 97, 1, 1, 1 | (4 << 2), 0], "a".repeat(13)],
    [[17, 0, 97, 1, 1, 1 | (5 << 2), 0, 4], "a".repeat(17)],
    [[0x89, 2, 0, 97, 1, 1, 1 | (6 << 2), 0, 0, 0], "a".repeat(265)],
    [[0x8a, 0x80, 4, 0, 97, 1, 1, 1 | (7 << 2), 0, 1, 0, 0], "a".repeat(65_546)],
    [[17, 0, 97, 1, 1, 1 | (5 << 2), 0], null],
    [[0x89, 2, 0, 97, 1, 1, 1 | (6 << 2), 0, 0], null],
    [[9, 0, 97, 1, 1, 1 | (5 << 2), 0, 0], null],
    [[5, 0, 97, 2, 0, 0], null],
    [[], null],
    [[5, 8, 97, 98, 99], null],
    [[2, 8, 97, 98, 99], null],
    [[4, 8, 97, 98], null],
    [[8, 0, 97, 1 | (3 << 2), 2], null],
    [[8, 0, 97, 1 | (3 << 2), 0], null],
    [[8, 0, 97, 1 | (3 << 2)], null],
    [[0xff, 0xff, 0xff, 0xff, 0xff, 1], null],
  ];
  for (const [block, plain] of cases) {
    const found = plainOf(Uint8Array.from(block));
    assert.equal(found === null ? null : Buffer.from(found).toString(), plain, block.join(" "));
  }
});

test("whatever bytes are given, nothing outside is read or written", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (block) => {
      plainOf(block);
    }),
    { numRuns: 2000 },
  );
});
