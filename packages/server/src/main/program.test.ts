// The program as a child process: this file runs itself, with a server that only listens.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Listener } from "@myelin/platform";
import { NodeClock, NodeNetwork } from "@myelin/platform/node";
import type { Logger } from "../logger.ts";
import { completeOptions, type ServerOptions } from "../options.ts";
import { compareSettings } from "../reload/plan.ts";
import { runProgram } from "./program.ts";
import type { ManagedServer } from "./server-process.ts";

const ROLE = "MYELIN_PROGRAM_TEST";
const role = process.env[ROLE];
if (role === undefined) declareTests();
else await runProgram(process.argv.slice(2), { programName: "nats-server", clock: new NodeClock(), openServer });

/** Listens, and then fails as the role says. */
async function openServer(options: ServerOptions, log: Logger): Promise<ManagedServer> {
  let listener: Listener | null = null;
  return {
    id: "NTEST",
    name: "NTEST",
    get port() {
      return listener?.local.port ?? -1;
    },
    get url() {
      return `nats://${options.host}:${listener?.local.port}`;
    },
    start: async () => {
      const { host } = options;
      listener = await new NodeNetwork().listen({ host, port: Math.max(0, options.port) }, (duplex) =>
        duplex.destroy(),
      );
      log.info(`Listening for client connections on ${host}:${listener.local.port}`);
      if (role === "throw") setImmediate(() => fault());
      if (role === "reject") setImmediate(() => void Promise.reject(new Error("test fault")));
    },
    close: async () => listener?.close(),
    planReload: (given) => {
      const next = completeOptions(given);
      return { options: next, ...compareSettings(next, options) };
    },
    reload: async ({ lines }) => lines.forEach((line) => log.info(line)),
  };
}

function fault(): never {
  throw new Error("test fault");
}

/** A running program and what it has said. */
class Child {
  readonly process: ChildProcess;
  readonly pid: number;
  stdout = "";
  stderr = "";
  readonly #closed: Promise<unknown>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const file = fileURLToPath(import.meta.url);
    const childEnv = { ...process.env, [ROLE]: "run", MYELIN_BANNER: "0", ...env };
    this.process = spawn(process.execPath, [file, ...args], { env: childEnv, stdio: ["ignore", "pipe", "pipe"] });
    this.pid = this.process.pid as number;
    this.#closed = once(this.process, "close");
    this.process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
  }

  /** Waits until stderr has the text; fails when the program ends before. */
  async said(text: string): Promise<void> {
    while (!this.stderr.includes(text)) {
      const ended = await Promise.race([
        once(this.process.stderr as NodeJS.ReadableStream, "data").then(() => false),
        this.#closed.then(() => true),
      ]);
      if (ended && !this.stderr.includes(text)) assert.fail(`the program ended without ${text}:\n${this.stderr}`);
    }
  }

  /** @returns The exit code. */
  async ended(): Promise<number | null> {
    await this.#closed;
    return this.process.exitCode;
  }

  async stop(): Promise<number | null> {
    this.process.kill("SIGTERM");
    return this.ended();
  }
}

