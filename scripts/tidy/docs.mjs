// Every symbol that a package's users can import has a doc comment. Read from the compiled declarations, so that it is the
// public surface that counts, however it is put together.

import { posix } from "node:path";

/** A statement that declares a name, with the doc comment right before it, if it has one. */
const DECLARATION =
  /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*)?^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:async )?(?:class|interface|function\*?|const enum|const|let|var|type|enum|namespace) ([\w$]+)/gm;
const NAMED_EXPORT = /^export (?:type )?\{([^}]*)\}(?: from "([^"]+)")?/gm;
const STAR_EXPORT = /^export \* (?:as ([\w$]+) )?from "([^"]+)"/gm;
const DIRECT_EXPORT =
  /^export (?:default )?(?:declare )?(?:abstract )?(?:async )?(?:class|interface|function\*?|const|let|var|type|enum|namespace) ([\w$]+)/gm;

export function* docs(tree) {
  for (const { folder, json, path } of tree.packages)
    for (const [entry, target] of Object.entries(json.exports ?? {}))
      for (const types of typesOf(target)) {
        const file = posix.join(folder, types);
        if (tree.text(file) !== undefined) yield* docsOfEntry(tree, file, `${json.name}${entry.slice(1)}`);
        else
          yield {
            path,
            line: 1,
            rule: "docs",
            text: `${entry} names ${types}, which is not built: npm run build, or correct it`,
          };
      }
}

function* docsOfEntry(tree, file, entry) {
  for (const { name, from } of undocumented(tree, file, new Set())) {
    const place = { path: sourceOf(from), line: lineOf(tree, sourceOf(from), name) };
    if (isInDocumentedRun(tree, place)) continue;
    yield { ...place, rule: "docs", text: `${name} is public (${entry}) and has no doc comment` };
  }
}

/** The declaration files that an entry of `exports` names, under whatever conditions. */
function typesOf(target) {
  if (typeof target === "string") return target.endsWith(".d.ts") ? [target] : [];
  if (target === null || typeof target !== "object") return [];
  if (typeof target.types === "string") return [target.types];
  return Object.values(target).flatMap(typesOf);
}

/** Names that a declaration file exports, its own and passed on, that have no doc comment. */
function* undocumented(tree, file, seen, only = null) {
  const text = tree.text(file);
  const visit = `${file} ${only}`;
  if (text === undefined || seen.has(visit)) return;
  seen.add(visit);
  const documented = documentedNames(text);
  const wanted = (name) => only === null || only === name;
  for (const [, name] of text.matchAll(DIRECT_EXPORT))
    if (wanted(name) && documented.get(name) === false) yield { name, from: file };
  for (const [, list, from] of text.matchAll(NAMED_EXPORT)) {
    for (const { name, as } of namesIn(list)) {
      if (!wanted(as)) continue;
      if (from?.startsWith(".")) yield* undocumented(tree, declarationsAt(file, from), seen, name);
      else if (from === undefined && documented.get(name) === false) yield { name, from: file };
    }
  }
  for (const [, namespace, from] of text.matchAll(STAR_EXPORT))
    if (namespace === undefined && from.startsWith("."))
      yield* undocumented(tree, declarationsAt(file, from), seen, only);
}

/** Per declared name, whether one of its declarations (overloads have several) has a doc comment. */
function documentedNames(text) {
  const names = new Map();
  for (const [, comment, name] of text.matchAll(DECLARATION))
    names.set(name, names.get(name) === true || comment !== undefined);
  return names;
}

function namesIn(list) {
  return list
    .split(",")
    .map((item) => item.trim().replace(/^type /, ""))
    .filter((item) => item !== "")
    .map((item) => {
      const [name, as = name] = item.split(" as ");
      return { name, as };
    });
}

function declarationsAt(file, from) {
  return posix.join(posix.dirname(file), from.replace(/\.(ts|tsx|js)$/, ".d.ts"));
}

function sourceOf(file) {
  return file.replace("/dist/", "/src/").replace(/\.d\.ts$/, ".ts");
}

/** One comment may stand above constants on lines that follow each other: a table of byte values, of state numbers. */
function isInDocumentedRun(tree, { path, line }) {
  const lines = tree.text(path)?.split("\n") ?? [];
  let at = line - 1;
  while (at >= 0 && lines[at]?.startsWith("export const ")) at--;
  return at >= 0 && at < line - 1 && lines[at].trimEnd().endsWith("*/");
}

function lineOf(tree, path, name) {
  const lines = tree.text(path)?.split("\n") ?? [];
  const index = lines.findIndex(
    (line) => line.startsWith("export ") && new RegExp(`\\b${name.replaceAll("$", "\\$")}\\b`).test(line),
  );
  return index + 1 || 1;
}
