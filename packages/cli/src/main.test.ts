// What the program does before any command talks to a server: help, versions, mistakes; and `myelin server`.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startServer } from "@myelin/testing";
import { CliProcess, myelin } from "./testing/cli-process.ts";
import { CliRun } from "./testing/cli-run.ts";
import { VERSION } from "./version.ts";

test("myelin --version and VERSION are the package's", async () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  assert.equal(VERSION, manifest.version);
  assert.deepEqual(await myelin(["--version"]), { stdout: `${VERSION}\n`, stderr: "", code: 0 });
});

test("myelin --help names every command, and shows no value of the environment", async () => {
  const { stdout, stderr, code } = await myelin(["--help"], { NATS_PASSWORD: "s3cret", NATS_URL: "nats://u:s3cret@h" });
  assert.deepEqual([stderr, code], ["", 0]);
  for (const name of ["publish|pub", "subscribe|sub", "request|req", "reply", "rtt", "bench", "cheat", "server"])
    assert.match(stdout, new RegExp(`^  ${name.replace("|", "\\|")} +\\w`, "m"));
  assert.doesNotMatch(stdout, /s3cret/);
});

test("help of a command is the same by every way", async () => {
  const ways = await Promise.all(
    [
      ["pub", "--help"],
      ["publish", "-h"],
      ["help", "pub"],
      ["-s", "x", "pub", "-h"],
    ].map((args) => myelin(args)),
  );
  for (const way of ways) assert.deepEqual(way, ways[0]);
  assert.match(ways[0]?.stdout ?? "", /--header <name:value>/);
});

/** Lines that end at once with 1, and what stderr says. */
const MISTAKES: ReadonlyArray<{ args: string[]; stderr: RegExp }> = [
  { args: ["pbu"], stderr: /^myelin: error: unknown command 'pbu' \(Did you mean pub\?\)/ },
  { args: ["pub"], stderr: /^myelin: error: missing required argument 'subject'/ },
  { args: ["sub"], stderr: /^myelin: error: no subject is given/ },
  { args: ["pub", "a", "b", "--cuont", "3"], stderr: /unknown option '--cuont' \(Did you mean --count\?\)/ },
  { args: ["pub", "a", "--count", "x"], stderr: /option '--count <n>' argument 'x' is invalid\. invalid number "x"/ },
  { args: ["pub", "a", "--sleep", "10"], stderr: /invalid duration "10": write a number and a unit/ },
  {
    args: ["pub", "a", "b", "-J"],
    stderr: /^myelin: error: publish --jetstream is not supported yet: it needs JetStream\n$/,
  },
  { args: ["sub", "a", "--stream", "X"], stderr: /subscribe --stream is not supported yet/ },
  { args: ["pub", "a", "b", "--socks-proxy", "p"], stderr: /--socks-proxy is not supported yet: connect directly/ },
  { args: ["pub", "a", "b", "--password", "x"], stderr: /--password needs --user/ },
  { args: ["pub", "a", "b", "--tlscert", "x"], stderr: /--tlscert and --tlskey belong together/ },
  { args: ["pub", "a", "b", "--context", "x"], stderr: /Cannot use the context 'x': there is no file/ },
  { args: ["pub", "a", "b", "-H", "x"], stderr: /invalid header "x": write it as Name:value/ },
  { args: ["reply", "a", "--command", "'x"], stderr: /cannot read the command "'x": a ' is not closed/ },
  { args: ["cheat", "x"], stderr: /there are no examples of "x"; there are of / },
];

for (const { args, stderr } of MISTAKES) {
  test(`myelin ${args.join(" ")} says what is wrong`, async () => {
    const ended = await CliRun.myelin(args, { NATS_URL: "nats://127.0.0.1:1" }).ended();
    assert.match(ended.stderr, stderr);
    assert.match(ended.stderr, /^myelin: error: [^\n]+\n$/);
    assert.deepEqual([ended.stdout, ended.code], ["", 1]);
  });
}

test("no server, wrong credentials: the secret is not shown", async () => {
  const server = await startServer({ run: "in-process", user: "bob", pass: "right" });
  const port = new URL(server.url).port;
  try {
    const right = await myelin(["pub", "a", "b"], { NATS_URL: server.url, NATS_USER: "bob", NATS_PASSWORD: "right" });
    assert.equal(right.code, 0, right.stderr);
    const wrong = await myelin(["pub", "a", "b", "-s", `nats://bob:s3cret@127.0.0.1:${port}`, "--trace"]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /cannot connect to nats:\/\/\*\*\*@127\.0\.0\.1:\d+: .*uthorization/);
    assert.doesNotMatch(wrong.stderr, /s3cret/);
  } finally {
    await server.close();
  }
  const gone = await myelin(["pub", "a", "b", "-s", `nats://bob:s3cret@127.0.0.1:${port}`]);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /connection refused.*`myelin server` starts one/);
  assert.doesNotMatch(gone.stderr, /s3cret/);
});

