// What configurations come to, setting by setting; and that the reference means the same by them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { completeOptions, DEFAULT_OPTIONS } from "../options.ts";
import { type Configuration, loadConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";
import type { ProcessSettings } from "./settings.ts";
import { locationOf } from "./source.ts";

const NOWHERE = {
  readFile: (path: string): string => {
    throw new Error(`open ${path}: no such file or directory`);
  },
  environment: (): undefined => undefined,
};

function load(text: string): Configuration {
  return loadConfig({ text }, NOWHERE);
}

/** What the reference has for `ocsp_cache: true`. */
const LOCAL_CACHE = { type: "local", localStore: "_rc_", preserveRevoked: false, saveIntervalMs: 300_000 } as const;

const OPTIONS: ReadonlyArray<readonly [text: string, options: Configuration["options"]]> = [
  ["listen: 4333", { port: 4333 }],
  ['listen: "a.b:4333"', { host: "a.b", port: 4333 }],
  ['listen: "[::1]:-1"', { host: "::1", port: -1 }],
  ['listen: ":0"', {}],
  ["host: a\nlisten: 4333", { host: "a", port: 4333 }],
  ["listen: a:1\nport: 2", { host: "a", port: 2 }],
  ["net: b\nhost: c", { host: "c" }],
  ["port: -1", { port: -1 }],
  ["server_name: n, client_advertise: h:1", { serverName: "n", clientAdvertise: "h:1" }],
  ["no_header_support: yes", { noHeaderSupport: true }],
  ["max_conn: 0", { maxConnections: -1 }],
  ["max_connections: -5", { maxConnections: -1 }],
  ["max_payload: 2MB", { maxPayloadBytes: 2 * 1024 * 1024 }],
  ["max_pending: 2m, max_control_line: 1k", { maxPendingBytes: 2_000_000, maxControlLineBytes: 1000 }],
  ["max_subs: -1, max_sub_tokens: 5", { maxSubscriptions: 0, maxSubscriptionTokens: 5 }],
  ['ping_interval: "1m30s", ping_max: 5', { pingIntervalMs: 90_000, pingMax: 5 }],
  ['write_deadline: "1us"', { writeDeadlineMs: 1 }],
  ["write_deadline: 3", { writeDeadlineMs: 3000 }],
  ["no_fast_producer_stall: on", { noFastProducerStall: true }],
  ["debug: true, trace: false", { debug: true, trace: false }],
  ["trace_verbose: true", { trace: true }],
  ["authorization { user: a, password: b }", { user: "a", pass: "b" }],
  ["authorization { username: a }", { user: "a" }],
  ["authorization { token: t, timeout: 0.5 }", { token: "t", authTimeoutMs: 500 }],
  ['authorization { timeout: "3s" }', { authTimeoutMs: 3000 }],
  ["authorization { user: '', token: '' }", {}],
  ["port: 0, max_payload: 0, ping_max: 0, host: '', ping_interval: '0s'", {}],
  ["disable_sublist_cache: true", {}],
  ['lame_duck_duration: "30s"', { lameDuckDurationMs: 30_000 }],
  ["lame_duck_grace_period: 1m30s", { lameDuckGraceMs: 90_000 }],
  ["lame_duck_grace_period: '0s'", {}],
  ["store_dir: data/x", { storeDir: "data/x" }],
  ["storedir: ''", {}],
  ["ocsp_cache: true", { ocspCache: LOCAL_CACHE }],
  ["ocsp_cache: false", { ocspCache: { ...LOCAL_CACHE, type: "none" } }],
  ["ocsp_cache {}", { ocspCache: LOCAL_CACHE }],
  ["ocsp_cache { type: NONE, local_store: x }", { ocspCache: { ...LOCAL_CACHE, type: "none", localStore: "x" } }],
  ["ocsp_cache { preserve_revoked: true }", { ocspCache: { ...LOCAL_CACHE, preserveRevoked: true } }],
  ["ocsp_cache { save_interval: 90 }", { ocspCache: { ...LOCAL_CACHE, saveIntervalMs: 90_000 } }],
  ["ocsp_cache { save_interval: '1h1s' }", { ocspCache: { ...LOCAL_CACHE, saveIntervalMs: 3_601_000 } }],
  // Whole seconds, one at least, as in the reference.
  ["ocsp_cache { save_interval: '2999ms' }", { ocspCache: { ...LOCAL_CACHE, saveIntervalMs: 2_000 } }],
  ["ocsp_cache { save_interval: 0.5 }", { ocspCache: { ...LOCAL_CACHE, saveIntervalMs: 1_000 } }],
  ["ocsp_cache { save_interval: -60 }", { ocspCache: { ...LOCAL_CACHE, saveIntervalMs: 1_000 } }],
];

for (const [text, options] of OPTIONS) {
  test(`loadConfig() sets the options of ${JSON.stringify(text)}`, () => {
    const loaded = load(text);
    assert.deepEqual(loaded.options, options);
    completeOptions(loaded.options);
    assert.deepEqual([...loaded.origins.keys()].toSorted(), Object.keys(options).toSorted());
  });
}

test("loadConfig() sets what belongs to the process", () => {
  const settings: ProcessSettings = {
    logFile: "a.log",
    logSizeLimitBytes: 1024,
    logTime: false,
    logTimeUtc: true,
    pidFile: "a.pid",
    portsFileDir: "d",
  };
  const text = "logfile: a.log, log_size_limit: 1kb, logtime: no, logtime_utc: yes, pid_file: a.pid, ports_file_dir: d";
  assert.deepEqual(load(text).process, settings);
  assert.deepEqual(load("logfile: '', pidfile: '', ports_file_dir: ''").process, {});
});

test("loadConfig() knows where each setting is from", () => {
  const { origins } = load("x: 5\nport: $x\nauthorization {\n  user: a\n}");
  assert.equal(locationOf(origins.get("port") as never), "configuration text:2:7");
  assert.equal(locationOf(origins.get("user") as never), "configuration text:4:9");
});

test("loadConfig() warns of an empty configuration, and takes it", () => {
  const { problems } = load("# nothing");
  assert.deepEqual(
    problems.map(({ severity, message }) => [severity, message]),
    [["warning", "configuration text: config has no values or is empty"]],
  );
});

test("loadConfig() tells why a file cannot be read", () => {
  assert.throws(() => loadConfig({ file: "x/y" }, NOWHERE), {
    name: "ConfigError",
    code: "INVALID_CONFIG",
    message: "open x/y: no such file or directory",
  });
});

test("loadConfig() tells everything at once, in the order of the file, and shows no secret", () => {
  const text = "prot: 1\nauthorization { user: a, password: 424242, tokn: hush }\nhost: 5\nport: $x";
  assert.throws(
    () => load(text),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(
        error.problems.map(({ code }) => code),
        ["UNKNOWN_FIELD", "BAD_VALUE", "UNKNOWN_FIELD", "BAD_VALUE", "VARIABLE"],
      );
      assert.equal(error.message.split("\n")[1], "  1 | prot: 1");
      assert.equal(error.message.split("\n")[2], '    | ^^^^ did you mean "port"?');
      assert.ok(!/hush|424242/.test(error.message), error.message);
      return true;
    },
  );
});

