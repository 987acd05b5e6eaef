// The tables of directives hold together, and the documents say what they say.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { SETTERS, WHOLE_BLOCKS } from "../setters.ts";
import { type Block, type Directive, findDirective } from "./directive.ts";
import { GROUPS, TOP } from "./top-blocks.ts";

/** Every block that can be reached from the top, once. */
function blocks(from: Block = TOP, seen: Set<Block> = new Set()): Set<Block> {
  seen.add(from);
  for (const { inside } of from.directives) if (inside !== null && !seen.has(inside.block)) blocks(inside.block, seen);
  return seen;
}

/** Paths of the directives that work, as the setters know them. */
function working(block: Block, path = ""): string[] {
  return block.directives.flatMap((directive) => {
    if (directive.waitsFor !== null) return [];
    const own = `${path}${directive.name}`;
    // Lists and named blocks are read by the setter of the directive that holds them.
    if (WHOLE_BLOCKS.has(own)) return [own];
    return directive.inside?.shape === "block" ? [own, ...working(directive.inside.block, `${own}.`)] : [own];
  });
}

test("every directive that works has a setter, and every setter a directive", () => {
  assert.deepEqual(Object.keys(SETTERS).toSorted(), working(TOP).toSorted());
});

for (const block of blocks()) {
  test(`no two directives of ${block.name === "" ? "the top" : block.name} share a name`, () => {
    const names = block.directives.flatMap(({ name, aliases }) => [name, ...aliases]);
    assert.deepEqual(names.toSorted(), [...new Set(names)].toSorted());
    for (const name of names) assert.match(name, /^[a-z0-9_]+$/);
  });
}

test("findDirective() knows aliases, in any case", () => {
  assert.equal(findDirective(TOP, "MAX_conn")?.name, "max_connections");
  assert.equal(findDirective(TOP, "max_con"), undefined);
});

const DOCUMENT = fileURLToPath(new URL("../../../../../docs/configuration.md", import.meta.url));
const BEGIN = "<!-- directives: written from packages/server/src/config/directives by its test -->";
const END = "<!-- end of directives -->";

function row({ name, aliases, type, means, inside }: Directive): string {
  const names = [name, ...aliases].map((text) => `\`${text}\``).join(", ");
  const holds = inside === null || means !== "" ? means : `Holds [${inside.block.name}](#${anchor(inside.block.name)})`;
  return `| ${names} | ${type} | ${holds.replaceAll("|", "\\|")} |`;
}

function anchor(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9 _-]/g, "")
    .replaceAll(" ", "-");
}

function table(directives: readonly Directive[]): string {
  return ["| directive | value | meaning (default) |", "|---|---|---|", ...directives.map(row), ""].join("\n");
}

/** The tables of the document. */
function tables(): string {
  const lines: string[] = ["## Directives that work", ""];
  const waitingGroups = GROUPS.filter(({ block: { directives } }) =>
    directives.every(({ waitsFor }) => waitsFor !== null),
  );
  for (const group of GROUPS) {
    if (!waitingGroups.includes(group)) lines.push(`### ${group.title}`, "", table(group.block.directives));
  }
  const mixed = [...blocks()].filter(
    ({ name, directives }) => name !== "" && directives.some(({ waitsFor }) => waitsFor === null),
  );
  for (const { name, directives } of mixed) {
    lines.push(`### ${name}`, "", table(directives.filter(({ waitsFor }) => waitsFor === null)));
  }
  lines.push("## Directives that are not supported yet", "", "At the top of the file:", "");
  for (const { title, block } of waitingGroups) lines.push(`### ${title}`, "", table(block.directives));
  lines.push("Inside of blocks:", "");
  for (const { name, directives } of blocks()) {
    const waiting = directives.filter(({ waitsFor }) => waitsFor !== null);
    if (name === "" || waiting.length === 0) continue;
    const title = waiting.length === directives.length ? name : `${name}, the others`;
    lines.push(`### ${title}`, "", table(waiting));
  }
  return lines.join("\n");
}

test("docs/configuration.md has a row for every directive (MYELIN_GOLDEN=1 writes them anew)", () => {
  const text = readFileSync(DOCUMENT, "utf8");
  const start = text.indexOf(BEGIN) + BEGIN.length;
  const end = text.indexOf(END);
  assert.ok(start >= BEGIN.length && end > start, "the marks are gone");
  const wanted = `${text.slice(0, start)}\n\n${tables()}\n${text.slice(end)}`;
  if (process.env["MYELIN_GOLDEN"] === "1") writeFileSync(DOCUMENT, wanted);
  else assert.equal(text, wanted);
});
