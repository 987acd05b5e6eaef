// Whatever a text is like: it is read, or refused with the one error there is, and every place lies in the text.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TOP } from "./directives/top-blocks.ts";
import { loadConfig } from "./load.ts";
import { type ConfigOutside, parseConfig } from "./parser.ts";
import { ConfigError, formatProblem, Problems } from "./problem.ts";
import { Source, type Span } from "./source.ts";
import type { ConfigValue } from "./value.ts";

/** Files with every name, each as the text itself: includes end only because somebody counts them. */
function outsideOf(text: string): ConfigOutside {
  return { readFile: () => text, environment: (name) => (name.length > 3 ? undefined : text) };
}

const names = TOP.directives.flatMap(({ name, aliases }) => [name, ...aliases]);
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(..."{}[]()\"'\\$#/:=;,-. \t\r\n\u0000".split("")) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("true", "off", "1", "10k", "5kibb", "1.5", "2016-05-04T18:53:41Z", "$a", "include "),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom("a", "a: 1\n", "a {", "users: [{", "authorization {", "\\x", "\n)\n", "é", "\ud800"),
  },
  { weight: 2, arbitrary: fc.constantFrom(...names) },
);
const texts = fc.oneof(
  fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary" }),
);

function checkSpan({ source, start, end }: Span): void {
  assert.ok(start >= 0 && start <= end && end <= source.text.length, `${start} to ${end} of ${source.text.length}`);
  const { line, column } = source.place(start);
  assert.equal(source.line(line).length + 2 > column - 1, true);
  const before = source.text.slice(0, start).split("\n");
  assert.deepEqual({ line, column }, { line: before.length, column: (before.at(-1) as string).length + 1 });
}

function checkSpans(value: ConfigValue, seen: Set<ConfigValue> = new Set()): void {
  if (seen.has(value)) return;
  seen.add(value);
  checkSpan(value.span);
  if (value.kind === "array") for (const item of value.items) checkSpans(item, seen);
  if (value.kind !== "map") return;
  for (const { keySpan, value: inner } of value.entries.values()) {
    checkSpan(keySpan);
    checkSpans(inner, seen);
  }
}

test("parseConfig() takes any text, and every place lies in it", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const problems = new Problems();
      const map = parseConfig(new Source("f", text), "f", { ...outsideOf(text), readFile: () => "a: 1" }, problems);
      checkSpans(map);
      for (const problem of problems.list()) {
        if (problem.span !== null) checkSpan(problem.span);
        formatProblem(problem);
      }
    }),
    { numRuns: 2000 },
  );
});

test("loadConfig() throws ConfigError and nothing else", () => {
  fc.assert(
    fc.property(texts, (text) => {
      try {
        loadConfig({ text }, outsideOf(text));
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
        assert.ok(error.problems.some(({ severity }) => severity === "error"));
      }
    }),
    { numRuns: 1000 },
  );
});

type Tree = string | number | boolean | Tree[] | { [key: string]: Tree };

const keys = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/).filter((key) => key !== "include");
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "grapheme" }),
    fc.integer(),
    fc.boolean(),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(keys, tie("tree"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

function plain(value: ConfigValue): unknown {
  switch (value.kind) {
    case "map":
      return Object.fromEntries([...value.entries].map(([key, entry]) => [key, plain(entry.value)]));
    case "array":
      return value.items.map(plain);
    case "integer":
      return Number(value.value);
    case "broken":
      return null;
    default:
      return value.value;
  }
}

/** Writes a tree in one of the forms that the grammar has for it. */
function write(value: Tree, style: number): string {
  const inner = (part: Tree): string => write(part, (style * 7 + 3) % 11);
  if (typeof value === "string") return `"${value.replace(/[\\"]/g, "\\$&")}"`;
  if (typeof value !== "object") return String(value);
  const between = style % 2 === 0 ? ", " : " # comment\n ";
  if (Array.isArray(value)) return `[ ${value.map(inner).join(between)} ]`;
  const separator = [": ", " = ", " ", ":\n"][style % 4] as string;
  return `{ ${Object.entries(value)
    .map(([key, part]) => `${style % 3 === 0 ? `"${key}"` : key}${separator}${inner(part)}`)
    .join(between)} }`;
}

test("parseConfig() reads back what was written, in every form", () => {
  fc.assert(
    fc.property(fc.dictionary(keys, tree, { maxKeys: 4, noNullPrototype: true }), fc.nat(10), (value, style) => {
      const problems = new Problems();
      const text = `root ${write(value, style)}`;
      const map = parseConfig(new Source("f", text), "f", outsideOf(""), problems);
      assert.deepEqual(problems.list().map(formatProblem), [], text);
      assert.deepEqual(plain(map), { root: value }, text);
    }),
    { numRuns: 500 },
  );
});
