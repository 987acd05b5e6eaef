// Where things are.

import { existsSync, readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's folder, absolute. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const NOT_SOURCES = new Set(["node_modules", "dist"]);

/** The names of the folders in `packages/`, sorted. */
export function packageFolders() {
  return readdirSync(join(ROOT, "packages"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/**
 * The files under a folder whose names match, sorted; what was built or installed is left out. A folder that does not
 * exist has none. Paths, given and returned, are from the checkout's folder, with slashes.
 */
export function listFiles(folder, namePattern) {
  if (!existsSync(join(ROOT, folder))) return [];
  const found = [];
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory() && !NOT_SOURCES.has(entry.name)) found.push(...listFiles(path, namePattern));
    else if (entry.isFile() && namePattern.test(entry.name)) found.push(path);
  }
  return found.sort();
}

/** Whether `url` (an `import.meta.url`) is the script that Node was started with. */
export function isMain(url) {
  return process.argv[1] !== undefined && fileURLToPath(url) === realpathSync(process.argv[1]);
}
