// Imports point the way that directions.mjs draws, and go through packages' entry points.

import { builtinModules } from "node:module";
import { posix } from "node:path";
import { FOLDERS, NODE_ONLY_SIBLINGS, PACKAGES } from "./directions.mjs";
import { isTest, placesOf } from "./tree.mjs";

const SPECIFIER = /(?<![.\w$])(?:from\s*|import\s*\(?\s*)(["'])([^"'\n]+)\1/g;
const SCOPE = "@myelin/";

export function* imports(tree) {
  const manifests = new Map(tree.packages.map(({ folder, json }) => [folder, json]));
  for (const path of tree.code) {
    const folder = /^(packages\/[^/]+|test|bench)\//.exec(path)?.[1];
    if (folder === undefined || !/^packages\/[^/]+\/(src|bin)\/|^(test|bench)\//.test(path)) continue;
    const rules = PACKAGES[folder.slice("packages/".length)];
    for (const { line, match } of placesOf(SPECIFIER, tree.views(path).imports)) {
      // `from "x"` inside a string is no import: in the code view its keyword is blanked.
      if (!/^(from|import)/.test(tree.views(path).code.slice(match.index))) continue;
      const specifier = match[2];
      const found = specifier.startsWith(".")
        ? checkRelative(path, specifier)
        : (checkDeclared(path, specifier, folder, manifests, tree) ??
          (rules && checkBare(path, specifier, folder, rules)));
      if (found) yield { path, line, rule: "imports", text: found };
    }
  }
  for (const { folder } of tree.packages) {
    if (folder.startsWith("packages/") && PACKAGES[folder.slice("packages/".length)] === undefined)
      yield {
        path: `${folder}/package.json`,
        line: 1,
        rule: "imports",
        text: "a new package: say in scripts/tidy/directions.mjs what it may import",
      };
  }
}

function checkRelative(path, specifier) {
  const target = posix.join(posix.dirname(path), specifier);
  const home = /^packages\/[^/]+\//.exec(path)?.[0];
  if (/^packages\/[^/]+\/(src|dist)\//.test(target) && (home === undefined || !target.startsWith(home)))
    return `${specifier} reaches into another package: import one of its entry points, ${SCOPE}<name>`;
  for (const { from, except, not, why } of FOLDERS) {
    if (!path.startsWith(from) || (except !== undefined && path.startsWith(except)) || isTest(path)) continue;
    if (not.some((folder) => target.startsWith(folder))) return `${from} does not import ${specifier}: ${why}`;
  }
  return null;
}

function checkBare(path, specifier, folder, rules) {
  if (isTest(path)) return null;
  const inSource = path.slice(folder.length + 1).replace(/^src\//, "");
  const mayNode = path.includes("/bin/") || rules.node?.test(inSource);
  const name = folder.slice("packages/".length);
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith("node:")) return `write node:${specifier}`;
    return mayNode ? null : `${name} does not import ${specifier} here: it runs where there is no Node`;
  }
  if (!specifier.startsWith(SCOPE)) return null;
  const sibling = specifier.slice(SCOPE.length);
  if (sibling === name || sibling.startsWith(`${name}/`)) return `${name} imports its own files by relative path`;
  const siblings = inSource.startsWith("testing/") ? [...rules.siblings, ...(rules.inTesting ?? [])] : rules.siblings;
  const allowed = siblings.some(
    (entry) => entry === sibling || (entry.indexOf("/") === -1 && isPlainEntry(entry, sibling)),
  );
  if (!allowed) return `${name} may import ${siblings.join(", ") || "no sibling"}, not ${specifier}`;
  if (NODE_ONLY_SIBLINGS.has(sibling) && !mayNode)
    return `${name} does not import ${specifier} here: it runs where there is no Node`;
  return null;
}

/** `client` stands for its other entries too (`client/kv`); the forms of `platform` are named one by one. */
function isPlainEntry(entry, sibling) {
  return entry !== "platform" && sibling.startsWith(`${entry}/`);
}

/** What is imported is declared, so that a package installs alone; and a sibling's path is one of its entry points. */
function checkDeclared(path, specifier, folder, manifests, tree) {
  if (isBuiltin(specifier) || specifier.startsWith("#")) return null;
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const manifest = manifests.get(folder) ?? {};
  if (name === manifest.name) return null;
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies };
  const forTests = isTest(path) ? { ...manifest.devDependencies, ...tree.json("package.json")?.devDependencies } : {};
  const sibling = [...manifests.values()].find((json) => json.name === name);
  if (sibling !== undefined) {
    const entry = `.${specifier.slice(name.length)}`;
    if (sibling.exports?.[entry] === undefined)
      return `${name} has no entry point ${JSON.stringify(entry)}: its package.json exports ${Object.keys(sibling.exports ?? {}).join(", ")}`;
    if (isTest(path)) return null;
  }
  if (name in declared || name in forTests) return null;
  return `${name} is not among the dependencies of ${folder}/package.json`;
}

function isBuiltin(specifier) {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}
