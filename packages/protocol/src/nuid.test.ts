import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { test } from "node:test";
import { Nuid } from "./nuid.ts";

test("next() gives 22 letters and digits and never the same twice", () => {
  const nuid = new Nuid({ fillSecret: (bytes) => randomFillSync(bytes) });
  const seen = new Set<string>();
  for (let i = 0; i < 10_000; i++) {
    const id = nuid.next();
    assert.match(id, /^[0-9A-Za-z]{22}$/);
    seen.add(id);
  }
  assert.equal(seen.size, 10_000);
});

test("two generators differ in their secret part", () => {
  const source = { fillSecret: (bytes: Uint8Array) => randomFillSync(bytes) };
  const prefixes = new Set(Array.from({ length: 1000 }, () => new Nuid(source).next().slice(0, 12)));
  assert.equal(prefixes.size, 1000);
});

test("next() draws a new prefix when the sequence is used up", () => {
  let fills = 0;
  const source = {
    fillSecret: (bytes: Uint8Array) => {
      fills++;
      return bytes.fill(fills % 62);
    },
  };
  const nuid = new Nuid(source);
  const before = nuid.next().slice(0, 12);
  nuid.reset();
  assert.notEqual(nuid.next().slice(0, 12), before);
});
