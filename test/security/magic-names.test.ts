// Names that are something in JavaScript are names like any other: as users, accounts, subjects, queue groups, sids, headers,
// configuration keys, fields of CONNECT. Nobody gets in by one, nobody gets another's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createServer, loadConfig } from "@myelin/server";
import { startServer } from "@myelin/testing";
import { inProcess } from "../support/wire.ts";
import { WireClient } from "../support/wire-client.ts";

const MAGIC: readonly string[] = [
  ...["__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "isPrototypeOf", "toJSON"],
  ...["__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__", "propertyIsEnumerable"],
  ...["toLocaleString", "length", "name", "arguments", "caller", "callee", "then", "catch", "finally", "next", "done"],
  ...["value", "get", "set", "has", "size", "undefined", "null", "NaN", "Infinity", "true", "false", "0", "-1", "1e3"],
  ...["[object Object]", "Symbol.iterator", "@@iterator", "default", "inspect", "nodejs.util.inspect.custom"],
].map((name) => name.replaceAll(" ", "_"));

const open = (server: { connectInProcess(): Parameters<typeof inProcess>[0] extends () => infer D ? D : never }) =>
  WireClient.connect(
    "magic",
    inProcess(() => server.connectInProcess()),
  );

test("each magic name is a user and an account of its own, and the password of none of them opens another", async () => {
  const accounts = MAGIC.map(
    (name, at) => `${JSON.stringify(name)} { users: [ { user: ${JSON.stringify(name)}, password: "p${at}" } ] }`,
  );
  await using server = await startServer({
    run: "in-process",
    configText: `accounts { ${accounts.join("\n")} }`,
    listen: false,
  });
  const members: WireClient[] = [];
  for (const [at, name] of MAGIC.entries()) {
    const wrong = await open(server);
    await wrong.send(Buffer.from(`CONNECT ${JSON.stringify({ user: name, pass: `p${(at + 1) % MAGIC.length}` })}\r\n`));
    await wrong.untilClosed();
    wrong.destroy();
    const client = await open(server);
    await client.send(
      Buffer.from(`CONNECT ${JSON.stringify({ user: name, pass: `p${at}`, verbose: false, protocol: 1 })}\r\n`),
    );
    await client.settle();
    assert.equal(client.received.lines.at(-1)?.info?.["remote_account"], name);
    await client.send(Buffer.from("SUB > 1\r\n"));
    await client.settle();
    members.push(client);
  }
  for (const [at, client] of members.entries()) {
    await client.send(Buffer.from(`PUB who 2\r\n${String(at).padStart(2, "0")}\r\n`));
    await client.settle();
  }
  for (const [at, client] of members.entries()) {
    const got = client.received.lines.filter(({ kind }) => kind === "msg").map(({ text }) => text);
    assert.deepEqual(got, [`MSG who 1 2 "${String(at).padStart(2, "0")}"`]);
    client.destroy();
  }
});

test("a server without such users knows none of them, in whatever field", async () => {
  const forms: ReadonlyArray<Parameters<typeof createServer>[0]> = [
    { users: [{ user: "a", pass: "a" }] },
    { user: "a", pass: "a" },
    { token: "t" },
    { authenticate: ({ user }) => (user === "a" ? { user } : { refuse: "unknown" }) },
  ];
  for (const options of forms) {
    const server = await createServer({ listen: false, ...options });
    for (const name of MAGIC) {
      for (const fields of [
        { user: name },
        { user: name, pass: name },
        { auth_token: name },
        { nkey: name, sig: name },
        { jwt: name },
      ]) {
        const client = await open(server);
        await client.send(Buffer.from(`CONNECT ${JSON.stringify(fields)}\r\n`));
        await client.untilClosed();
        assert.match(client.received.lines.at(-1)?.text ?? "", /Authorization Violation/);
        client.destroy();
      }
    }
    await server.close();
  }
});

test("as tokens of subjects, queue groups and sids they match themselves only", async () => {
  const server = await createServer({ listen: false });
  const client = await open(server);
  await client.send(Buffer.from('CONNECT {"verbose":false,"headers":true}\r\n'));
  await client.send(Buffer.from(MAGIC.map((name) => `SUB ${name}.${name} ${name} ${name}\r\n`).join("")));
  const head = "NATS/1.0\r\n__proto__: x\r\nconstructor: y\r\n\r\n";
  await client.send(
    Buffer.from(MAGIC.map((name) => `HPUB ${name}.${name} ${head.length} ${head.length + 1}\r\n${head}x\r\n`).join("")),
  );
  await client.settle();
  const got = client.received.lines.filter(({ kind }) => kind === "msg");
  assert.deepEqual(
    got.map(({ words }) => [words[1], words[2]]),
    MAGIC.map((name) => [`${name}.${name}`, name]),
  );
  await client.send(Buffer.from(MAGIC.map((name) => `UNSUB ${name}\r\n`).join("")));
  await client.settle();
  assert.equal(server.core.subscriptionCount, 0);
  client.destroy();
  await server.close();
});

test("as fields of CONNECT, or inside of its values, they change nothing", async () => {
  const server = await createServer({ listen: false });
  for (const name of MAGIC) {
    for (const value of ["true", "null", '"x"', "{}", '{"verbose":false,"isAdmin":true}', "[]", "1"]) {
      const client = await open(server);
      await client.send(Buffer.from(`CONNECT {"verbose":true,${JSON.stringify(name)}:${value}}\r\n`));
      await client.until(() => client.closed || client.received.lines.length > 1, "an answer");
      // `name` is a field that there is.
      if (name !== "name") assert.equal(client.received.lines[1]?.text, "+OK", `${name}: ${value}`);
      client.destroy();
    }
  }
  await server.close();
  assert.equal(({} as Record<string, unknown>)["verbose"], undefined);
  assert.equal(({} as Record<string, unknown>)["isAdmin"], undefined);
});

test("as keys of a configuration they are unknown fields", () => {
  for (const name of MAGIC) {
    for (const text of [
      `${JSON.stringify(name)}: 1`,
      `authorization { ${JSON.stringify(name)}: 1 }`,
      `authorization { users: [ { user: a, ${JSON.stringify(name)}: 1 } ] }`,
    ]) {
      assert.throws(() => loadConfig({ text }), { name: "ConfigError", message: /unknown field/i }, text);
    }
  }
});
