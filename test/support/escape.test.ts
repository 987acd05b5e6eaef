import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeBytes, unescapeBytes } from "./escape.ts";

test("escapeBytes() gives every byte one spelling, which unescapeBytes() reads back", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = escapeBytes(bytes);
      assert.match(text, /^[\x20-\x7e]*$/);
      assert.deepEqual(new Uint8Array(unescapeBytes(text)), bytes);
      assert.equal(escapeBytes(unescapeBytes(text)), text);
    }),
  );
});

test("escapeBytes() is readable", () => {
  assert.equal(escapeBytes(Buffer.from('a "b"\\\r\n\t\x00é')), 'a \\"b\\"\\\\\\r\\n\\t\\x00\\xc3\\xa9');
});

test("unescapeBytes() refuses an escape that does not exist", () => {
  assert.throws(() => unescapeBytes("a\\q"), /\\q/);
  assert.throws(() => unescapeBytes("a\\"), /not an escape/);
  assert.throws(() => unescapeBytes("\\x4"), /not an escape/);
});
