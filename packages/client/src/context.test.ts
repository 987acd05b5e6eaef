import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { environmentSettings, parseDuration } from "./context/environment.ts";
import { FakeServer, greet } from "./fixtures/fake-server.ts";
import { ambientOptions, connect } from "./node.ts";

async function folderWith(contexts: Record<string, unknown>, selected?: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "client-context-"));
  await mkdir(join(folder, "nats", "context"), { recursive: true });
  for (const [name, fields] of Object.entries(contexts)) {
    const text = typeof fields === "string" ? fields : JSON.stringify(fields);
    await writeFile(join(folder, "nats", "context", `${name}.json`), text);
  }
  if (selected !== undefined) await writeFile(join(folder, "nats", "context.txt"), `${selected}\n`);
  return folder;
}

test("environmentSettings() reads the tools' variables, parseDuration() Go's durations", () => {
  const settings = environmentSettings({ NATS_URL: "a,b", NATS_USER: "u", NATS_PASSWORD: "", NATS_TIMEOUT: "1m0.5s" });
  assert.deepEqual(settings, { url: "a,b", user: "u", timeoutMs: 60_500 });
  assert.equal(parseDuration("250ms"), 250);
  for (const bad of ["", "5", "s", "5s x", "-5s"]) assert.throws(() => parseDuration(bad), /is no duration/);
  assert.throws(() => environmentSettings({ NATS_SOCKS_PROXY: "x" }), /not supported/);
});

test("ambientOptions() takes the selected context, and the environment over it", async () => {
  const folder = await folderWith(
    {
      one: { url: "nats://one:1", user: "u", password: "env://PW", jetstream_domain: "hub", tls_first: false, nsc: "" },
      two: { url: "nats://two:2" },
    },
    "one",
  );
  const env = { XDG_CONFIG_HOME: folder, PW: "secret" };
  const found = await ambientOptions({ context: true, env });
  assert.equal(found.context, "one");
  assert.equal(found.options.servers, "nats://one:1");
  assert.deepEqual(found.jetstream, { domain: "hub" });
  const authenticator = found.options.authenticator as () => Promise<unknown>;
  assert.deepEqual(await authenticator(), { user: "u", pass: "secret" });
  const over = await ambientOptions({ context: true, env: { ...env, NATS_CONTEXT: "two", NATS_TOKEN: "t" } });
  assert.equal(over.options.servers, "nats://two:2");
  assert.deepEqual(await (over.options.authenticator as () => Promise<unknown>)(), { auth_token: "t" });
  assert.deepEqual((await ambientOptions({ env: { ...env, NATS_URL: "x" } })).options, { servers: "x" });
  await rm(folder, { recursive: true });
});

test("a context that cannot be used is refused by name, without its values", async () => {
  const folder = await folderWith({
    broken: '{ "password": "hush" ',
    nsc: { nsc: "nsc://op/acc/user", password: "hush" },
    number: { url: 5 },
    unset: { password: "env://NOT_SET" },
  });
  const env = { XDG_CONFIG_HOME: folder };
  for (const name of ["broken", "nsc", "number", "unset", "missing", "../x", "a/b"]) {
    await assert.rejects(ambientOptions({ context: name, env }), (error: Error & { code: string }) => {
      assert.equal(error.code, "ERR_NATS_BAD_CONTEXT");
      assert.ok(error.message.includes(name) && !error.message.includes("hush"));
      return true;
    });
  }
  assert.equal((await ambientOptions({ context: true, env })).context, null, "none is selected");
  await rm(folder, { recursive: true });
});

test("what ambientOptions() gives connects", async () => {
  let sent = "";
  await using server = await FakeServer.start(async (socket, line) => {
    sent = await greet(socket, line);
  });
  const env = { NATS_URL: `nats://127.0.0.1:${server.port}`, NATS_USER: "token-only" };
  const nc = await connect({ ...(await ambientOptions({ env })).options, name: "mine" });
  assert.match(sent, /"auth_token":"token-only"/);
  await nc.close();
});