function declareTests(): void {
  const folder = mkdtempSync(join(tmpdir(), "myelin-program-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const local = ["-a", "127.0.0.1", "-p", "-1"];

  test("the program starts, says so with time and pid, and stops", async () => {
    const child = new Child([...local, "--logtime_utc", "--ports_file_dir", folder]);
    await child.said("Server is ready");
    const portsFile = join(folder, `nats-server_${child.pid}.ports`);
    await fileHas(portsFile, "nats://");
    const ports = JSON.parse(readFileSync(portsFile, "utf8")) as { nats: string[] };
    assert.equal(await child.stop(), 0);
    const lines = child.stderr.trimEnd().split("\n");
    const line = new RegExp(String.raw`^\[${child.pid}\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} \[INF\] (?: {2})?\S`);
    for (const each of lines) assert.match(each, line);
    const port = /connections on 127\.0\.0\.1:(\d+)/.exec(child.stderr)?.[1];
    assert.deepEqual(ports, { nats: [`nats://127.0.0.1:${port}`] });
    assert.equal(existsSync(portsFile), false);
    assert.equal(child.stdout, "");
  });

  test("the program uses the time zone of the machine", async () => {
    const child = new Child(local, { TZ: "Etc/GMT+12" });
    await child.said("Server is ready");
    await child.stop();
    const [, hour] = /^\[\d+\] \S+ (\d\d):/.exec(child.stderr) as unknown as [string, string];
    // Twelve hours behind, give or take the hour that may have begun meanwhile.
    const behind = (new Date().getUTCHours() - Number(hour) + 24) % 24;
    assert.ok(behind === 12 || behind === 13, `${behind} hours behind`);
  });

  test("a busy port ends the program with 1 and a hint", async () => {
    const first = new Child(local);
    await first.said("Server is ready");
    const port = /connections on 127\.0\.0\.1:(\d+)/.exec(first.stderr)?.[1] as string;
    const second = new Child(["-a", "127.0.0.1", "-p", port, "-T=false"]);
    assert.equal(await second.ended(), 1);
    assert.match(second.stderr, /\[FTL\] Error listening on port: .*: bind: address already in use"\n/);
    assert.match(second.stderr, /-p -1 picks a free one\n$/);
    await first.stop();
  });

  for (const { args, code, stdout, stderr } of [
    { args: ["-v"], code: 0, stdout: /^nats-server: v\d+\.\d+\.\d+\n$/, stderr: /^$/ },
    { args: ["--xyz"], code: 0, stdout: /^\nUsage: nats-server/, stderr: /^flag provided but not defined: -xyz\n$/ },
    { args: ["bogus"], code: 1, stdout: /^$/, stderr: /^nats-server: unrecognized command: "bogus"\n$/ },
    {
      args: ["-l", "/nonexistent/log"],
      code: 1,
      stdout: /^$/,
      stderr: /^nats-server: error opening file: open \/nonexistent\/log: no such file or directory\n$/,
    },
    { args: ["--signal", "term=x"], code: 1, stdout: /^$/, stderr: /^nats-server: invalid pid: x\n$/ },
  ]) {
    test(`the program with ${args.join(" ")} ends with ${code}`, async () => {
      const child = new Child(args);
      assert.equal(await child.ended(), code);
      assert.match(child.stdout, stdout);
      assert.match(child.stderr, stderr);
    });
  }

  test("a log file is reopened on SIGUSR1, and a pid file finds the program", async () => {
    const log = join(folder, "log");
    const pidFile = join(folder, "pid");
    const child = new Child([...local, "-l", log, "-P", pidFile, "-T=false"]);
    await fileHas(log, "Server is ready");
    renameSync(log, `${log}.1`);
    assert.equal(await new Child(["--signal", `reopen=${pidFile}`]).ended(), 0);
    await fileHas(log, "File log re-opened");
    assert.equal(await new Child(["--signal", `term=${pidFile}`]).ended(), 0);
    assert.equal(await child.ended(), 0);
    assert.match(readFileSync(log, "utf8"), /\[INF\] Server Exiting\.\.\n$/);
    assert.equal(child.stderr, "");
  });

  test("--signal reload has the file read again, flags over it, and the log goes on in another file", async () => {
    const [config, pidFile] = [join(folder, "reload.conf"), join(folder, "reload.pid")];
    const [log, other] = [join(folder, "reload.log"), join(folder, "other.log")];
    const write = (text: string): void => writeFileSync(config, text);
    write(`logfile: "${log}"\nlogtime: false\npid_file: "${pidFile}"\nmax_payload: 100\n`);
    const child = new Child([...local, "-c", config, "-D=false"]);
    await fileHas(log, "Server is ready");
    write(`logfile: "${log}"\nmax_payload: "8MB"\nnonsense: 1\n`);
    assert.equal(await new Child(["--signal", `reload=${pidFile}`]).ended(), 0);
    await fileHas(log, 'unknown field "nonsense"');
    write(`logfile: "${other}"\nlogtime: false\npid_file: "${pidFile}"\nmax_payload: 200\ndebug: true\n`);
    assert.equal(await new Child(["--signal", `reload=${pidFile}`]).ended(), 0);
    await fileHas(other, "Reloaded server configuration (sha256:");
    assert.equal(await child.stop(), 0);
    const said = readFileSync(log, "utf8").replaceAll(/^\[\d+\] /gm, "");
    const from = said.indexOf("[INF] Trapped");
    assert.deepEqual(said.slice(from).split("\n"), [
      '[INF] Trapped "hangup" signal',
      `[ERR] Failed to reload server configuration: ${config}:2:14: "max_payload" must be a number of bytes such as 8MB, without quotes, not a string (take the quotes off)`,
      `[ERR] Failed to reload server configuration: ${config}:3:1: unknown field "nonsense"`,
      '[INF] Trapped "hangup" signal',
      "[INF] Reloaded: max_payload = 200",
      `[INF] Reloaded: log_file = ${other}`,
      "",
    ]);
    assert.match(readFileSync(other, "utf8"), /^\[\d+\] \[INF\] Reloaded server configuration .*\n(.*\n)*.*Exiting/);
  });

  for (const fault of ["throw", "reject"]) {
    test(`an unexpected error (${fault}) is logged and ends the program with 1`, async () => {
      const child = new Child(local, { [ROLE]: fault });
      assert.equal(await child.ended(), 1);
      assert.match(child.stderr, /\[FTL\] Unexpected error, the server cannot go on: Error: test fault\n {4}at /);
    });
  }

  test("the banner is shown when it is asked for, and the log is as ever", async () => {
    const child = new Child(local, { MYELIN_BANNER: "1" });
    await child.said("Server is ready");
    assert.equal(await child.stop(), 0);
    assert.match(child.stdout, /Clients {6}nats:\/\/127\.0\.0\.1:\d+\n/);
    assert.doesNotMatch(child.stderr, /Clients/);
  });

  test("a reader of the log that goes away stops nobody", async () => {
    const child = new Child(local);
    await child.said("Server is ready");
    child.process.stderr?.destroy();
    child.process.kill("SIGHUP");
    assert.equal(await child.stop(), 0);
  });

  const isLinux = process.platform === "linux";
  test("ps does not show secrets, and pgrep finds the name", { skip: !isLinux }, async () => {
    const child = new Child([...local, "--user", "u", "--pass=hunter2"]);
    await child.said("Server is ready");
    const shown = readFileSync(`/proc/${child.pid}/cmdline`, "utf8");
    const name = readFileSync(`/proc/${child.pid}/comm`, "utf8");
    await child.stop();
    assert.ok(shown.startsWith("nats-server -a 127.0.0.1 -p -1 --user [REDACTED] --pass=[REDACTED]"), shown);
    assert.match(name, /^nats-server/);
  });
}

/** Between looks at a file that another process writes. */
const POLL_MS = 5;

/** Waits until a file is there and has the text. */
async function fileHas(path: string, text: string): Promise<void> {
  while (!existsSync(path) || !readFileSync(path, "utf8").includes(text)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
