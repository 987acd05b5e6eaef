// Durations, sizes, numbers, command lines and subjects, as people write and read them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutSecrets } from "./connection.ts";
import { formatDuration, goDuration, parseDuration } from "./duration.ts";
import { formatBytes, formatCount, formatDecimal, parseCount, parsePositive, parseSize } from "./quantity.ts";
import { splitWords } from "./shell-words.ts";
import { subjectMatches } from "./subject-match.ts";

test("parseDuration() reads Go's units and natscli's", () => {
  const cases = {
    "0": 0,
    "100us": 0.1,
    "1ns": 1e-6,
    "300ms": 300,
    "1.5s": 1500,
    "1h30m": 5_400_000,
    "1d": 86_400_000,
    "1w2D": 777_600_000,
    ".5s": 500,
  };
  for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration(text), ms, text);
  for (const text of ["", "10", "x", "1 s", "-1s", "1s2", "s"])
    assert.throws(() => parseDuration(text), /invalid duration/);
});

test("formatDuration() and goDuration() write them", () => {
  const cases: ReadonlyArray<[number, string, string]> = [
    [0.0001, "100ns", "100ns"],
    [0.132684, "133µs", "132.684µs"],
    [1.067488, "1.07ms", "1.067488ms"],
    [2_500, "2.5s", "2.5s"],
    [90_000, "1m30s", "90s"],
    [7_500_000, "2h5m0s", "7500s"],
  ];
  for (const [ms, short, exact] of cases) assert.deepEqual([formatDuration(ms), goDuration(ms)], [short, exact]);
});

test("parseSize() counts in powers of 1024", () => {
  const cases = { "16": 16, "1K": 1024, "1kb": 1024, "2MiB": 2_097_152, "128B": 128, " 1 G ": 1_073_741_824 };
  for (const [text, bytes] of Object.entries(cases)) assert.equal(parseSize(text), bytes, text);
  for (const text of ["", "x", "1.5K", "-1", "1Q"]) assert.throws(() => parseSize(text), /invalid size/);
});

test("parseCount() and parsePositive() take whole numbers", () => {
  assert.deepEqual([parseCount("0"), parseCount("12"), parsePositive("1")], [0, 12, 1]);
  for (const text of ["", "-1", "1.5", "1e3", "99999999999999999999"])
    assert.throws(() => parseCount(text), /invalid number/);
  assert.throws(() => parsePositive("0"), /1 or more/);
});

test("numbers are written as natscli writes them", () => {
  const sizes = {
    "0": "0 B",
    "8": "8 B",
    "1023": "1023 B",
    "1024": "1.0 KiB",
    "1536": "1.5 KiB",
    "637289": "622 KiB",
    "914358272": "872 MiB",
  };
  for (const [bytes, text] of Object.entries(sizes)) assert.equal(formatBytes(Number(bytes)), text);
  assert.deepEqual([formatCount(0), formatCount(999), formatCount(1_234_567.9)], ["0", "999", "1,234,567"]);
  assert.deepEqual([0.1, 187.908, 3571.627, 5, 0.082].map(formatDecimal), ["0.1", "187.90", "3,571.62", "5", "0.08"]);
});

test("splitWords() splits as a shell, and keeps templates whole", () => {
  const cases: ReadonlyArray<[string, string[]]> = [
    ["a b  c", ["a", "b", "c"]],
    [`a 'b c' "d e"f ''`, ["a", "b c", "d ef", ""]],
    [`a\\ b "\\"x\\n" '\\n'`, ["a b", '"x\\n', "\\n"]],
    ["x {{ Random 1 2 }}y", ["x", "{{ Random 1 2 }}y"]],
    [`sh -c "echo {{Request}}"`, ["sh", "-c", "echo {{Request}}"]],
  ];
  for (const [line, words] of cases) assert.deepEqual(splitWords(line), words);
  assert.throws(() => splitWords(`a "b`), /is not closed/);
  assert.throws(() => splitWords("  "), /is empty/);
});

test("subjectMatches() knows both wildcards", () => {
  const yes = [
    ["a", "a"],
    ["a.b", "a.*"],
    ["a.b.c", "a.>"],
    ["a.b.c", "*.b.*"],
    ["a", ">"],
  ];
  const no = [
    ["a", "b"],
    ["a", "a.>"],
    ["a.b", "a"],
    ["a", "a.*"],
    ["a.b.c", "a.*"],
  ];
  for (const [literal = "", pattern = ""] of yes) assert.ok(subjectMatches(literal, pattern), `${literal} ${pattern}`);
  for (const [literal = "", pattern = ""] of no) assert.ok(!subjectMatches(literal, pattern), `${literal} ${pattern}`);
});

test("withoutSecrets() leaves users, passwords and tokens out of every URL", () => {
  assert.equal(withoutSecrets("nats://u:p@h:1,tok@h2, tls://t@h3,h4"), "nats://***@h:1,***@h2, tls://***@h3,h4");
});
