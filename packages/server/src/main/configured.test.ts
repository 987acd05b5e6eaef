// Command lines with configuration files: what is checked, printed, and run, and what a flag does to a file's value.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../config/load.ts";
import { understand } from "./command-line.ts";
import { type Outcome, prepare } from "./configured.ts";

function run(args: readonly string[], files: Record<string, string>): Outcome {
  const command = understand(args, "nats-server");
  assert.ok(command.kind === "run" || command.kind === "check" || command.kind === "show", JSON.stringify(command));
  return prepare(command, "nats-server", outsideOf(files));
}

function outsideOf(files: Record<string, string>): Parameters<typeof prepare>[2] {
  const readFile = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error(`open ${path}: no such file or directory`);
    return text;
  };
  return { readFile, environment: () => undefined };
}

test("prepare() says that a file is valid, as the reference says it", () => {
  const { stderr, stdout, exitCode } = run(["-t", "-c", "f"], { f: "port: 4222" });
  const digest = "sha256:797533ebd0dfba7d34a0f9337ecf147e442871f48ddfd07ed751575a5737267e";
  assert.equal(stderr, `nats-server: configuration file f is valid (${digest})\n`);
  assert.deepEqual([stdout, exitCode], ["", 0]);
});

test("prepare() fails a check for a warning, and runs with one", () => {
  const files = { f: "ping_interval: 5" };
  const text = `f:1:16: invalid use of field "ping_interval": ping_interval should be converted to a duration`;
  const checked = run(["-t", "-c", "f"], files);
  assert.equal(checked.stderr.split("\n")[0], `nats-server: ${text}`);
  assert.equal(checked.exitCode, 1);
  const ran = run(["-c", "f"], files);
  assert.equal(ran.stderr.split("\n")[0], text);
  assert.equal(ran.exitCode, null);
  assert.equal(ran.settings?.options.pingIntervalMs, 5000);
});

test("prepare() checks a file together with the flags", () => {
  const { stderr, exitCode } = run(["-t", "-c", "f", "--pass", "x"], { f: "port: 1" });
  assert.match(stderr, /^nats-server: --pass has no effect without --user/);
  assert.equal(exitCode, 1);
});

test("prepare() passes notices and the digest on to the log", () => {
  const { settings } = run(["-c", "f"], { f: "port: 1\nport: 2\nlogfile_size_limit: 5" });
  assert.deepEqual(settings?.warnings, [
    "logfile_size_limit has no effect without logfile",
    'f:2:1: "port" was set before, at f:1:1; the later one counts',
  ]);
  const { digest } = loadConfig({ text: "port: 2\nlogfile_size_limit: 5" }, outsideOf({}));
  assert.deepEqual(settings?.config, { file: "f", digest });
});

const FILE = `host: filehost, port: 1, server_name: n, debug: true, trace: true, logtime: false, logtime_utc: true
logfile: a.log, logfile_size_limit: 5, pidfile: a.pid, ports_file_dir: d, client_advertise: a:1`;

test("prepare() takes from the file what no flag sets", () => {
  const { settings } = run(["-c", "f"], { f: FILE });
  assert.deepEqual(settings?.log, { file: "a.log", sizeLimitBytes: 5, time: false, utc: true });
  assert.equal(settings?.pidFile, "a.pid");
  assert.equal(settings?.portsFileDir, "d");
  assert.deepEqual(settings?.options, {
    host: "filehost",
    port: 1,
    serverName: "n",
    clientAdvertise: "a:1",
    debug: true,
    trace: true,
  });
});

test("prepare() lets flags override the file, also to switch off", () => {
  const flags = [
    "-a",
    "h",
    "-p",
    "0",
    "-n",
    "",
    "-DV=false",
    "-T",
    "--logtime_utc=false",
    "-l",
    "b.log",
    "-P",
    "b.pid",
  ];
  const { settings } = run(["-c", "f", ...flags, "--log_size_limit", "0", "--client_advertise", ""], { f: FILE });
  assert.deepEqual(settings?.log, { file: "b.log", sizeLimitBytes: 0, time: true, utc: false });
  assert.equal(settings?.pidFile, "b.pid");
  assert.deepEqual(settings?.options, {
    host: "h",
    port: 4222,
    serverName: null,
    clientAdvertise: null,
    debug: false,
    trace: false,
  });
});

const USER = "authorization { user: fu, password: fp }";
const TOKEN = "authorization { token: ft }";
const CREDENTIALS: ReadonlyArray<
  readonly [file: string, flags: string[], user: unknown, pass: unknown, token: unknown]
> = [
  [USER, [], "fu", "fp", null],
  [USER, ["--pass", "p"], "fu", "p", null],
  [USER, ["--user", "u"], "u", "fp", null],
  [USER, ["--user", "u", "--pass", ""], "u", "", null],
  [USER, ["--auth", "t"], null, null, "t"],
  [USER, ["--user", ""], null, null, null],
  [TOKEN, [], null, null, "ft"],
  [TOKEN, ["--auth", "t"], null, null, "t"],
  [TOKEN, ["--user", "u"], "u", "", null],
  [TOKEN, ["--user", "u", "--auth", "t"], "u", "", "t"],
  ["authorization { user: fu }", [], "fu", "", null],
];

for (const [file, flags, user, pass, token] of CREDENTIALS) {
  test(`prepare() lets in the right ones for ${JSON.stringify(flags)} over ${file}`, () => {
    const options = run(["-c", "f", ...flags], { f: `port: 1\n${file}` }).settings?.options;
    assert.deepEqual([options?.user ?? null, options?.pass ?? null, options?.token ?? null], [user, pass, token]);
  });
}

