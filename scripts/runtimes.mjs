// node scripts/runtimes.mjs [deno|bun ...]: a session of the client under Deno and Bun, in a project of its own with the
// packages as they would be published: over TCP and over WebSocket, to Myelin and to the reference server.
//
// The runtimes' binaries come from the registry, in npm packages, and are kept under .cache/. No script of theirs is run:
// those would fetch a binary from somewhere else where the registry has none. What cannot be had is skipped, aloud.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "./build.mjs";
import { fail } from "./lib/fail.mjs";
import { inEmptyFolder, installInto, npm, packAll, UnreachableError } from "./lib/pack.mjs";
import { findReferenceServer } from "./lib/reference-server.mjs";
import { ROOT } from "./lib/repo.mjs";

/** What one session may take, starting the runtime included. */
const SESSION_MS_MAX = 60_000;
const OWN_PACKAGES = ["@myelin/client", "@myelin/platform", "@myelin/protocol"];
const COMPILED = join(ROOT, "test/dist");

/**
 * `scope` holds one package per platform, of which npm installs the one for this machine; the binary is at `binary` in it.
 * `args` stand in front of the script. The web form is what a package's condition "browser" leads to.
 */
const RUNTIMES = [
  {
    name: "deno",
    version: "2.9.6",
    scope: "@deno",
    binary: "deno",
    // The network is all that the client needs to be allowed.
    args: { node: ["run", "--no-prompt", "--no-lock", "--allow-net"], web: ["--conditions=browser"] },
  },
  {
    name: "bun",
    version: "1.4.5",
    scope: "@oven",
    binary: "bin/bun",
    args: { node: [], web: ["--conditions=browser"] },
  },
];

/** Why a runtime cannot be tested here. */
class AbsentError extends Error {}

/** The path of a runtime's binary, fetched where it is not in the cache. */
function fetchRuntime({ binary, name, scope, version }) {
  const folder = join(ROOT, ".cache/runtimes", `${name}-${version}`);
  const cached = findBinary(folder, scope, binary);
  if (cached !== null) return cached;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "1"];
  npm(["install", ...options, `${name}@${version}`], folder);
  const fetched = findBinary(folder, scope, binary);
  if (fetched === null) throw new AbsentError(`the registry has no ${name} ${version} for this platform`);
  return fetched;
}

function findBinary(folder, scope, binary) {
  const packages = join(folder, "node_modules", scope);
  if (!existsSync(packages)) return null;
  const paths = readdirSync(packages).flatMap((name) =>
    [binary, `${binary}.exe`].map((end) => join(packages, name, end)),
  );
  return paths.find((path) => existsSync(path)) ?? null;
}

/** Runs a program to its end. */
function run(command, args, cwd) {
  const env = { ...process.env, DENO_DIR: join(cwd, ".deno"), DENO_NO_UPDATE_CHECK: "1" };
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env, timeout: SESSION_MS_MAX, killSignal: "SIGKILL" }, (error, output, errors) => {
      const why = error?.killed === true ? `it did not end within ${SESSION_MS_MAX} ms` : (error?.message ?? "");
      resolve({ ok: error === null, output, errors: `${errors}${why}`.trim() });
    });
  });
}

/** The servers that are here, and what is to be done with each. Whoever starts them stops them. */
async function startServers() {
  const support = (name) => import(pathToFileURL(join(COMPILED, "support", `${name}.js`)).href);
  const [{ MyelinProgram }, { ReferenceServer }] = [await support("myelin-program"), await support("reference-server")];
  const webSocket = new Map([["websocket", '{ listen: "127.0.0.1:-1", no_tls: true }']]);
  const myelin = await new MyelinProgram().start(webSocket);
  const servers = [myelin];
  const sessions = sessionsWith("myelin-server", myelin);
  const program = await findReferenceServer();
  if (program === null) {
    console.log("SKIPPED: nats-server: node scripts/reference-server.mjs fetches one");
    return { servers, sessions };
  }
  const reference = await new ReferenceServer(program).start(webSocket).catch(async (error) => {
    await myelin.stop();
    throw error;
  });
  servers.push(reference);
  sessions.push(...sessionsWith("nats-server", reference));
  return { servers, sessions };
}

function sessionsWith(name, { port, webSocketPort }) {
  const webSocketUrl = `ws://127.0.0.1:${webSocketPort}`;
  return [
    { what: `TCP, ${name}`, form: "node", url: `nats://127.0.0.1:${port}` },
    { what: `WebSocket, ${name}`, form: "node", url: webSocketUrl },
    { what: `WebSocket, ${name}, web form`, form: "web", url: webSocketUrl },
  ];
}

async function runSessions(runtime, binary, project, sessions, expectedReport) {
  const { errors, ok, output } = await run(binary, ["--version"], project);
  // Built for a newer processor or a newer C library: no fault of the client.
  if (!ok) throw new AbsentError(`its binary does not run here: ${errors}`);
  const version = /\d+\.\d+\.\d+/.exec(output)?.[0];
  for (const { form, url, what } of sessions) {
    const args = form === "web" ? [...runtime.args.node, ...runtime.args.web] : runtime.args.node;
    const result = await run(binary, [...args, "main.js", url], project);
    const told = `${result.output}${result.errors}`.trim();
    if (!result.ok) throw new Error(`The client failed under ${runtime.name} ${version} (${what}):\n\n${told}`);
    const message = `The client under ${runtime.name} ${version} (${what}) did otherwise than expected:\n\n${told}`;
    assert.deepEqual(JSON.parse(result.output), expectedReport(form), message);
    assert.equal(result.errors, "", message);
  }
  console.log(`${runtime.name} ${version}: ${sessions.map(({ what }) => what).join("; ")}`);
}

/** Fetches a runtime and runs its sessions; says aloud when it cannot be had. */
async function tryRuntime(runtime, project, sessions, expectedReport) {
  try {
    await runSessions(runtime, fetchRuntime(runtime), project, sessions, expectedReport);
  } catch (error) {
    if (!(error instanceof AbsentError || error instanceof UnreachableError)) throw error;
    const why = error instanceof UnreachableError ? `the registry cannot be reached (${error.message})` : error.message;
    console.log(`SKIPPED: the client under ${runtime.name}: ${why}`);
  }
}

async function main(wanted) {
  const lost = wanted.find((name) => !RUNTIMES.some((runtime) => runtime.name === name));
  if (lost !== undefined) throw new Error(`There is no runtime ${JSON.stringify(lost)}: deno and bun are known`);
  await build();
  const { expectedReport } = await import(pathToFileURL(join(COMPILED, "runtimes/session.js")).href);
  await inEmptyFolder((archiveFolder) => {
    const archives = new Map([...packAll(archiveFolder)].filter(([name]) => OWN_PACKAGES.includes(name)));
    return inEmptyFolder(async (project) => {
      installInto(project, archives);
      for (const name of ["main.js", "session.js"]) cpSync(join(COMPILED, "runtimes", name), join(project, name));
      const { servers, sessions } = await startServers();
      try {
        for (const runtime of RUNTIMES.filter(({ name }) => wanted.length === 0 || wanted.includes(name)))
          await tryRuntime(runtime, project, sessions, expectedReport);
      } finally {
        for (const server of servers) await server.stop();
      }
    });
  });
}

await main(process.argv.slice(2)).catch((error) => {
  if (!(error instanceof UnreachableError)) fail(error);
  console.log(`SKIPPED: the client under other runtimes: the registry cannot be reached (${error.message})`);
});
