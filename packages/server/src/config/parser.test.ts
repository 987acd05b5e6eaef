// What texts are read as, and what is said about those that cannot be read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConfigOutside, parseConfig } from "./parser.ts";
import { headOf, Problems } from "./problem.ts";
import { Source } from "./source.ts";
import type { ConfigValue } from "./value.ts";

/** Files and variables that a test makes up. */
function outsideOf(files: Record<string, string> = {}, environment: Record<string, string> = {}): ConfigOutside {
  return {
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error(`open ${path}: no such file or directory`);
      return text;
    },
    environment: (name) => environment[name],
  };
}

/** A value without its places. A date stands as `{ date }`, to tell it from a string. */
function plain(value: ConfigValue): unknown {
  switch (value.kind) {
    case "map":
      return Object.fromEntries([...value.entries].map(([key, entry]) => [key, plain(entry.value)]));
    case "array":
      return value.items.map(plain);
    case "date":
      return { date: value.value };
    case "broken":
      return null;
    default:
      return value.value;
  }
}

function read(text: string, outside: ConfigOutside = outsideOf()): { value: unknown; errors: string[] } {
  const problems = new Problems();
  const map = parseConfig(new Source("f", text), "f", outside, problems);
  const errors = problems.list().filter(({ severity }) => severity === "error");
  return { value: plain(map), errors: errors.map(headOf) };
}

const GOOD: ReadonlyArray<readonly [text: string, value: unknown]> = [
  ["", {}],
  ["a: 1", { a: 1n }],
  ["a=1\nb 2", { a: 1n, b: 2n }],
  ["a: 1; b: 2, c: 3 } d: 4", { a: 1n, b: 2n, c: 3n, d: 4n }],
  ["a\n:1", { a: 1n }],
  ["a\n\n 1", { a: 1n }],
  ["a:", { a: "" }],
  ["a: ,b: ;", { a: "", b: "" }],
  ["a: 1 # x\n# y\nb: 2 // z", { a: 1n, b: 2n }],
  ["a: x#y", { a: "x#y" }],
  ["a: x//y", { a: "x//y" }],
  ["a: #x", { a: "#x" }],
  ["A: 1\na: 2", { A: 1n, a: 2n }],
  ["a: 1\na: 2", { a: 2n }],
  ["\"a b\": 1\n'c:d' 2", { "a b": 1n, "c:d": 2n }],
  ["include: x", { include: "x" }],
  ["'include' x", { include: "x" }],
  ["a {}", { a: {} }],
  ["a { b: 1, c: { d: 2 }\n e: 3; }", { a: { b: 1n, c: { d: 2n }, e: 3n } }],
  ["a {\n b:\n  1\n c\n  2\n}", { a: { b: 1n, c: 2n } }],
  ["a: []", { a: [] }],
  ["a [ 1, 2\n3 # x\n 4, ]", { a: [1n, 2n, 3n, 4n] }],
  ["a: [1]", { a: [1n] }],
  ["a: [ [ x ], { y: z } ]", { a: [["x"], { y: "z" }] }],
  ['{ "a": 1, "b": [ "x", true ] }', { a: 1n, b: ["x", true] }],
  ["{\n a: 1\n}\n", { a: 1n }],
  ["a: 1\n}\n", { a: 1n }],
  ["a: true, b: YES, c: on, d: false, e: No, f: OFF", { a: true, b: true, c: true, d: false, e: false, f: false }],
  ["a: \"true\", b: 'on'", { a: "true", b: "on" }],
  ["a: truely", { a: "truely" }],
  ["a: -5, b: -5k, c: 007", { a: -5n, b: -5000n, c: 7n }],
  ["a: 1k, b: 1KB, c: 1Ki, d: 1kIb", { a: 1000n, b: 1024n, c: 1024n, d: 1024n }],
  ["a: 1m, b: 1g, c: 1t, d: 1p, e: 1e", { a: 10n ** 6n, b: 10n ** 9n, c: 10n ** 12n, d: 10n ** 15n, e: 10n ** 18n }],
  ["a: 7eib, b: -9223372036854775808", { a: 7n * 2n ** 60n, b: -(2n ** 63n) }],
  ["a: 10s, b: 1ms, c: 5kk, d: 1k5", { a: "10s", b: "1ms", c: "5kk", d: "1k5" }],
  ["a: 1.5, b: -0.25", { a: 1.5, b: -0.25 }],
  ["a: 127.0.0.1, b: 1.2.3.4:5, c: 0:1", { a: "127.0.0.1", b: "1.2.3.4:5", c: "0:1" }],
  ["a: 2016-05-04T18:53:41Z", { a: { date: "2016-05-04T18:53:41Z" } }],
  ["a: 'x\\ty'", { a: "x\\ty" }],
  ['a: "x\\ty\\n\\r\\"\\\\\\x41"', { a: 'x\ty\n\r"\\A' }],
  ['a: "\\xc3\\xa9 é"', { a: "é é" }],
  ['a: "two\nlines"', { a: "two\nlines" }],
  ["a: x\\ty", { a: "x\ty" }],
  ["a: (\nx\n )y\n)\nb: 1", { a: "\nx\n )y\n", b: 1n }],
  ["a: (\r\nx\r\n)\r\nb: 1", { a: "\r\nx\r\n", b: 1n }],
  ["a: 1\nb: $a", { a: 1n, b: 1n }],
  ["a: 1\nb { c: $a, a: 2, d: $a }", { a: 1n, b: { c: 1n, a: 2n, d: 2n } }],
  ["a: [ x ]\nb: $a\na: y", { b: ["x"], a: "y" }],
  ["a: $2a$11$abc.$x", { a: "$2a$11$abc.$x" }],
  ["a: \"$x\", b: '$x'", { a: "$x", b: "$x" }],
  ["\ufeffa: 1", { a: 1n }],
  ["a: 1 / , b: 2", { a: 1n, b: 2n }],
];

