import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isSubjectSubset, subjectsOverlap } from "./subject-match.ts";

test("a subset is told by its tokens", () => {
  const yes: Array<[string, string]> = [
    ["a.b", "a.b"],
    ["a.b", "a.*"],
    ["a.b", ">"],
    ["a.*", "a.*"],
    ["a.*", "a.>"],
    ["a.*.c", "a.*.*"],
    ["a.>", "a.>"],
    ["a.b.>", "a.>"],
    ["*.>", ">"],
    ["a*", "a*"],
  ];
  const no: Array<[string, string]> = [
    ["a", "a.>"],
    ["a.b.c", "a.*"],
    ["a.>", "a.*"],
    [">", "*"],
    ["a.*", "a.b"],
    ["a.b", "a"],
    ["ab", "a*"],
    ["*", "a"],
  ];
  for (const [subject, pattern] of yes)
    assert.equal(isSubjectSubset(subject, pattern), true, `${subject} in ${pattern}`);
  for (const [subject, pattern] of no)
    assert.equal(isSubjectSubset(subject, pattern), false, `${subject} in ${pattern}`);
});

const token = fc.constantFrom("a", "b", "*");
const subject = fc
  .tuple(fc.array(token, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([tokens, open]) => [...tokens, ...(open ? [">"] : [])].join("."));

/** Every literal subject of up to five tokens over a small alphabet: the brute-force meaning of a pattern. */
const LITERALS: readonly string[] = (() => {
  const all: string[] = [];
  let level = [""];
  for (let length = 1; length <= 5; length++) {
    level = level.flatMap((prefix) => ["a", "b", "c"].map((next) => (prefix === "" ? next : `${prefix}.${next}`)));
    all.push(...level);
  }
  return all;
})();

function standsFor(pattern: string): string[] {
  const source = pattern
    .split(".")
    .map((each) => (each === "*" ? "[^.]+" : each === ">" ? ".+" : each))
    .join("\\.");
  const expression = new RegExp(`^${source}$`);
  return LITERALS.filter((literal) => expression.test(literal));
}

test("subset and overlap mean what the sets of literal subjects say", () => {
  fc.assert(
    fc.property(subject, subject, (one, other) => {
      const left = standsFor(one);
      const right = new Set(standsFor(other));
      assert.equal(
        subjectsOverlap(one, other),
        left.some((each) => right.has(each)),
      );
      assert.equal(
        isSubjectSubset(one, other),
        left.every((each) => right.has(each)),
      );
    }),
    { numRuns: 300 },
  );
});
