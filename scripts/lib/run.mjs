// Starts the tools of this checkout, and other programs.

import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./repo.mjs";

/** The JavaScript entry of each tool, so that no shell and no `.cmd` file stands between. */
const TOOLS = {
  tsc: "node_modules/typescript/bin/tsc",
  biome: "node_modules/@biomejs/biome/bin/biome",
  oxlint: "node_modules/oxlint/bin/oxlint",
};

/**
 * Runs a program to its end, in the checkout's folder or another, and keeps what it prints. Rejects when it does not start.
 *
 * @returns {Promise<{ ok: boolean, output: string }>} `output` is stdout and stderr as they came.
 */
export function capture(command, args, cwd = ROOT) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ ok: code === 0, output: Buffer.concat(chunks).toString() }));
  });
}

/** Like {@link capture}, for one of the tools above. */
export function captureTool(tool, args) {
  return capture(process.execPath, [join(ROOT, TOOLS[tool]), ...args]);
}

/** Starts one of the tools with its output as a pipe, for those that keep running. */
export function startTool(tool, args) {
  return spawn(process.execPath, [join(ROOT, TOOLS[tool]), ...args], {
    cwd: ROOT,
    stdio: ["inherit", "pipe", "inherit"],
  });
}

/** Runs a compiled program of this checkout on our terminal, and ends this process with its exit code when it fails. */
export function runProgram(path, args) {
  const { status, signal } = spawnSync(process.execPath, [join(ROOT, path), ...args], { cwd: ROOT, stdio: "inherit" });
  if (signal !== null) console.error(`${path} was ended by ${signal}`);
  if (status !== 0) process.exit(status ?? 1);
}
