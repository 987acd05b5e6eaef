// What each command line leads to; and, where the reference is there (REFERENCE_SERVER names its executable), that
// it does the same. Lines with --signal are never given to it: without a pid it would signal servers of others.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SERVER_VERSION } from "@myelin/protocol";
import type { PartialServerOptions } from "../options.ts";
import { MYELIN_VERSION } from "../version.ts";
import { type Command, EXIT_FAILURE, understand } from "./command-line.ts";
import { type RunSettings, runSettings, SettingsConflict } from "./run-settings.ts";

const REFERENCE = process.env["REFERENCE_SERVER"];
const skip = REFERENCE === undefined ? "REFERENCE_SERVER is not set" : false;

function settingsOf(args: readonly string[]): RunSettings {
  const command = understand(args, "nats-server");
  assert.ok(command.kind === "run", JSON.stringify(command));
  return runSettings(null, null, command.flags);
}

/** What a line ends with: a line that starts a server ends when its flags contradict each other. */
function ended(args: readonly string[]): Command {
  const command = understand(args, "nats-server");
  if (command.kind !== "run") return command;
  try {
    runSettings(null, null, command.flags);
    return command;
  } catch (error) {
    if (!(error instanceof SettingsConflict)) throw error;
    return { kind: "fail", problem: `nats-server: ${error.message}`, usage: "", exitCode: EXIT_FAILURE };
  }
}

/** Lines that end at once: what stands on stderr, and the exit code. `reference` is its exit code where it differs. */
const ENDING: ReadonlyArray<{ args: string[]; stderr: string; code: number; reference?: number | "starts" }> = [
  { args: ["-v"], stderr: "", code: 0 },
  { args: ["--version"], stderr: "", code: 0 },
  { args: ["version"], stderr: "", code: 0 },
  { args: ["-p", "-1", "VERSION"], stderr: "", code: 0 },
  { args: ["--", "version"], stderr: "", code: 0 },
  { args: ["--jetstream", "--version"], stderr: "", code: 0 },
  { args: ["-h"], stderr: "", code: 0 },
  { args: ["--help"], stderr: "", code: 0 },
  { args: ["help"], stderr: "", code: 0 },
  { args: ["bogus"], stderr: 'nats-server: unrecognized command: "bogus"', code: 1 },
  { args: ["-p", "-1", "bogus"], stderr: 'nats-server: unrecognized command: "bogus"', code: 1 },
  { args: ["-D", "true"], stderr: 'nats-server: unrecognized command: "true"', code: 1 },
  { args: ["-"], stderr: 'nats-server: unrecognized command: "-"', code: 1 },
  {
    args: ["-t", "-p", "-1"],
    stderr: "nats-server: must specify [-c, --config] option to check configuration file syntax",
    code: 1,
  },
  { args: ["-n", "a b"], stderr: "nats-server: server name cannot contain spaces", code: 1 },
  // A line that cannot be read.
  { args: ["-xyz"], stderr: "flag provided but not defined: -xyz", code: 0 },
  { args: ["-p"], stderr: "flag needs an argument: -p", code: 0 },
  { args: ["-p", "abc"], stderr: 'invalid value "abc" for flag -p: parse error', code: 0 },
  { args: ["-D=maybe"], stderr: 'invalid boolean value "maybe" for -D: parse error', code: 0 },
  { args: ["---p"], stderr: "bad flag syntax: ---p", code: 0 },
  // Refused, where the reference starts.
  {
    args: ["-p", "-1", "--pass", "p"],
    stderr: "nats-server: --pass has no effect without --user, and the server would be open to everybody",
    code: 1,
    reference: "starts",
  },
  {
    args: ["-p", "-1", "-js", "-sd", "x"],
    stderr: "nats-server: not supported yet: --jetstream",
    code: 1,
    reference: "starts",
  },
];

for (const { args, stderr, code } of ENDING) {
  test(`understand() ${JSON.stringify(args)} ends`, () => {
    const command = ended(args);
    if (code === 0 && stderr === "") assert.equal(command.kind, "print");
    else {
      assert.equal(command.kind, "fail");
      assert.equal(command.kind === "fail" && command.problem, stderr);
      assert.equal(command.kind === "fail" && command.exitCode, code);
      assert.equal(command.kind === "fail" && command.usage !== "", code === 0);
    }
  });
}

for (const { args, stderr, code, reference } of ENDING) {
  if (reference === "starts") continue;
  test(`the reference ends ${JSON.stringify(args)} alike`, { skip }, () => {
    const result = spawnSync(REFERENCE as string, args, { encoding: "utf8", timeout: 10_000 });
    assert.equal(result.stderr.trimEnd(), stderr);
    assert.equal(result.status, reference ?? code);
    const usage = (code === 0 && stderr !== "") || args.some((arg) => /help|-h/.test(arg));
    assert.equal(result.stdout.startsWith("\nUsage: nats-server [options]\n"), usage);
  });
}

