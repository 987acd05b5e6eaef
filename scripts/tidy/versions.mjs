// One version for all packages, exact versions of everything else, each dependency with its reason, a lock for everyone.

import { lockHoles } from "../lib/lock-holes.mjs";

const DEPENDENCIES = "docs/dependencies.md";
const KINDS = ["dependencies", "devDependencies", "optionalDependencies"];
const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

export function* versions(tree) {
  const root = tree.json("package.json");
  const ours = new Set(tree.packages.map(({ json }) => json.name));
  for (const { path, json } of [{ path: "package.json", json: root }, ...tree.packages]) {
    const at = (text) => ({ path, line: 1, rule: "versions", text });
    if (json.version !== root.version) yield at(`version ${json.version} is out of step with ${root.version}`);
    for (const kind of KINDS) {
      for (const [name, version] of Object.entries(json[kind] ?? {})) {
        if (ours.has(name) && version !== root.version)
          yield at(`${kind}: ${name} is ${version}, out of step with ${root.version}`);
        if (!EXACT.test(version)) yield at(`${kind}: ${name} ${version} is not one exact version`);
      }
    }
  }
}

export function* reasons(tree) {
  const table = tree.text(DEPENDENCIES) ?? "";
  const rows = new Map(
    [...table.matchAll(/^\|\s*`?([^|`]+?)`?\s*\|\s*([^|]+?)\s*\|/gm)].map(([, name, version]) => [name, version]),
  );
  const ours = new Set(tree.packages.map(({ json }) => json.name));
  for (const { path, json } of [{ path: "package.json", json: tree.json("package.json") }, ...tree.packages]) {
    for (const kind of KINDS) {
      for (const [name, version] of Object.entries(json[kind] ?? {})) {
        if (ours.has(name) || rows.get(name) === version) continue;
        const text = rows.has(name) ? `has ${name} at ${rows.get(name)}` : `has no such row`;
        yield { path, line: 1, rule: "reasons", text: `${kind}: ${name} ${version}, but ${DEPENDENCIES} ${text}` };
      }
    }
  }
}

export function* lock(tree) {
  const path = "package-lock.json";
  const lockFile = tree.json(path);
  if (lockFile === undefined) return;
  const lines = tree.text(path).split("\n");
  for (const [index, line] of lines.entries())
    if (/"resolved": "(https?|git\+)/.test(line))
      yield {
        path,
        line: index + 1,
        rule: "lock",
        text: "holds a registry's address: .npmrc keeps it out, delete the line",
      };
  const holes = lockHoles(lockFile);
  if (holes.length > 0)
    yield {
      path,
      line: 1,
      rule: "lock",
      text: `lacks ${holes.length} platform packages (${holes[0].key.replace("node_modules/", "")}, ...): node scripts/lock.mjs`,
    };
}
