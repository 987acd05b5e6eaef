// Packs the packages as npm would publish them, and installs them somewhere else: what is missing from a manifest is missing there.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./repo.mjs";

/** Words of npm's for "the registry cannot be reached", as opposed to "it has no such package". */
const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED/;

/** The registry cannot be reached, so nothing was tested. */
export class UnreachableError extends Error {}

/** Calls `use` with a folder outside the checkout, which is removed behind it. */
export async function inEmptyFolder(use) {
  const folder = mkdtempSync(join(tmpdir(), "myelin-pack-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Packs all packages. Returns the paths of the archives by package name. */
export function packAll(folder) {
  const output = npm(["pack", "--workspaces", "--json", "--pack-destination", folder], ROOT);
  const archives = new Map();
  for (const { name, filename } of JSON.parse(output)) archives.set(name, join(folder, filename));
  if (archives.size === 0) throw new Error(`npm pack made nothing: ${readdirSync(folder).join(" ")}`);
  return archives;
}

/**
 * Makes a project of its own in an empty folder and installs the archives into it.
 *
 * @param {object} manifest - More of its package.json.
 * @throws {UnreachableError} when dependencies from the registry cannot be had because it is not there.
 */
export function installInto(folder, archives, manifest = {}) {
  const dependencies = Object.fromEntries([...archives].map(([name, path]) => [name, `file:${path}`]));
  const json = { name: "somewhere-else", private: true, type: "module", dependencies, ...manifest };
  writeFileSync(join(folder, "package.json"), JSON.stringify(json, null, 2));
  npm(["install", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries", "1"], folder);
}

/** Runs npm and returns what it prints on stdout. */
export function npm(args, cwd) {
  const { error, output, status } = runIn(cwd, "npm", args);
  if (status === 0) return output;
  const text = `${output}${error}`.trim();
  if (UNREACHABLE.test(text)) throw new UnreachableError(text.split("\n").find((line) => UNREACHABLE.test(line)));
  throw new Error(`npm ${args.join(" ")} failed in ${cwd}:\n\n${text}`);
}

/** Runs a program in a folder, with nothing in its environment that would lead back to the checkout. */
export function runIn(cwd, command, args) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$|NODE_PATH$|INIT_CWD$|NODE_TEST)/i.test(name)),
  );
  const shell = process.platform === "win32";
  const { error, status, stderr, stdout } = spawnSync(command, args, { cwd, env, encoding: "utf8", shell });
  if (error) throw error;
  return { status, output: stdout, error: stderr };
}
