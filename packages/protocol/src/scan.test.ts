import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { indexOfByte, sameBytes, viewOf, wordEnd, wordHas } from "./scan.ts";

const bytesOf = fc.uint8Array({ maxLength: 40 });
/** Mostly bytes near the limits that the four-byte tricks have to get right. */
const trickyBytes = fc.array(fc.constantFrom(0x00, 0x09, 0x0a, 0x0d, 0x1f, 0x20, 0x21, 0x2e, 0x7f, 0x80, 0xa0, 0xff), {
  maxLength: 24,
});

test("wordEnd() stops where a plain loop stops", () => {
  fc.assert(
    fc.property(trickyBytes, fc.nat(24), (values, from) => {
      const bytes = Uint8Array.from(values);
      const start = Math.min(from, bytes.length);
      let wanted = start;
      while (wanted < bytes.length && ![0x20, 0x09, 0x0a, 0x0d].includes(bytes[wanted] as number)) wanted++;
      assert.equal(wordEnd(viewOf(bytes), start, bytes.length), wanted);
    }),
    { numRuns: 5000 },
  );
});

test("wordEnd() and indexOfByte() do not look beyond the end they are given", () => {
  const view = viewOf(Uint8Array.from([0x41, 0x41, 0x20, 0x20]));
  assert.equal(wordEnd(view, 0, 2), 2);
  assert.equal(indexOfByte(view, 0x20, 0, 2), 2);
});

test("indexOfByte() finds what Uint8Array.indexOf finds", () => {
  fc.assert(
    fc.property(trickyBytes, fc.nat(255), (values, byte) => {
      const bytes = Uint8Array.from(values);
      const wanted = bytes.indexOf(byte);
      assert.equal(indexOfByte(viewOf(bytes), byte, 0, bytes.length), wanted < 0 ? bytes.length : wanted);
    }),
    { numRuns: 5000 },
  );
});

test("sameBytes() compares every byte", () => {
  fc.assert(
    fc.property(bytesOf, fc.nat(40), fc.nat(7), (values, flip, offset) => {
      const other = new Uint8Array(offset + values.length);
      other.set(values, offset);
      assert.ok(sameBytes(viewOf(values), 0, viewOf(other), offset, values.length));
      if (values.length === 0) return;
      const at = offset + (flip % values.length);
      other[at] = (other[at] as number) ^ 0x80;
      assert.ok(!sameBytes(viewOf(values), 0, viewOf(other), offset, values.length));
    }),
  );
});

test("wordHas() tells whether one of four bytes is there", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
      assert.equal(wordHas(viewOf(bytes).getInt32(0, true), 0x2e2e2e2e), bytes.includes(0x2e));
    }),
    { numRuns: 5000 },
  );
});