test("loadConfig() quotes only a piece of a long line", () => {
  const text = `{ ${"port: 1, ".repeat(1000)} prot: 1, ${"port: 1, ".repeat(1000)} }`;
  assert.throws(
    () => load(text),
    (error: unknown) => {
      const lines = (error as ConfigError).message.split("\n");
      const at = lines.findIndex((line) => line.includes('unknown field "prot"'));
      const [quoted = "", marked = ""] = lines.slice(at + 1);
      assert.ok(quoted.length < 130);
      assert.equal(quoted.slice(marked.indexOf("^"), marked.lastIndexOf("^") + 1), "prot");
      return true;
    },
  );
});

function readTestdata(name: string): string {
  return readFileSync(new URL(`../../src/config/testdata/${name}`, import.meta.url), "utf8");
}

const NKEY = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

test("loadConfig() reads users and accounts", () => {
  const { options } = load(`
    users_of_a: [ { username: a, pass: b, connection_types: [ standard, In_Process ] } ]
    accounts: {
      A: { users: $users_of_a }
      B: { users: [ { user: c, password: "$2a$04$x" } ], jetstream: disabled }
    }
    authorization { users: [ { nkey: ${NKEY}, permissions: {} }, { user: open } ] }
    no_auth_user: c
    system: B`);
  const plain = {
    user: null,
    pass: "",
    nkey: null,
    account: "$G",
    connectionTypes: null,
    permissions: null,
    proxyRequired: false,
  };
  assert.deepEqual(options, {
    users: [
      { ...plain, user: "a", pass: "b", account: "A", connectionTypes: ["STANDARD", "IN_PROCESS"] },
      { ...plain, user: "c", pass: "$2a$04$x", account: "B" },
      { ...plain, nkey: NKEY, permissions: { publish: null, subscribe: null, responses: null } },
      { ...plain, user: "open" },
    ],
    accounts: ["A", "B"],
    noAuthUser: "c",
    systemAccount: "B",
  });
  completeOptions(options);
  assert.deepEqual(load("accounts: [ A, B ]").options, { accounts: ["A", "B"] });
});

