// node scripts/client-runtimes.mjs: the client under Node, Deno and Bun, against the reference server.
//
// Deno and Bun come as npm packages, fetched into .cache/runtimes the first time: they are no dependencies of the project.
// What cannot be had is skipped, aloud. Needs a build, and REFERENCE_SERVER or nats-server on the PATH.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fail } from "./lib/fail.mjs";
import { ROOT } from "./lib/repo.mjs";
import { capture } from "./lib/run.mjs";

const FOLDER = join(ROOT, ".cache", "runtimes");
const PACKAGES = ["deno@2.9.6", "bun@1.4.5"];
const SMOKE = join(ROOT, "packages", "client", "smoke", "runtime.mjs");
const FIXTURES = join(ROOT, "packages", "client", "dist", "fixtures", "reference-server.js");

const bin = (name) => join(FOLDER, "node_modules", ".bin", name);
const RUNTIMES = [
  { name: "node", command: process.execPath, args: [] },
  { name: "deno", command: bin("deno"), args: ["run", "--allow-all"] },
  { name: "bun", command: bin("bun"), args: ["run"] },
];

async function fetchRuntimes() {
  if (existsSync(bin("deno")) && existsSync(bin("bun"))) return;
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, "package.json"), '{ "private": true }\n');
  const { ok, output } = await capture("npm", ["install", "--prefix", FOLDER, "--no-audit", "--no-fund", ...PACKAGES]);
  if (!ok) console.log(`SKIPPED: Deno and Bun cannot be fetched: ${output.trim().split("\n").at(-1)}`);
}

async function main() {
  const { ReferenceServer, skipWithoutServer } = await import(pathToFileURL(FIXTURES).href);
  if (skipWithoutServer !== false) {
    console.log(`SKIPPED: the client under Deno and Bun: ${skipWithoutServer}`);
    return;
  }
  await fetchRuntimes();
  const config = 'websocket { listen: "127.0.0.1:-1", no_tls: true }\n';
  const server = await ReferenceServer.start({ config });
  try {
    for (const { name, command, args } of RUNTIMES) {
      if (!existsSync(command)) continue;
      const ports = [String(server.port), String(server.webSocketPort)];
      const { ok, output } = await capture(command, [...args, SMOKE, ...ports]);
      if (!ok) throw new Error(`The client fails under ${name}:\n${output}`);
      console.log(`${name}: passed`);
    }
  } finally {
    await server.stop();
  }
}

main().catch(fail);
