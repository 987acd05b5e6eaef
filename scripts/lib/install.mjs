// Sees to it that node_modules is what package-lock.json says, and does nothing when it is.

import { existsSync, readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./repo.mjs";
import { capture } from "./run.mjs";

const NODE_MIN = [20, 19];

/** Installs when that is needed. Throws with npm's words when it fails. */
export async function ensureInstalled() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1]))
    throw new Error(`Myelin needs Node ${NODE_MIN.join(".")} or newer, and this is ${process.versions.node}`);
  if (isInstalled()) return;
  console.log("installing dependencies (npm ci)");
  const npm = npmCommand();
  const { ok, output } = await capture(npm.command, [...npm.args, "ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (!ok) throw new Error(`npm ci failed; the build needs the packages of package-lock.json:\n\n${output.trim()}`);
}

/** npm leaves in node_modules a lock of what it installed. */
function isInstalled() {
  const wantedPath = join(ROOT, "package-lock.json");
  const installedPath = join(ROOT, "node_modules/.package-lock.json");
  if (!existsSync(installedPath)) return false;
  if (statSync(installedPath).mtimeMs >= statSync(wantedPath).mtimeMs) return true;
  // Another branch was checked out, or npm wrote the two in the other order: it is what they say that counts.
  const wanted = JSON.parse(readFileSync(wantedPath, "utf8")).packages;
  const installed = JSON.parse(readFileSync(installedPath, "utf8")).packages;
  if (!agrees(wanted, installed)) return false;
  const now = new Date();
  utimesSync(installedPath, now, now);
  return true;
}

function agrees(wanted, installed) {
  for (const [key, entry] of Object.entries(wanted)) {
    if (!key.startsWith("node_modules/") && !key.includes("/node_modules/")) continue;
    const there = installed[key];
    if (there === undefined ? entry.optional !== true : there.version !== entry.version) return false;
  }
  return Object.keys(installed).every((key) => wanted[key] !== undefined);
}

/** The npm that started us, or the one on PATH (on Windows that one is a shell script, so the first way matters). */
function npmCommand() {
  const running = process.env["npm_execpath"];
  if (running?.endsWith(".js")) return { command: process.execPath, args: [running] };
  return { command: "npm", args: [] };
}
