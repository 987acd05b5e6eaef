// Who gets in, and where to, with lists of users. The same clients knock at the reference where it is there (REFERENCE_SERVER).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { NodeClock } from "@myelin/platform/node";
import { TestClock } from "@myelin/platform/sim";
import { RawClient, waitFor } from "@myelin/testing";
import { connect, nkeyAuthenticator, nkeys } from "@nats-io/transport-node";
import { createServer } from "../embed/embedded-server.ts";

const KEY = nkeys.createUser();
const STRANGER = nkeys.createUser();
const HASH = "$2a$04$f9.SULZAKZaUbonuSr3Fb.hrHgvnIFANWFCjkBuxDtYC32LV8G4ji";

/** A client's CONNECT, made when the nonce is known. */
type Knock = (nonce: string) => Record<string, unknown>;

function signed(pair: typeof KEY, over?: string): Knock {
  return (nonce) => {
    const sig = Buffer.from(pair.sign(new TextEncoder().encode(over ?? nonce))).toString("base64url");
    return { nkey: pair.getPublicKey(), sig };
  };
}

const KNOCKS: Readonly<Record<string, Knock>> = {
  nobody: () => ({}),
  alice: () => ({ user: "alice", pass: "a" }),
  "alice, wrong password": () => ({ user: "alice", pass: "b" }),
  "alice, no password": () => ({ user: "alice" }),
  "alice in capitals": () => ({ user: "ALICE", pass: "a" }),
  bob: () => ({ user: "bob", pass: "hashed" }),
  "bob, wrong password": () => ({ user: "bob", pass: "hashe" }),
  "bob, his hash": () => ({ user: "bob", pass: HASH }),
  open: () => ({ user: "open" }),
  "open, some password": () => ({ user: "open", pass: "x" }),
  stranger: () => ({ user: "stranger", pass: "a" }),
  "a password alone": () => ({ pass: "a" }),
  "a token": () => ({ auth_token: "t" }),
  "a wrong token": () => ({ auth_token: "u" }),
  "a hashed token": () => ({ auth_token: "hashed" }),
  key: signed(KEY),
  "key without a signature": () => ({ nkey: KEY.getPublicKey() }),
  "key, another nonce": signed(KEY, "AAAAAAAAAAAAAAA"),
  "key, broken signature": () => ({ nkey: KEY.getPublicKey(), sig: "x" }),
  "a stranger's key": signed(STRANGER),
  "key and alice": (nonce) => ({ ...signed(KEY)(nonce), user: "alice", pass: "a" }),
  "broken key and alice": () => ({ nkey: KEY.getPublicKey(), user: "alice", pass: "a" }),
  "an account in CONNECT": () => ({ user: "alice", pass: "a", account: "A" }),
};

const NAMED = `{ user: alice, password: a }, { user: bob, password: "${HASH}" }, { user: open }`;
const KEYED = `{ nkey: ${KEY.getPublicKey()} }`;

const CONFIGS: Readonly<Record<string, string>> = {
  "no users": "authorization { timeout: 1 }",
  "an empty list": "authorization { users: [] }",
  named: `authorization { users: [ ${NAMED} ] }`,
  keyed: `authorization { users: [ ${KEYED} ] }`,
  both: `authorization { users: [ ${NAMED}, ${KEYED} ] }`,
  accounts: `accounts { A { users: [ ${NAMED} ] }, B { users: [ ${KEYED} ] } }`,
  "accounts without users": "accounts { A {}, B {} }",
  "no_auth_user alice": `accounts { A { users: [ ${NAMED} ] } }, authorization { users: [ ${KEYED} ] }, no_auth_user: alice`,
  "no_auth_user key": `accounts { A { users: [ ${NAMED} ] }, B { users: [ ${KEYED} ] } }, no_auth_user: ${KEY.getPublicKey()}`,
  "system account": `accounts { S { users: [ ${NAMED} ] } }, system_account: S`,
  "system account by its own name": `accounts { "$SYS" { users: [ ${NAMED}, ${KEYED} ] } }`,
  "system account and an empty authorization": `accounts { S { users: [ ${NAMED} ] } }, system_account: S, authorization {}`,
  "system account and another": `accounts { S { users: [ ${NAMED} ] }, A {} }, system_account: S`,
  "no_auth_user without nkeys": `authorization { users: [ ${NAMED} ] }, no_auth_user: open`,
  "standard only": `authorization { users: [ { user: alice, password: a, connection_types: standard } ] }`,
  "websocket only": `authorization { users: [ { user: alice, password: a, connection_types: [ WEBSOCKET ] } ] }`,
  "one hashed": `authorization { user: bob, password: "${HASH}" }`,
  "hashed token": `authorization { token: "${HASH}" }`,
  "plain token": "authorization { token: t }",
};

