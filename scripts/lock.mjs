// Fills holes in package-lock.json: `node scripts/lock.mjs`, after adding a dependency.
//
// Tools with a native part name one optional package per platform. A registry mirror that serves only some platforms leaves
// the others out of the lock, and then `npm ci` refuses the lock everywhere. Each platform's version is pinned by the
// package that names it, so the entry can be written without the registry; it only lacks the integrity hash.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockHoles } from "./lib/lock-holes.mjs";
import { ROOT } from "./lib/repo.mjs";

const path = join(ROOT, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));
const holes = lockHoles(lock);
for (const { key, entry } of holes) lock.packages[key] = entry;

if (holes.length > 0) {
  const [root, ...others] = Object.keys(lock.packages);
  const keys = [root, ...others.sort((a, b) => a.localeCompare(b, "en"))];
  lock.packages = Object.fromEntries(keys.map((key) => [key, lock.packages[key]]));
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`package-lock.json: added ${holes.length} platform packages that the registry did not serve`);
}
