import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import fc from "fast-check";
import { SnappyEncoder } from "./block.ts";
import { crc32c } from "./crc32c.ts";
import { readS2Stream, S2Error, writeS2Stream } from "./stream.ts";

const encoder = new SnappyEncoder();
const MARK = [0xff, 6, 0, 0, ...Buffer.from("S2sTwO")];

function read(bytes: Uint8Array, most: number = 1_000_000): Uint8Array {
  return readS2Stream(bytes, most);
}

test("crc32c() of what is known", () => {
  assert.equal(crc32c(Buffer.from("x123456789x"), 1, 10), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32), 0, 32), 0x8a9136aa); // RFC 3720, B.4
  assert.equal(crc32c(new Uint8Array(0), 0, 0), 0);
});

test("what was written is read", () => {
  const random = new SimRandom(5);
  const noise = random.fillSecret(new Uint8Array(70_000));
  for (const bytes of [new Uint8Array(0), Buffer.from("hello"), noise, new Uint8Array(200_000).fill(7)]) {
    assert.deepEqual(read(writeS2Stream(bytes, encoder)), new Uint8Array(bytes));
  }
  assert.ok(writeS2Stream(new Uint8Array(200_000), encoder).length < 12_000);
  assert.equal(writeS2Stream(noise, encoder).length, 70_000 + 10 + 2 * 8);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.deepEqual(read(writeS2Stream(bytes, encoder)), bytes);
    }),
  );
});

test("readS2Stream() reads what Go's s2 and snappy write", () => {
  // s2.NewWriter and snappy.NewBufferedWriter of klauspost/compress 1.18.3, of "abcabcabc" 40 times and "hello".
  const text = "abcabcabc".repeat(40);
  for (const [written, plain] of [
    ["/wYAAFMyc1R3TwAQAAAjrUXT6AIIYWJjEQMZAFkA", text],
    ["/wYAAHNOYVBwWQAcAAAjrUXT6AIIYWJj7gMA7gMA7gMA7gMA7gMA4gMA", text],
    ["/wYAAFMyc1R3TwEJAAC7HxwZaGVsbG8=", "hello"],
  ] as const) {
    assert.equal(Buffer.from(read(Buffer.from(written, "base64"))).toString(), plain);
  }
});

test("readS2Stream() refuses what is no stream, and says why", () => {
  const hello = [...writeS2Stream(Buffer.from("hello"), encoder)];
  const wrong = hello.map((byte, i) => (i === 14 ? byte ^ 1 : byte));
  for (const [bytes, message] of [
    [[], /does not begin/],
    [Buffer.from("{}"), /does not begin/],
    [hello.slice(10), /does not begin/],
    [[0xff, 6, 0, 0, ...Buffer.from("S3sTwO")], /another format/],
    [[0xff, 2, 0, 0, ...Buffer.from("S2")], /another format/],
    [hello.slice(0, -1), /cut off/],
    [[...MARK, 1, 0], /cut off/],
    [[...MARK, 1, 3, 0, 0, 1, 2, 3], /cut off/],
    [[...MARK, 0, 5, 0, 0, 1, 2, 3, 4, 9], /a block of it is damaged/],
    [[...MARK, 0, 4, 0, 0, 1, 2, 3, 4], /a block of it is damaged/],
    [[...MARK, 2, 0, 0, 0], /the kind 2/],
    [wrong, /a checksum/],
  ] as const) {
    assert.throws(() => read(Uint8Array.from(bytes)), { name: "S2Error", code: "BAD_S2_STREAM", message });
  }
  assert.deepEqual(
    read(Uint8Array.from([...MARK, 0xfe, 2, 0, 0, 9, 9, ...hello, 0x80, 0, 0, 0])),
    Uint8Array.from(Buffer.from("hello")),
  );
});

test("readS2Stream() makes no room for more than is wanted", () => {
  const large = writeS2Stream(new Uint8Array(200_000), encoder);
  assert.throws(() => read(large, 199_999), /larger than it may be/);
  assert.equal(read(large, 200_000).length, 200_000);
  // A block that says of itself that it has 4 GiB.
  assert.throws(() => read(Uint8Array.from([...MARK, 0, 9, 0, 0, 1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff, 15])), /larger/);
});

test("each byte of a stream that is changed is noticed, or changes nothing", () => {
  const plain = Buffer.from("certificate certificate certificate certificate");
  const stream = writeS2Stream(plain, encoder);
  for (let at = 0; at < stream.length; at++) {
    for (const bit of [1, 0x80]) {
      if (at === 10 && bit === 0x80) continue; // the kind of the block: one that is passed over
      const changed = stream.slice();
      changed[at] = (changed[at] as number) ^ bit;
      try {
        assert.deepEqual(read(changed), Uint8Array.from(plain));
      } catch (error) {
        assert.ok(error instanceof S2Error, `byte ${at}: ${String(error)}`);
      }
    }
  }
});