/** Lines that start a server. Each leads to these options, beside the defaults. */
const STARTING: ReadonlyArray<{ args: string[]; options: PartialServerOptions }> = [
  { args: ["-p", "-1"], options: { port: -1 } },
  {
    args: ["--addr=127.0.0.1", "--port=-1", "--name", "n1"],
    options: { host: "127.0.0.1", port: -1, serverName: "n1" },
  },
  { args: ["-p", "-1", "-n", ""], options: { port: -1 } },
  { args: ["-p", "-1", "--user", "u"], options: { port: -1, user: "u", pass: "" } },
  { args: ["-p", "-1", "-user", "u", "-pass", "p"], options: { port: -1, user: "u", pass: "p" } },
  { args: ["-p", "-1", "--auth", "t"], options: { port: -1, token: "t" } },
  { args: ["-p", "-1", "--user", "u", "--auth", "t"], options: { port: -1, user: "u", pass: "", token: "t" } },
  { args: ["-p", "-1", "--auth", ""], options: { port: -1 } },
  { args: ["-p", "-1", "-D"], options: { port: -1, debug: true } },
  { args: ["-p", "-1", "-V=true"], options: { port: -1, trace: true } },
  { args: ["-p", "-1", "-DV"], options: { port: -1, debug: true, trace: true } },
  { args: ["-p", "-1", "-DV", "-DV=false"], options: { port: -1 } },
  { args: ["-p", "-1", "-D", "-DV=false"], options: { port: -1 } },
  { args: ["-p", "-1", "-D", "-VV"], options: { port: -1, debug: true, trace: true } },
  { args: ["-p", "-1", "-DVV"], options: { port: -1, debug: true, trace: true } },
  { args: ["-p", "-1", "-js=false", "--tls=false", "-m", "0", "--routes", ""], options: { port: -1 } },
  { args: ["-p", "-1", "--version=false", "--help=false", "-t=false"], options: { port: -1 } },
  { args: ["-p", "-1", "--store_dir", "x"], options: { port: -1, storeDir: "x" } },
  { args: ["-p", "-1", "-sd", ""], options: { port: -1 } },
  { args: ["-p", "-1", "--log_size_limit", "-5"], options: { port: -1 } },
];

for (const { args, options } of STARTING) {
  test(`understand() ${JSON.stringify(args)} starts`, () => {
    const given = Object.entries(settingsOf(args).options).filter(
      ([, value]) => value !== undefined && value !== null && value !== false,
    );
    assert.deepEqual(Object.fromEntries(given), options);
  });
}

// Not the one with JetStream, which would write to a store folder.
const STARTS_IN_REFERENCE = [...STARTING, ...ENDING].filter(
  (line) => !("code" in line) || (line.reference === "starts" && !line.args.includes("-js")),
);
for (const { args } of STARTS_IN_REFERENCE) {
  test(`the reference starts with ${JSON.stringify(args)}`, { skip }, async () => {
    const child = spawn(REFERENCE as string, args, { stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      if (log.includes("Server is ready")) child.kill("SIGTERM");
    });
    await ended;
    assert.match(log, /Server is ready/);
    const asks = settingsOrNull(args);
    if (asks !== null) assert.equal(log.includes("[DBG]"), asks.options.debug === true);
  });
}

function settingsOrNull(args: readonly string[]): RunSettings | null {
  const command = ended(args);
  return command.kind === "run" ? runSettings(null, null, command.flags) : null;
}

test("understand() keeps the default port for -p 0, as the reference does", () => {
  assert.equal(settingsOf(["-p", "0"]).options.port, 4222);
});

test("understand() reads what the process needs", () => {
  const settings = settingsOf(["-P", "a.pid", "--ports_file_dir=d", "-l", "x.log", "-T=0", "--log_size_limit=9"]);
  assert.equal(settings.pidFile, "a.pid");
  assert.equal(settings.portsFileDir, "d");
  assert.deepEqual(settings.log, { file: "x.log", sizeLimitBytes: 9, time: false, utc: false });
  assert.deepEqual(settingsOf(["--logtime_utc"]).log, { file: null, sizeLimitBytes: 0, time: true, utc: true });
});

test("understand() warns of flags that have no effect, or less than in the reference", () => {
  assert.deepEqual(settingsOf(["--log_size_limit", "9", "--store_dir", "x"]).warnings, [
    "--log_size_limit has no effect without --log",
    "--store_dir is for OCSP answers only: JetStream is not supported yet",
  ]);
});

test("understand() names every refused flag", () => {
  const args = ["-js", "--routes=nats://h:1", "-s", "--max_traced_msg_len", "9"];
  const command = understand(args, "myelin-server");
  assert.equal(
    command.kind === "fail" && command.problem,
    "myelin-server: not supported yet: --syslog, --max_traced_msg_len, --jetstream, --routes",
  );
});

test("understand() takes a signal before anything that is refused", () => {
  assert.deepEqual(understand(["--signal", "ldm=12", "-js"], "nats-server"), { kind: "signal", request: "ldm=12" });
});

test("understand() prints the version as the program it stands for", () => {
  const text = (name: string): string => (understand(["-v"], name) as { text: string }).text;
  assert.equal(text("nats-server"), `nats-server: v${SERVER_VERSION}\n`);
  assert.equal(text("myelin-server"), `myelin-server: v${SERVER_VERSION} (Myelin ${MYELIN_VERSION})\n`);
});

test("MYELIN_VERSION is the package's", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  assert.equal(MYELIN_VERSION, manifest.version);
});
