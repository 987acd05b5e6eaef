import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SimClock } from "@myelin/platform/sim";
import { SERVER_VERSION } from "@myelin/protocol";
import { ConfigError } from "../config/problem.ts";
import { Source } from "../config/source.ts";
import type { Logger } from "../logger.ts";
import { completeOptions, type PartialServerOptions, type ServerOptions } from "../options.ts";
import { compareSettings, type ReloadPlan } from "../reload/plan.ts";
import { MYELIN_VERSION } from "../version.ts";
import { LogLineFormat, UTC } from "./log-line.ts";
import { LogWriter } from "./log-writer.ts";
import type { RunSettings } from "./run-settings.ts";
import { type HandledSignal, type ManagedServer, ServerProcess } from "./server-process.ts";

const folder = mkdtempSync(join(tmpdir(), "myelin-process-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A promise that the test settles. */
class Gate {
  readonly passed: Promise<void>;
  open!: () => void;
  break!: (error: Error) => void;

  constructor() {
    this.passed = new Promise((resolve, reject) => {
      this.open = resolve;
      this.break = reject;
    });
  }
}

/** A server whose steps the test lets through; they all are at first. */
class StubServer implements ManagedServer {
  readonly id = "NTEST";
  readonly name: string;
  readonly port = 4555;
  readonly url = "nats://stub:4555";
  readonly lameDuck?: () => Promise<void>;
  starting: Promise<void> = Promise.resolve();
  closing: Promise<void> = Promise.resolve();
  reloading: Promise<void> = Promise.resolve();
  options: ServerOptions;
  #log: Logger;
  #host: string;

  constructor(options: ServerOptions, log: Logger) {
    this.name = options.serverName ?? this.id;
    this.#host = options.host;
    this.options = options;
    this.#log = log;
  }

  planReload(given: PartialServerOptions): ReloadPlan {
    const options = completeOptions(given);
    return { options, ...compareSettings(options, this.options) };
  }

  async reload({ lines, options }: ReloadPlan): Promise<void> {
    this.options = options;
    for (const line of lines) this.#log.info(line);
    await this.reloading;
  }

  async start(): Promise<void> {
    await this.starting;
    this.#log.info(`Listening for client connections on ${this.#host}:${this.port}`);
  }

  async close(): Promise<void> {
    this.#log.info("(closed)");
    await this.closing;
  }
}

interface Run {
  readonly process: ServerProcess;
  readonly clock: SimClock;
  /** Lines so far, without pid. */
  lines(): string[];
  readonly exits: number[];
  readonly banners: string[];
}

/** @param readAgain - The settings that a reload finds; those that it started with when absent. */
function runOf(
  settings: Partial<RunSettings>,
  prepare: (server: StubServer) => void = () => {},
  readAgain: () => Partial<RunSettings> = () => ({}),
): Run {
  const clock = new SimClock();
  let text = "";
  const output = { write: (line: string) => void (text += line) };
  const format = new LogLineFormat({ pid: 42, clock, zone: null, colours: false });
  const log = new LogWriter(output, format, { debug: settings.options?.debug ?? false, trace: false });
  const exits: number[] = [];
  const banners: string[] = [];
  const complete: RunSettings = {
    options: {},
    log: { file: null, sizeLimitBytes: 0, time: false, utc: false },
    pidFile: null,
    portsFileDir: null,
    warnings: [],
    config: null,
    ...settings,
  };
  const openServer = async (options: ServerOptions, logger: Logger): Promise<ManagedServer> => {
    const server = new StubServer(options, logger);
    prepare(server);
    return server;
  };
  const process = new ServerProcess(complete, openServer, log, {
    programName: "nats-server",
    pid: 42,
    clock,
    addresses: { all: () => ["127.0.0.1", "::1"], lookup: async (name) => name },
    showBanner: (banner) => void banners.push(banner),
    exit: (code) => void exits.push(code),
    readSettings: () => ({ ...complete, ...readAgain() }),
    openLog: ({ file, time }) => {
      if (file === "/bad") throw Object.assign(new Error("no"), { code: "ENOENT" });
      return { output, format: new LogLineFormat({ pid: 42, clock, zone: time ? UTC : null, colours: false }) };
    },
  });
  const lines = (): string[] => text.replaceAll("[42] ", "").split("\n").slice(0, -1);
  return { process, clock, lines, exits, banners };
}

/** Lets everything that is due without time run. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

const HEAD = [
  "[INF] Starting nats-server",
  `[INF]   Version:  ${SERVER_VERSION}`,
  "[INF]   Git:      [not set]",
  `[INF]   Myelin:   ${MYELIN_VERSION}`,
  "[INF]   Name:     NTEST",
  "[INF]   ID:       NTEST",
];
const READY = [...HEAD, "[INF] Listening for client connections on 0.0.0.0:4555", "[INF] Server is ready"];

test("run() says what the reference says, in its order", async () => {
  const run = runOf({});
  await run.process.run();
  assert.deepEqual(run.lines(), READY);
  assert.deepEqual(run.exits, []);
});

for (const { signal, word } of [
  { signal: "SIGINT", word: "interrupt" },
  { signal: "SIGTERM", word: "terminated" },
] as const) {
  test(`${signal} stops with exit code 0`, async () => {
    const run = runOf({});
    await run.process.run();
    run.process.handleSignal(signal);
    await settle();
    assert.deepEqual(run.lines().slice(READY.length), [
      `[INF] Trapped "${word}" signal`,
      "[INF] Initiating Shutdown...",
      "[INF] (closed)",
      "[INF] Server Exiting..",
    ]);
    assert.deepEqual(run.exits, [0]);
  });
}

test("the pid file stays and the ports file goes", async () => {
  const pidFile = join(folder, "pid");
  const portsFile = join(folder, "nats-server_42.ports");
  const run = runOf({ pidFile, portsFileDir: folder });
  await run.process.run();
  assert.equal(readFileSync(pidFile, "utf8"), "42");
  assert.deepEqual(JSON.parse(readFileSync(portsFile, "utf8")), {
    nats: ["nats://127.0.0.1:4555", "nats://[::1]:4555"],
  });
  await run.process.stop();
  assert.equal(existsSync(pidFile), true);
  assert.equal(existsSync(portsFile), false);
});

test("a pid file that cannot be written ends the start", async () => {
  const run = runOf({ pidFile: "/nonexistent/x.pid" });
  await run.process.run();
  assert.deepEqual(run.lines(), [
    ...HEAD,
    "[FTL] Could not write pidfile: open /nonexistent/x.pid: no such file or directory",
  ]);
  assert.deepEqual(run.exits, [1]);
});

test("a ports file that cannot be written does not", async () => {
  const run = runOf({ portsFileDir: "/nonexistent" });
  await run.process.run();
  const path = "/nonexistent/nats-server_42.ports";
  assert.deepEqual(run.lines().slice(READY.length), [
    `[ERR] Error writing ports file (${path}): open ${path}: no such file or directory`,
  ]);
  assert.deepEqual(run.exits, []);
});

const FAILED_STARTS: ReadonlyArray<{ code: string; host: string; port: number; line: string; hint: RegExp | null }> = [
  {
    code: "EADDRINUSE",
    host: "0.0.0.0",
    port: 4222,
    line: String.raw`[FTL] Error listening on port: 0.0.0.0:4222, "listen tcp 0.0.0.0:4222: bind: address already in use"`,
    hint: /-p -1 picks a free one/,
  },
  {
    code: "EADDRNOTAVAIL",
    host: "2001:db8::1",
    port: -1,
    line: '[FTL] Error listening on port: [2001:db8::1]:0, "listen tcp [2001:db8::1]:0: bind: cannot assign requested address"',
    hint: /-a <host>/,
  },
  {
    code: "ENOTFOUND",
    host: "256.1.1.1",
    port: 80,
    line: '[FTL] Error listening on port: 256.1.1.1:80, "listen tcp: lookup 256.1.1.1: no such host"',
    hint: /-a <host>/,
  },
  {
    code: "EACCES",
    host: "127.0.0.1",
    port: 80,
    line: '[FTL] Error listening on port: 127.0.0.1:80, "listen tcp 127.0.0.1:80: bind: permission denied"',
    hint: /Port 80/,
  },
  {
    code: "EWHATEVER",
    host: "127.0.0.1",
    port: 80,
    line: '[FTL] Error listening on port: 127.0.0.1:80, "said the platform"',
    hint: null,
  },
];

for (const { code, host, port, line, hint } of FAILED_STARTS) {
  test(`a start that fails with ${code}`, async () => {
    const error = Object.assign(new Error("said the platform"), { code });
    const run = runOf({ options: { host, port } }, (server) => {
      server.starting = Promise.reject(error);
    });
    await run.process.run();
    const said = run.lines().slice(HEAD.length);
    assert.equal(said[0], line);
    if (hint === null) assert.equal(said.length, 1);
    else assert.match(said[1] as string, hint);
    assert.deepEqual(run.exits, [1]);
  });
}

test("a port that cannot be ends the start", async () => {
  const run = runOf({ options: { port: 70_000 } });
  await run.process.run();
  assert.deepEqual(run.lines(), [
    '[FTL] Error listening on port: 0.0.0.0:70000, "listen tcp: address 70000: invalid port"',
  ]);
  assert.deepEqual(run.exits, [1]);
});

test("warnings stand after the head", async () => {
  const run = runOf({ options: { user: "u", pass: "p" }, warnings: ["--x has no effect"] });
  await run.process.run();
  assert.deepEqual(run.lines().slice(HEAD.length, HEAD.length + 2), [
    "[WRN] Plaintext passwords detected, use nkeys or bcrypt",
    "[WRN] --x has no effect",
  ]);
});

test("a configuration file is named in the log", async () => {
  const run = runOf({ config: { file: "a.conf", digest: "sha256:1" }, warnings: ["a notice"] });
  await run.process.run();
  assert.deepEqual(run.lines().slice(HEAD.length, HEAD.length + 2), [
    "[WRN] a notice",
    "[INF] Using configuration file: a.conf (sha256:1)",
  ]);
});

test("payloads above 8 MiB are discouraged, and the account that was made for the system is named", async () => {
  const warned = async (options: PartialServerOptions): Promise<string[]> => {
    const run = runOf({ options: { debug: true, ...options } });
    await run.process.run();
    return run.lines().filter((line) => /payloads|system account/.test(line));
  };
  const made = '[DBG] Created system account: "$SYS"';
  assert.deepEqual(await warned({ maxPayloadBytes: 8 * 1024 * 1024 }), [made]);
  assert.deepEqual(await warned({ maxPayloadBytes: 8 * 1024 * 1024 + 1 }), [
    "[WRN] Maximum payloads over 8.00 MB are generally discouraged and could lead to poor performance",
    made,
  ]);
  assert.deepEqual(await warned({ accounts: ["$SYS"] }), []);
  assert.deepEqual(await warned({ accounts: ["A"], systemAccount: "A" }), []);
});

/** Starts with one file, and reloads another. Gives what the log says from the reload on. */
async function reloaded(
  before: Partial<RunSettings>,
  after: () => Partial<RunSettings>,
  prepare?: (server: StubServer) => void,
): Promise<string[]> {
  const run = runOf({ config: { file: "a.conf", digest: "sha256:1" }, ...before }, prepare, () => ({
    config: { file: "a.conf", digest: "sha256:2" },
    ...after(),
  }));
  await run.process.run();
  const from = run.lines().length;
  run.process.handleSignal("SIGHUP");
  await settle();
  assert.deepEqual(run.exits, []);
  return run.lines().slice(from);
}

const HANGUP = '[INF] Trapped "hangup" signal';
const LOG = { file: null, sizeLimitBytes: 0, time: false, utc: false };

test("SIGHUP takes over what has changed, and says so as the reference does", async () => {
  const pidFile = join(folder, "reloaded.pid");
  const lines = await reloaded({ options: { maxPayloadBytes: 100 } }, () => ({
    options: { maxPayloadBytes: 200, debug: true, pingIntervalMs: 90_000 },
    pidFile,
    portsFileDir: folder,
    log: { ...LOG, utc: true },
    warnings: ["something is odd"],
  }));
  assert.deepEqual(lines, [
    HANGUP,
    "[WRN] something is odd",
    "[INF] Reloaded: debug = true",
    "[INF] Reloaded: ping_interval = 1m30s",
    "[INF] Reloaded: max_payload = 200",
    "[INF] Reloaded: logtime_utc = true",
    `[INF] Reloaded: pid_file = ${pidFile}`,
    `[INF] Reloaded: ports_file_dir = ${folder}`,
    "[INF] Reloaded server configuration (sha256:2)",
  ]);
  assert.equal(readFileSync(pidFile, "utf8"), "42");
  assert.equal(
    readFileSync(join(folder, "nats-server_42.ports"), "utf8"),
    '{"nats":["nats://127.0.0.1:4555","nats://[::1]:4555"]}',
  );
});

test("SIGHUP with one setting that cannot change changes none, and names each of them", async () => {
  const pidFile = join(folder, "refused.pid");
  let server: StubServer | null = null;
  const lines = await reloaded(
    {},
    () => ({
      options: { debug: true, serverName: "other", lameDuckDurationMs: 90_000 },
      log: { ...LOG, sizeLimitBytes: 10 },
      pidFile,
    }),
    (made) => {
      server = made;
    },
  );
  assert.deepEqual(lines, [
    HANGUP,
    "[ERR] Failed to reload server configuration: config reload not supported for ServerName: old=, new=other",
    "[ERR] Failed to reload server configuration: config reload not supported for LameDuckDuration: old=2m0s, new=1m30s",
    "[ERR] Failed to reload server configuration: config reload not supported for LogSizeLimit: old=0, new=10",
  ]);
  assert.ok(!existsSync(pidFile));
  assert.equal((server as StubServer | null)?.options.debug, false);
});

test("SIGHUP with a log file that cannot be opened changes nothing", async () => {
  assert.deepEqual(await reloaded({}, () => ({ log: { ...LOG, file: "/bad" }, options: { debug: true } })), [
    HANGUP,
    "[ERR] Failed to reload server configuration: error opening file: open /bad: no such file or directory",
  ]);
});

test("SIGHUP with a file that is wrong names every error, with its place and what to do", async () => {
  const source = new Source("a.conf", "prot: 1\nmax_payload: x\n");
  const problem = { severity: "error", code: "UNKNOWN_FIELD" } as const;
  const lines = await reloaded({}, () => {
    throw new ConfigError([
      { ...problem, message: 'unknown field "prot"', span: { source, start: 0, end: 4 }, hint: 'did you mean "port"?' },
      { ...problem, severity: "notice", message: "not this one", span: null, hint: null },
      { ...problem, message: "no number", span: { source, start: 21, end: 22 }, hint: null },
    ]);
  });
  assert.deepEqual(lines, [
    HANGUP,
    '[ERR] Failed to reload server configuration: a.conf:1:1: unknown field "prot" (did you mean "port"?)',
    "[ERR] Failed to reload server configuration: a.conf:2:14: no number",
  ]);
});

test("SIGHUP that moves the ports file takes the old one away", async () => {
  const [first, second] = [mkdtempSync(join(folder, "ports-")), mkdtempSync(join(folder, "ports-"))];
  await reloaded({ portsFileDir: first }, () => ({ portsFileDir: second }));
  assert.deepEqual([readdirSync(first), readdirSync(second)], [[], ["nats-server_42.ports"]]);
  const run = await reloaded({ portsFileDir: second }, () => ({ portsFileDir: null }));
  assert.ok(run.includes("[INF] Reloaded: ports_file_dir = "));
  assert.deepEqual(readdirSync(second), []);
});

test("SIGHUP during the start waits for it, and during the stop does nothing", async () => {
  const gate = new Gate();
  const run = runOf({ config: { file: "a.conf", digest: "sha256:1" } }, (server) => {
    server.starting = gate.passed;
  });
  const ready = run.process.run();
  await settle();
  run.process.handleSignal("SIGHUP");
  await settle();
  assert.equal(run.lines().at(-1), HANGUP);
  gate.open();
  await ready;
  await settle();
  assert.ok(run.lines().includes("[INF] Reloaded server configuration (sha256:1)"));
  await run.process.stop();
  run.process.handleSignal("SIGHUP");
  await settle();
  assert.equal(run.lines().at(-1), HANGUP);
});

test("passwords that are hashed, and users with nkeys, are no reason to warn", async () => {
  const account = { account: "$G", connectionTypes: null, permissions: null };
  const users = [
    { ...account, user: "a", pass: "$2a$04$abc", nkey: null },
    { ...account, user: null, pass: "", nkey: "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" },
  ];
  const hashed = runOf({ options: { users } });
  await hashed.process.run();
  assert.ok(!hashed.lines().some((line) => line.includes("Plaintext")));
  const plain = runOf({ options: { users: [...users, { ...account, user: "b", pass: "b", nkey: null }] } });
  await plain.process.run();
  assert.ok(plain.lines().includes("[WRN] Plaintext passwords detected, use nkeys or bcrypt"));
});

for (const { signal, lines } of [
  {
    signal: "SIGHUP",
    lines: [
      '[INF] Trapped "hangup" signal',
      "[ERR] Failed to reload server configuration: can only reload config when a file is provided using -c or --config",
    ],
  },
  {
    signal: "SIGUSR1",
    lines: ['[INF] Trapped "user defined signal 1" signal', "[INF] File log re-open ignored, not a file logger"],
  },
  {
    signal: "SIGUSR2",
    lines: [
      '[INF] Trapped "user defined signal 2" signal',
      "[ERR] Lame duck mode is not supported yet; the server goes on as before",
    ],
  },
] satisfies Array<{ signal: HandledSignal; lines: string[] }>) {
  test(`${signal} leaves the server running`, async () => {
    const run = runOf({});
    await run.process.run();
    run.process.handleSignal(signal);
    await settle();
    assert.deepEqual(run.lines().slice(READY.length), lines);
    assert.deepEqual(run.exits, []);
  });
}

test("lame duck mode ignores SIGTERM and a second SIGUSR2, and ends by itself", async () => {
  const leaving = new Gate();
  let entered = 0;
  const run = runOf({}, (server) => {
    Object.assign(server, {
      lameDuck: () => {
        entered++;
        return leaving.passed;
      },
    });
  });
  await run.process.run();
  run.process.handleSignal("SIGUSR2");
  await settle();
  run.process.handleSignal("SIGTERM");
  run.process.handleSignal("SIGUSR2");
  await settle();
  assert.equal(entered, 1);
  assert.deepEqual(run.exits, []);
  leaving.open();
  await settle();
  assert.deepEqual(run.exits, [0]);
  assert.equal(run.lines().at(-1), "[INF] Server Exiting..");
});

test("SIGINT ends lame duck mode at once", async () => {
  const run = runOf({}, (server) => {
    Object.assign(server, { lameDuck: () => new Gate().passed });
  });
  await run.process.run();
  run.process.handleSignal("SIGUSR2");
  await settle();
  run.process.handleSignal("SIGINT");
  await settle();
  assert.deepEqual(run.exits, [0]);
});

test("lame duck mode that fails shuts down", async () => {
  const run = runOf({}, (server) => {
    Object.assign(server, { lameDuck: () => Promise.reject(new Error("no way")) });
  });
  await run.process.run();
  run.process.handleSignal("SIGUSR2");
  await settle();
  assert.ok(
    run.lines().some((line) => line.startsWith("[ERR] Lame duck mode failed, shutting down at once: Error: no way")),
  );
  assert.deepEqual(run.exits, [0]);
});

test("a second SIGINT soon after the first is the same one, a later one does not wait", async () => {
  const run = runOf({ portsFileDir: folder }, (server) => {
    server.closing = new Gate().passed;
  });
  await run.process.run();
  run.process.handleSignal("SIGINT");
  run.clock.advance(499);
  run.process.handleSignal("SIGINT");
  await settle();
  assert.deepEqual(run.exits, []);
  run.clock.advance(1);
  run.process.handleSignal("SIGTERM");
  assert.deepEqual(run.exits, []);
  run.process.handleSignal("SIGINT");
  assert.deepEqual(run.exits, [1]);
  assert.equal(existsSync(join(folder, "nats-server_42.ports")), false);
});

test("a signal while the server starts stops it when it has started", async () => {
  const started = new Gate();
  const run = runOf({ portsFileDir: folder }, (server) => {
    server.starting = started.passed;
  });
  const running = run.process.run();
  await settle();
  run.process.handleSignal("SIGTERM");
  await settle();
  assert.deepEqual(run.exits, []);
  started.open();
  await running;
  await settle();
  assert.deepEqual(run.exits, [0]);
  assert.ok(!run.lines().includes("[INF] Server is ready"));
});

test("a signal while the server starts and a start that fails", async () => {
  const started = new Gate();
  const run = runOf({}, (server) => {
    server.starting = started.passed;
  });
  const running = run.process.run();
  await settle();
  run.process.handleSignal("SIGINT");
  started.break(new Error("busy"));
  await running;
  await settle();
  assert.deepEqual(run.exits, [0]);
});

test("fail() logs the stack and exits with 1", async () => {
  const run = runOf({ portsFileDir: folder });
  await run.process.run();
  run.process.fail(new Error("unforeseen"));
  const said = run.lines().slice(READY.length);
  assert.equal(said[0], "[FTL] Unexpected error, the server cannot go on: Error: unforeseen");
  assert.match(said[1] as string, /^ {4}at /);
  assert.deepEqual(run.exits, [1]);
  assert.equal(existsSync(join(folder, "nats-server_42.ports")), false);
});

test("a server that cannot close ends with 1", async () => {
  const run = runOf({}, (server) => {
    server.closing = Promise.reject(new Error("stuck"));
  });
  await run.process.run();
  await run.process.stop();
  assert.deepEqual(run.exits, [1]);
});

test("the banner shows where clients connect", async () => {
  const run = runOf({});
  await run.process.run();
  assert.equal(run.banners.length, 1);
  assert.ok(run.banners[0]?.includes("Clients      nats://stub:4555\n"));
  assert.ok(run.banners[0]?.includes("npx myelin sub --server nats://stub:4555 '>'"));
  assert.ok(run.banners[0]?.includes(`Myelin ${MYELIN_VERSION}`));
});