/** What a client sees: what INFO asks of it, whether it gets in, and into which account. */
async function probe(url: string, knock: Knock): Promise<string> {
  const client = await RawClient.connect(url);
  const [line] = await client.expect(/INFO .*\r\n/);
  const info = JSON.parse(line.slice(5)) as { nonce?: string; auth_required?: boolean };
  const options = { verbose: false, pedantic: false, protocol: 1, ...knock(info.nonce ?? "") };
  client.send(`CONNECT ${JSON.stringify(options)}\r\nPING\r\n`);
  await waitFor(() => client.isEnded || /PONG\r\nINFO .*\r\n/.test(client.text));
  const account = /PONG\r\nINFO .*"remote_account":"([^"]*)"/.exec(client.text)?.[1];
  const isSystem = client.text.includes('"acc_is_sys":true');
  const answer = account === undefined ? client.text.trim() : `in ${account}${isSystem ? ", the system account" : ""}`;
  client.close();
  return `${info.auth_required ? "asked, " : ""}${info.nonce?.length === 15 ? "nonce, " : ""}${answer}`;
}

async function probeAll(url: string): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  for (const [name, knock] of Object.entries(KNOCKS)) answers[name] = await probe(url, knock);
  return answers;
}

async function withReference(config: string, use: (url: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "myelin-users-"));
  const file = join(folder, "x.conf");
  writeFileSync(file, config);
  const args = ["-a", "127.0.0.1", "-p", "-1", "-c", file];
  const child = spawn(REFERENCE as string, args, { stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(child, "close");
  try {
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    await waitFor(() => log.includes("Server is ready"));
    await use(`nats://127.0.0.1:${/connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]}`);
  } finally {
    child.kill("SIGKILL");
    await closed;
    rmSync(folder, { recursive: true });
  }
}

const REFERENCE = process.env["REFERENCE_SERVER"];
for (const [name, config] of Object.entries(CONFIGS)) {
  test(`the reference lets in the same clients with ${name}`, {
    skip: REFERENCE === undefined ? "REFERENCE_SERVER is not set" : false,
  }, async () => {
    const server = await createServer({ configText: config });
    const ours = await probeAll(server.url);
    await server.close();
    await withReference(config, async (url) => assert.deepEqual(ours, await probeAll(url)));
  });
}

test("users get in with what is theirs, each into his account", async () => {
  const server = await createServer({ configText: CONFIGS["accounts"] as string });
  const answers = await probeAll(server.url);
  const getIn = Object.entries(answers).filter(([, answer]) => answer.includes("in "));
  assert.deepEqual(Object.fromEntries(getIn), {
    alice: "asked, nonce, in A",
    bob: "asked, nonce, in A",
    open: "asked, nonce, in A",
    key: "asked, nonce, in B",
    "key and alice": "asked, nonce, in B",
  });
  for (const [name, answer] of Object.entries(answers)) {
    if (!(name in Object.fromEntries(getIn)))
      assert.equal(answer, "asked, nonce, -ERR 'Authorization Violation'", name);
  }
  await server.close();
});

test("nothing crosses from one account to another", async () => {
  const server = await createServer({
    configText: `accounts { A { users: [ { user: a, password: a } ] }, B { users: [ { user: b, password: b } ] } }
      authorization { users: [ { user: g, password: g } ] }`,
  });
  const clients = await Promise.all(
    ["a", "b", "g"].map(async (name) => {
      const client = await RawClient.connect(server.url);
      await client.handshake({ user: name, pass: name });
      client.send("SUB > 1\r\nSUB x q 2\r\nPING\r\n");
      await client.expect(/PONG\r\n/);
      return { name, client };
    }),
  );
  for (const { name, client } of clients) {
    client.send(`PUB x _INBOX.r 1\r\n${name}\r\nPING\r\n`);
    await client.expect(
      new RegExp(
        `MSG x (?:1|2) _INBOX\\.r 1\r\n${name}\r\nMSG x (?:1|2) _INBOX\\.r 1\r\n${name}\r\n(?:.*\r\n)*?PONG\r\n`,
      ),
    );
  }
  for (const { client } of clients) {
    client.send("PING\r\n");
    await client.expect(/^PONG\r\n$/);
  }
  await server.close();
});

test("no_auth_user counts before CONNECT too, and a later CONNECT replaces it", async () => {
  const server = await createServer({ configText: CONFIGS["no_auth_user alice"] as string });
  const silent = await RawClient.connect(server.url);
  silent.send("SUB x 1\r\nPING\r\n");
  await silent.expect(/PONG\r\n/);
  assert.deepEqual(
    server.connections.map(({ account }) => account),
    ["A"],
  );
  const keyed = await RawClient.connect(server.url);
  const [line] = await keyed.expect(/INFO .*\r\n/);
  const { nonce } = JSON.parse(line.slice(5)) as { nonce: string };
  await keyed.handshake(signed(KEY)(nonce));
  assert.deepEqual(
    server.connections.map(({ account }) => account),
    ["A", "$G"],
  );
  keyed.send("PUB x 0\r\n\r\nPING\r\n");
  await keyed.expect(/PONG\r\n/);
  assert.ok(!silent.text.includes("MSG"));
  await server.close();
});

test("a client that was taken for somebody takes no subscription along into its own account", async () => {
  const server = await createServer({
    configText: `accounts { A { users: [ { user: alice, password: a } ] }, B { users: [ { user: bob, password: b } ] } }
      no_auth_user: alice`,
  });
  const client = await RawClient.connect(server.url);
  client.send("SUB x 1\r\nPING\r\n");
  await client.expect(/PONG\r\n/);
  await client.handshake({ user: "bob", pass: "b" });
  assert.equal(server.subscriptionCount, 0);
  client.send("UNSUB 1\r\nSUB x 2\r\nPING\r\n");
  await client.expect(/PONG\r\n/);
  for (const [user, pass] of [
    ["alice", "a"],
    ["bob", "b"],
  ]) {
    const publisher = await RawClient.connect(server.url);
    await publisher.handshake({ user, pass });
    publisher.send(`PUB x 1\r\n${pass}\r\nPING\r\n`);
    await publisher.expect(/PONG\r\n/);
  }
  client.send("PING\r\n");
  const [text] = await client.expect(/[^]*PONG\r\n$/);
  assert.deepEqual(text.match(/MSG.*/g), ["MSG x 2 1"]);
  await server.close();
});

test("a client that may stay anonymous has to say something within the time for authentication", async () => {
  const clock = new TestClock(new NodeClock());
  clock.stop();
  const server = await createServer({ configText: CONFIGS["no_auth_user alice"] as string, clock });
  const silent = new RawClient(server.connectInProcess());
  const speaking = new RawClient(server.connectInProcess());
  speaking.send("PING\r\n");
  await speaking.expect(/PONG\r\n/);
  await clock.advance(2000);
  await silent.expect(/-ERR 'Authentication Timeout'\r\n/);
  await silent.ended();
  speaking.send("PING\r\n");
  await speaking.expect(/PONG\r\n/);
  assert.equal(server.connectionCount, 1);
  await server.close();
});

test("a user who may not come in process does not", async () => {
  const server = await createServer({
    configText: `authorization { users: [
      { user: a, password: a, connection_types: STANDARD }, { user: b, password: b, connection_types: in_process } ] }`,
  });
  const a = new RawClient(server.connectInProcess());
  a.send('CONNECT {"user":"a","pass":"a"}\r\n');
  await a.expect(/-ERR 'Authorization Violation'/);
  const b = new RawClient(server.connectInProcess());
  await b.handshake({ user: "b", pass: "b" });
  await server.close();
});

test("the official client signs in with an nkey", async () => {
  const server = await createServer({ configText: CONFIGS["accounts"] as string });
  const nc = await connect({ servers: server.url, authenticator: nkeyAuthenticator(KEY.getSeed()) });
  assert.equal(server.connections[0]?.account, "B");
  await nc.close();
  await assert.rejects(
    connect({ servers: server.url, authenticator: nkeyAuthenticator(STRANGER.getSeed()), reconnect: false }),
  );
  await server.close();
});

const NOT_FOR_THIS_KIND: Readonly<Record<string, string>> = {
  "a no_auth_user for WebSocket only": `authorization { users: [ ${NAMED}, { user: w, connection_types: [ WEBSOCKET ] } ] }, no_auth_user: w`,
  "a no_auth_user with an nkey": `authorization { users: [ ${NAMED}, ${KEYED} ] }, no_auth_user: ${KEY.getPublicKey()}`,
};

for (const [name, config] of Object.entries(NOT_FOR_THIS_KIND)) {
  test(`who says no CONNECT is nobody, whatever ${name} may do`, async () => {
    const server = await createServer({ configText: config });
    const client = await RawClient.connect(server.url);
    await client.expect(/INFO .*\r\n/);
    client.send("SUB > 1\r\nPUB a 2\r\nhi\r\nPING\r\n");
    await waitFor(() => client.isEnded);
    assert.match(client.text, /-ERR 'Authorization Violation'\r\n$/);
    assert.equal(server.subscriptionCount, 0);
    await server.close();
  });
}
