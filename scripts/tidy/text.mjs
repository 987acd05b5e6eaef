// Rules about single files: their names, their length, and words that must not stand in them.

import { isTest, placesOf } from "./tree.mjs";

const KEBAB = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
/** Names that the world spells so. */
const SPELLED_SO = /^([A-Z]+(\.md)?|Dockerfile|\.[a-z]+rc\.json)$/;

export function* names(tree) {
  for (const path of tree.paths) {
    const bad = path.split("/").find((part) => !KEBAB.test(part) && !SPELLED_SO.test(part));
    if (bad !== undefined)
      yield { path, line: 1, rule: "names", text: `${bad}: files and folders are named in kebab-case` };
  }
}

const LINES_MAX = 800;
const HEADER_LINES = 40;

export function* length(tree) {
  for (const path of tree.code) {
    const text = tree.text(path);
    const lines = text.split("\n");
    if (lines.length <= LINES_MAX) continue;
    // Comment markers may stand between the two words.
    if (/stays\s+(?:\/\/\s+|\*\s+)?whole/i.test(lines.slice(0, HEADER_LINES).join("\n"))) continue;
    yield {
      path,
      line: 1,
      rule: "length",
      text: `${lines.length} lines: find the two nouns it holds, or say in the header why it "stays whole"`,
    };
  }
}

export function* focusedTests(tree) {
  for (const path of tree.code.filter(isTest))
    for (const { line } of placesOf(/\b(?:test|it|describe|suite)\.only\(|\bonly:\s*true\b/g, tree.views(path).code))
      yield { path, line, rule: "only", text: "a test that runs alone hides the others: remove it before committing" };
}

export function* unfinished(tree) {
  for (const path of tree.code)
    for (const { line, match } of placesOf(/\b(?:TODO|FIXME|XXX)\b/g, tree.views(path).comments))
      yield {
        path,
        line,
        rule: "unfinished",
        text: `${match[0]}: finish it, refuse it by name, or write down the limit where users look`,
      };
}

const FOREIGN = [
  { pattern: /(?<![\w.@~-])\/(?:work|root)\//g, what: "a path of one machine" },
  { pattern: /\bregistry\.npm(?:js\.org|mirror\.com)\b/g, what: "a registry's address" },
];

/** Where these words are meant. */
const FOREIGN_ALLOWED = new Set(["scripts/tidy/text.mjs", "scripts/tidy.test.mjs"]);

export function* foreignWords(tree) {
  for (const path of tree.paths) {
    const text = FOREIGN_ALLOWED.has(path) ? "" : tree.text(path);
    if (text.includes("\0")) continue; // not a text
    for (const { pattern, what } of FOREIGN)
      for (const { line, match } of placesOf(pattern, text))
        yield {
          path,
          line,
          rule: "foreign-words",
          text: `${match[0]} is ${what}: the repository means the same everywhere`,
        };
  }
}