test("loadConfig() reads permissions, and gives users without their own the default ones", () => {
  const { options } = loadConfig({ text: readTestdata("good-permissions.conf") });
  const of = (name: string) => options.users?.find(({ user }) => user === name)?.permissions;
  const news = {
    publish: { allow: null, deny: ["news.>"] },
    subscribe: { allow: ["news.>"], deny: [] },
    responses: null,
  };
  assert.deepEqual(of("alice"), {
    publish: { allow: ["a.>"], deny: [] },
    subscribe: { allow: ["_INBOX.>"], deny: ["x"] },
    responses: null,
  });
  assert.deepEqual(of("bob"), {
    publish: { allow: ["b.*", "b.*.c"], deny: [] },
    subscribe: { allow: ["b.> workers", "c v1.*", "d"], deny: [] },
    responses: null,
  });
  assert.deepEqual(of("carol"), { publish: null, subscribe: null, responses: { max: 1, expiresMs: 120_000 } });
  assert.deepEqual(of("dave"), {
    publish: { allow: ["d"], deny: [] },
    subscribe: null,
    responses: { max: 5, expiresMs: 60_000 },
  });
  assert.deepEqual(of("erin"), { publish: null, subscribe: null, responses: { max: -1, expiresMs: -1 } });
  assert.deepEqual(of("frank"), { publish: null, subscribe: null, responses: null });
  assert.deepEqual(of("grace"), news);
  assert.deepEqual(of("heidi"), { publish: { allow: ["a.>"], deny: [] }, subscribe: null, responses: null });
  assert.deepEqual(of("ivan"), { publish: null, subscribe: { allow: null, deny: [">"] }, responses: null });
});

test("loadConfig() reads ten thousand users in under a second", () => {
  const users = Array.from({ length: 10_000 }, (_, at) => `{ user: user${at}, password: "secret ${at}" }`);
  const text = `accounts { A { users: [\n${users.slice(5000).join("\n")}\n] } }\nauthorization { users: [${users.slice(0, 5000).join(", ")}] }`;
  // Time of the processor, not of the wall: other tests run beside this one.
  const before = process.cpuUsage();
  assert.equal(load(text).options.users?.length, 10_000);
  const { system, user } = process.cpuUsage(before);
  assert.ok(user + system < 1_000_000, `${user + system} microseconds`);
});

const EVERYTHING = `
server_name: everything
max_connections: 77
max_subscriptions: 88
max_payload: 64KB
max_pending: 8MB
max_control_line: 2k
ping_interval: "1m30s"
ping_max: 5
write_deadline: "2500ms"
authorization { user: a, password: b, timeout: 2.5 }
`;

const REFERENCE = process.env["REFERENCE_SERVER"];
test("the reference runs with the same settings", {
  skip: REFERENCE === undefined ? "REFERENCE_SERVER is not set" : false,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "myelin-config-"));
  const file = join(folder, "everything.conf");
  writeFileSync(file, EVERYTHING);
  const args = ["-a", "127.0.0.1", "-p", "-1", "-m", "-1", "-c", file];
  const child = spawn(REFERENCE as string, args, { stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(child, "close");
  try {
    let log = "";
    const ready = new Promise<void>((resolve) => {
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (log.includes("Server is ready")) resolve();
      });
    });
    await Promise.race([ready, closed]);
    const port = /Starting http monitor on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
    const varz = (await (await fetch(`http://127.0.0.1:${port}/varz`)).json()) as Record<string, unknown>;
    const options = completeOptions(load(EVERYTHING).options);
    const ours = {
      server_name: options.serverName,
      max_connections: options.maxConnections,
      max_subscriptions: options.maxSubscriptions,
      max_payload: options.maxPayloadBytes,
      max_pending: options.maxPendingBytes,
      max_control_line: options.maxControlLineBytes,
      ping_interval: options.pingIntervalMs * 1e6,
      ping_max: options.pingMax,
      write_deadline: options.writeDeadlineMs * 1e6,
      auth_timeout: options.authTimeoutMs / 1e3,
    };
    const theirs = Object.fromEntries(Object.keys(ours).map((key) => [key, varz[key]]));
    assert.deepEqual(ours, theirs);
    for (const [name, value] of Object.entries(load(EVERYTHING).options)) {
      assert.notEqual(
        value,
        DEFAULT_OPTIONS[name as keyof typeof DEFAULT_OPTIONS],
        `${name} is not told apart from its default`,
      );
    }
  } finally {
    child.kill("SIGKILL");
    await closed;
    rmSync(folder, { recursive: true });
  }
});