test("prepare() refuses a password without a user", () => {
  assert.equal(run(["-c", "f", "--pass", "p"], { f: TOKEN }).exitCode, 1);
});

test("prepare() prints settings with where each is from, hides secrets, and the print can be read back", () => {
  const f = `${FILE}, max_payload: 2MB\n${USER}\nwrite_deadline: "90s"`;
  const { stdout, exitCode } = run(["--print-config", "-c", "f", "-p", "7", "-n", 'a"b\\'], { f });
  assert.equal(exitCode, 0);
  const lines = stdout.split("\n").map((line) => line.trim().replace(/ {2,}#/, " #"));
  for (const line of [
    'host: "filehost" # f:1:7',
    "port: 7 # --port",
    'server_name: "a\\"b\\\\" # --server_name',
    "max_payload: 2097152 # f:2:111",
    "max_pending: 67108864 # default",
    'write_deadline: "1m30s" # f:4:17',
    '  user: "fu" # f:3:23',
    "# password: not shown # f:3:37",
  ]) {
    assert.ok(
      lines.some((found) => found.trim() === line.trim()),
      `${line} is not in\n${stdout}`,
    );
  }
  assert.ok(!stdout.includes("fp"));
  const again = run(["-c", "g"], { g: stdout }).settings;
  const first = run(["-c", "f", "-p", "7", "-n", 'a"b\\'], { f }).settings;
  const { pass: _pass, ...without } = first?.options ?? {};
  assert.deepEqual({ ...again?.options, pass: undefined }, { ...again?.options, ...without, pass: undefined });
  assert.deepEqual(again?.log, first?.log);
});

test("prepare() prints the websocket block, hides its secrets, and the print can be read back", () => {
  const f = `websocket {
    listen: "127.0.0.1:8080", no_tls: true, same_origin: true, compression: true, handshake_timeout: "3s"
    allowed_origins: [ "https://a.example" ], headers { X-A: 'b "c"' }, ping_interval: "20s"
    authorization { user: web, password: websecret, timeout: 5 }, user_cookie: u
  }`;
  const { stdout, exitCode } = run(["--print-config", "-c", "f"], { f });
  assert.equal(exitCode, 0);
  assert.match(stdout, /\nwebsocket \{ +# f:1:1\n {2}host: "127\.0\.0\.1"\n {2}port: 8080\n/);
  assert.doesNotMatch(stdout, /websecret/);
  const read = (text: string): unknown => {
    const { pass: _pass, ...others } = run(["-c", "g"], { g: text }).settings?.options.webSocket ?? {};
    return others;
  };
  assert.deepEqual(read(stdout), read(f));
  assert.match(run(["--print-config", "-c", "f"], { f: "port: 1" }).stdout, /\n# websocket: not set\n/);
});

test("prepare() prints what is kept of OCSP, and the print can be read back", () => {
  const f = `ocsp_cache { local_store: "a b", preserve_revoked: true, save_interval: 61 }, store_dir: d`;
  const { stdout, exitCode } = run(["--print-config", "-c", "f", "-sd", "over"], { f });
  assert.equal(exitCode, 0);
  assert.match(stdout, /\nstore_dir: "over" +# --store_dir\n/);
  assert.match(
    stdout,
    /\nocsp_cache \{ +# f:1:12\n {2}type: local\n {2}local_store: "a b"\n {2}preserve_revoked: true\n/,
  );
  const { ocspCache, storeDir } = run(["-c", "g"], { g: stdout }).settings?.options ?? {};
  assert.deepEqual(
    [ocspCache, storeDir],
    [{ type: "local", localStore: "a b", preserveRevoked: true, saveIntervalMs: 61_000 }, "over"],
  );
  assert.match(run(["--print-config", "-c", "f"], { f: "ocsp_cache: no" }).stdout, /\n {2}type: none\n/);
  assert.match(run(["--print-config", "-c", "f"], { f: "port: 1" }).stdout, /\n# ocsp_cache: not set\n/);
});

const EXECUTABLE = fileURLToPath(new URL("../../bin/myelin-server.js", import.meta.url));
const REFERENCE = process.env["REFERENCE_SERVER"];
const folder = mkdtempSync(join(tmpdir(), "myelin-configured-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const PROCESSES: ReadonlyArray<readonly [name: string, text: string | null, code: number]> = [
  ["good.conf", "port: 4333\n", 0],
  ["empty.conf", "", 1],
  ["unknown.conf", "prot: 4333\n", 1],
  ["missing.conf", null, 1],
];

for (const [name, text, code] of PROCESSES) {
  const file = join(folder, name);
  if (text !== null) writeFileSync(file, text);
  test(`myelin-server -t -c ${name} exits with ${code}`, () => {
    const result = spawnSync(process.execPath, [EXECUTABLE, "-t", "-c", file], { encoding: "utf8" });
    assert.equal(result.status, code);
    assert.equal(result.stdout, "");
    assert.match(result.stderr, /^myelin-server: /);
  });
  test(`the reference says the same of ${name}`, {
    skip: REFERENCE === undefined ? "REFERENCE_SERVER is not set" : false,
  }, () => {
    const env = { ...process.env, MYELIN_PROGRAM_NAME: "nats-server" };
    const ours = spawnSync(process.execPath, [EXECUTABLE, "-t", "-c", file], { encoding: "utf8", env });
    const theirs = spawnSync(REFERENCE as string, ["-t", "-c", file], { encoding: "utf8" });
    assert.equal(ours.status, theirs.status);
    // The reference counts the columns of the first line from 0.
    assert.equal(
      ours.stderr.split("\n")[0],
      theirs.stderr.split("\n")[0]?.replace(/:1:(\d+):/, (_all, column: string) => `:1:${Number(column) + 1}:`),
    );
  });
}