for (const [text, value] of GOOD) {
  test(`parseConfig() reads ${JSON.stringify(text)}`, () => {
    assert.deepEqual(read(text), { value, errors: [] });
  });
}

/** What could be read all the same, and the errors. */
const BAD: ReadonlyArray<readonly [text: string, value: unknown, ...errors: string[]]> = [
  ["a: b c\nd: 1", { a: "b", d: 1n }, `f:1:6: a value ends with its line, or with a comma, but here is "c"`],
  ["a: it's\nb: 1", { a: "it", b: 1n }, `f:1:7: a value ends with its line, or with a comma, but here is "s"`],
  [": 1", {}, "f:1:1: Unexpected key separator ':'"],
  ["a", {}, `f:1:1: "a" has no value`],
  ["a:\nb: 1", { b: 1n }, `f:1:1: "a" has no value`],
  ["m { a }", { m: {} }, `f:1:5: "a" has no value`],
  ["m { a: , b: 1 }", { m: { b: 1n } }, `f:1:5: "a" has no value`],
  ["m { a: 1\n", {}, `f:1:3: this "{" is never closed`],
  ["{ a: 1\n", { a: 1n }, `f:1:1: this "{" is never closed`],
  ["a: [ 1", {}, `f:1:4: this "[" is never closed`],
  ["a: 'x", {}, "f:1:4: this single quote is never closed"],
  ['a: "x', {}, "f:1:4: this double quote is never closed"],
  ["'a: 1", {}, "f:1:1: the quote of this key is never closed"],
  ["a: (x)", {}, "f:1:4: this block is never closed"],
  ["m { ] }", {}, `f:1:5: "]" closes no list here`],
  ["a: [ b c, d ]", { a: ["b", "d"] }, `f:1:8: a comma or a new line must stand between values, but here is "c"`],
  ["a: [ b,, c ]", { a: ["b", "c"] }, "f:1:8: a value is missing before this comma"],
  ["a: [ ; ]", { a: [""] }, `f:1:6: a comma or a new line must stand between values, but here is ";"`],
  ["a: -x\nb: 1", { a: null, b: 1n }, `f:1:4: a digit must follow "-"`],
  ["a: .5", { a: null }, `f:1:4: a number begins with a digit, not with "."`],
  ["a: 1.", { a: null }, `f:1:4: a digit must follow the point of "1."`],
  ["a: 1.5s", { a: 1.5 }, `f:1:7: a value ends with its line, or with a comma, but here is "s"`],
  ["a: 5kibb", { a: null }, `f:1:4: "5kibb" has no size suffix that is known`],
  ["a: 9223372036854775808", { a: null }, "f:1:4: integer '9223372036854775808' is out of the range"],
  ["a: 10e", { a: null }, "f:1:4: integer '10e' is out of the range"],
  ["a: 2016-02-30T00:00:00Z", { a: null }, "f:1:4: there is no date '2016-02-30T00:00:00Z'"],
  ["a: 10-20", { a: null }, `f:1:4: "10-20" is not a date`],
  ['a: "x\\qy"\nb: 1', { a: "xy", b: 1n }, `f:1:6: there is no escape with "q" after a backslash`],
  ['a: "\\xg1"', { a: "g1" }, `f:1:5: two hexadecimal digits must follow \\x, not "g1"`],
  ["a: $b\nb: 1", { a: null, b: 1n }, "f:1:4: variable reference for 'b' can not be found"],
  ["a: $", { a: null }, "f:1:4: variable reference for '' can not be found"],
  ["a: 1\n} b: 2", { a: 1n, "}": "b:" }, `f:2:6: a value ends with its line, or with a comma, but here is "2"`],
];

for (const [text, value, ...errors] of BAD) {
  test(`parseConfig() finds what is wrong with ${JSON.stringify(text)}`, () => {
    const found = read(text);
    assert.deepEqual(found.errors, errors);
    assert.deepEqual(found.value, value);
  });
}