test("the connection comes from the selected context, variables go before it, and flags before those", async () => {
  const server = await startServer({ run: "in-process", user: "bob", pass: "right" });
  const folder = mkdtempSync(join(tmpdir(), "myelin-context-"));
  try {
    mkdirSync(join(folder, "nats", "context"), { recursive: true });
    writeFileSync(join(folder, "nats", "context.txt"), "work\n");
    const context = { url: server.url, user: "bob", password: "right" };
    writeFileSync(join(folder, "nats", "context", "work.json"), JSON.stringify(context));
    const env = { XDG_CONFIG_HOME: folder };
    const codeOf = async (args: string[], more = {}): Promise<number | null> =>
      (await myelin(["rtt", "1", ...args], { ...env, ...more })).code;
    const codes = await Promise.all([
      codeOf([]),
      codeOf(["--context", "work"]),
      codeOf([], { NATS_TOKEN: "wrong" }),
      codeOf(["--user", "bob", "--password", "right"], { NATS_TOKEN: "wrong" }),
      codeOf(["--no-context", "-s", server.url]),
    ]);
    assert.deepEqual(codes, [0, 0, 1, 0, 1]);
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
});

test("a user without a password is a token", async () => {
  const server = await startServer({ run: "in-process", token: "t0ken" });
  try {
    const { code, stderr } = await myelin(["pub", "a", "b", "--user", "t0ken"], { NATS_URL: server.url });
    assert.equal(code, 0, stderr);
  } finally {
    await server.close();
  }
});

test("myelin server runs a server with nats-server's flags", async () => {
  const server = await CliProcess.myelin(["server", "-a", "127.0.0.1", "-p", "-1"]).said("Server is ready");
  const port = /127\.0\.0\.1:(\d+)/.exec(server.stderr)?.[1];
  const { code } = await myelin(["pub", "a", "b"], { NATS_URL: `127.0.0.1:${port}` });
  const ended = await server.signal("SIGTERM").ended();
  assert.deepEqual([code, ended.code], [0, 0], ended.stderr);
  const refused = await myelin(["server", "--bogus"]);
  assert.deepEqual([refused.code, refused.stderr], [0, "flag provided but not defined: -bogus\n"]);
});

test("sub and reply outlive their server, and still end with 0 after Ctrl-C", async () => {
  const server = await startServer({ run: "in-process" });
  const env = { NATS_URL: server.url };
  const running = [CliProcess.myelin(["sub", "a"], env), CliProcess.myelin(["reply", "b", "x"], env)];
  await running[0]?.said("Subscribing on a");
  await running[1]?.said("Listening on");
  await server.close();
  for (const one of running) await one.said("will attempt reconnect");
  const ended = await Promise.all(running.map((one) => one.signal("SIGINT").ended()));
  assert.deepEqual(
    ended.map(({ code }) => code),
    [0, 0],
  );
});

test("myelin cheat shows what examples there are, and the examples", async () => {
  assert.match((await myelin(["cheat"])).stdout, /\nbench\npub\nreply\nreq\nserver\nstore\nsub\n$/);
  assert.match((await myelin(["cheat", "subscribe"])).stdout, /myelin sub /);
});
