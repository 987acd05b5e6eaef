// Where the `lmdb` package comes from: a folder of its own, because it is for this benchmark alone. No script of its is run: it
// brings prebuilt binaries in packages of their own, and would compile, fetching headers, where there is none.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = "3.5.6";
const CACHE = fileURLToPath(new URL("../../../.cache/bench", import.meta.url));
const INSTALL_MS_MAX = 60_000;

/** @returns The folder that has it in `node_modules`, or why it cannot be had. */
export function installLmdb(): { readonly folder: string } | { readonly absent: string } {
  const folder = join(CACHE, `lmdb-${VERSION}`);
  if (existsSync(join(folder, "node_modules/lmdb/package.json"))) return { folder };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "1"];
  try {
    execFileSync("npm", ["install", ...options, `lmdb@${VERSION}`], {
      cwd: folder,
      stdio: "pipe",
      timeout: INSTALL_MS_MAX,
      shell: process.platform === "win32",
    });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    return { absent: `lmdb ${VERSION} cannot be installed: ${error instanceof Error ? error.message : String(error)}` };
  }
  return { folder };
}