test("parseConfig() reads variables from the environment as values", () => {
  const environment = { N: "5k", S: '"a b"', B: "{ x: [ 1 ] }", E: "", R: "$N", C: "$C", D: "x y", M: "$NOPE" };
  const outside = outsideOf({}, environment);
  assert.deepEqual(read("n: $N\ns: $S\nb: $B\ne: $E\nr: $R", outside), {
    value: { n: 5000n, s: "a b", b: { x: [1n] }, e: "", r: 5000n },
    errors: [],
  });
  const where = "the value of the environment variable";
  assert.deepEqual(read("c: $C\nd: $D\nm: $M", outside).errors, [
    `f:1:4: ${where} C cannot be read: variable reference cycle for 'C'`,
    `f:2:4: ${where} D cannot be read: a value ends with its line, or with a comma, but here is "y"`,
    `f:3:4: ${where} M cannot be read: variable reference for 'NOPE' can not be found`,
  ]);
});

test("parseConfig() takes a key before a variable of the environment", () => {
  assert.deepEqual(read("P: 1\nx: $P", outsideOf({}, { P: "2" })).value, { P: 1n, x: 1n });
});

test("parseConfig() puts included files in, relative to the file that includes them", () => {
  const files = { "d/one": 'a: 1\ninclude "sub/two"\n', "d/sub/two": "b: 2\ninclude three", "d/sub/three": "c: 3" };
  const { value, errors } = read("include d/one # x\nm { include 'd/sub/three'; x: $c }\ny: $b", outsideOf(files));
  assert.deepEqual(errors, []);
  assert.deepEqual(value, { a: 1n, b: 2n, c: 3n, m: { c: 3n, x: 3n }, y: 2n });
});

test("parseConfig() takes an absolute path for one when nothing is there beside the file", () => {
  assert.deepEqual(read("include /x", outsideOf({ x: "a: 1", "/x": "a: 2" })).value, { a: 1n });
  assert.deepEqual(read("include /x", outsideOf({ "/x": "a: 2" })).value, { a: 2n });
});

test("parseConfig() tells of includes that go wrong, and goes on", () => {
  const files = { loop: "include loop2", loop2: "include loop", open: "a: 1\nb: [", outer: "z: $y" };
  const text = 'include nowhere\ninclude 5\ninclude "loop"\ninclude open\ny: 1\ninclude outer\nq: 2';
  const { value, errors } = read(text, outsideOf(files));
  assert.deepEqual(value, { a: 1n, y: 1n, z: null, q: 2n });
  assert.deepEqual(errors.toSorted(), [
    "f:1:9: error parsing include file 'nowhere', open nowhere: no such file or directory",
    `f:2:9: the path of a file must follow include, but here is "5"`,
    `loop2:1:9: "loop" includes itself`,
    `open:2:4: this "[" is never closed`,
    "outer:1:4: variable reference for 'y' can not be found",
  ]);
});

test("parseConfig() refuses what is nested too deep, and files that include each other without end", () => {
  assert.deepEqual(read(`a: ${"[".repeat(300)}`).errors, ["f:1:204: more than 200 blocks and lists inside each other"]);
  const endless: ConfigOutside = { readFile: (path) => `include ${path}x`, environment: () => undefined };
  const { errors } = read("include x", endless);
  assert.equal(errors.length, 1);
  assert.match(errors[0] as string, /more than 32 files include each other/);
});

test("parseConfig() keeps where everything stands", () => {
  const problems = new Problems();
  const source = new Source("f", "a: 1\n  bc {\n\td: [ x, yy ]\n }\r\ne: $a");
  const map = parseConfig(source, "f", outsideOf(), problems);
  const block = map.entries.get("bc");
  assert.ok(block?.value.kind === "map");
  const entry = block.value.entries.get("d");
  assert.ok(entry?.value.kind === "array");
  const place = (start: number | undefined): unknown => source.place(start as number);
  assert.deepEqual(place(block.keySpan.start), { line: 2, column: 3 });
  assert.deepEqual(place(block.value.span.start), { line: 2, column: 6 });
  assert.deepEqual(place(block.value.span.end), { line: 4, column: 3 });
  assert.deepEqual(place(entry.keySpan.start), { line: 3, column: 2 });
  assert.deepEqual(place(entry.value.items[1]?.span.start), { line: 3, column: 10 });
  assert.deepEqual(place(entry.value.items[1]?.span.end), { line: 3, column: 12 });
  const used = map.entries.get("e")?.value;
  assert.deepEqual(place(used?.span.start), { line: 5, column: 4 });
  assert.deepEqual(place(used?.from?.start), { line: 1, column: 4 });
  assert.equal(map.entries.get("a")?.usedAsVariable, true);
  assert.equal(map.entries.get("e")?.usedAsVariable, false);
});

test("parseConfig() mentions keys that are set twice", () => {
  const problems = new Problems();
  parseConfig(new Source("f", "a: 1\na: 2"), "f", outsideOf(), problems);
  assert.deepEqual(
    problems.list().map(({ severity, message }) => [severity, message]),
    [["notice", '"a" was set before, at f:1:1; the later one counts']],
  );
});
