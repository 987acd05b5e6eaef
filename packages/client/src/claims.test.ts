// The documents of the client name a test for each claim. They are there, and speak of what is claimed.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import * as client from "./node.ts";

const sources = new URL("../src/", import.meta.url);
const documents = new URL("../../../docs/", import.meta.url);

interface Row {
  readonly line: number;
  readonly cells: readonly string[];
  /** The cells that say what something is called here; all but the last where no column is headed so. */
  readonly here: readonly string[];
}

/** Heads of columns that name things of this client. */
const HERE = ["here", "code"];

/** The rows of all tables whose last column is "shown by". */
async function rowsOf(name: string): Promise<Row[]> {
  const lines = (await readFile(new URL(name, documents), "utf8")).split("\n");
  const rows: Row[] = [];
  let heads: readonly string[] = [];
  for (const [index, line] of lines.entries()) {
    const cells = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (cells.length === 0) heads = [];
    else if (cells.at(-1) === "shown by") heads = cells;
    else if (heads.length > 0 && !/^-+$/.test(cells.at(-1) ?? "")) {
      const named = cells.filter((_cell, at) => HERE.includes(heads[at] ?? ""));
      rows.push({ line: index + 1, cells, here: named.length > 0 ? named : cells.slice(0, -1) });
    }
  }
  assert.ok(rows.length > 10, name);
  return rows;
}

async function testSources(): Promise<Map<string, string>> {
  const files = (await readdir(sources)).filter((name) => name.endsWith(".test.ts"));
  const entries = files.map(async (file) => [
    file.replace(".test.ts", ""),
    await readFile(new URL(file, sources), "utf8"),
  ]);
  return new Map((await Promise.all(entries)) as Array<[string, string]>);
}

for (const name of ["client-security.md", "from-nats-js.md"]) {
  test(`every test that docs/${name} names is there`, async () => {
    const tests = await testSources();
    const missing: string[] = [];
    for (const { line, cells } of await rowsOf(name)) {
      for (const claim of (cells.at(-1) ?? "").split("; ")) {
        const [file = "", begin = ""] = claim.split(/: (.*)/s);
        const source = tests.get(file) ?? "";
        const names = [...source.matchAll(/\btest\(\s*(?:"([^"]*)|`([^`]*))/g)].map(
          (match) => match[1] ?? match[2] ?? "",
        );
        if (begin === "" || !names.some((given) => given.includes(begin)))
          missing.push(`docs/${name}:${line}: ${claim}`);
      }
    }
    assert.deepEqual(missing, []);
  });
}

/** The names in code spans: words of three letters and more, without what only shows a value. */
function wordsOf(cells: readonly string[]): string[] {
  const spans = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string));
  return spans.flatMap((span) => span.match(/[A-Za-z_]\w{2,}/g) ?? []).filter((word) => !SHOWN_ONLY.has(word));
}

/** Names of parameters and values. */
const SHOWN_ONLY = new Set("value function prefix attempt msg options path bytes type listener run payload".split(" "));

test("every row of docs/client.md names files of tests that speak of all it names", async () => {
  const tests = await testSources();
  const wrong: string[] = [];
  for (const { line, cells, here } of await rowsOf("client.md")) {
    const shownBy = cells.at(-1) ?? "";
    if (shownBy === "") {
      // Nothing to show, and the row says why.
      if (!/fixed:|not here:|the reason of the signal/.test(here.join(" ")))
        wrong.push(`docs/client.md:${line}: nothing shows it`);
      continue;
    }
    let text = "";
    for (const file of shownBy.split(", ")) {
      const source = tests.get(file);
      if (source === undefined) wrong.push(`docs/client.md:${line}: there is no ${file}.test.ts`);
      text += source ?? "";
    }
    const unspoken = wordsOf(here).filter((word) => !text.includes(word));
    if (unspoken.length > 0) wrong.push(`docs/client.md:${line}: ${shownBy} does not speak of ${unspoken.join(", ")}`);
  }
  assert.deepEqual(wrong, []);
});

test("every class of errors that docs/client.md names is exported, and is a NatsError", async () => {
  const text = await readFile(new URL("client.md", documents), "utf8");
  const rows = text.split("\n").filter((line) => line.includes("`ERR_NATS_"));
  const classes = [...new Set(rows.join().match(/`(?!Err)[A-Z]\w+Error`/g))].map((span) => span.slice(1, -1));
  assert.ok(classes.length > 20);
  for (const name of classes) {
    const given = (client as Record<string, unknown>)[name] as { prototype: unknown } | undefined;
    assert.ok(name === "NatsError" || given?.prototype instanceof client.NatsError, name);
  }
});
