// What people choose (names in configurations and in CONNECT, subjects, inboxes) and what the server writes to a wire or a log:
// nothing of it can end a line, and every line that is sent is one operation.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, createServer, OptionsError, type UserGiven } from "@myelin/server";
import { InProcessServer, startServer } from "@myelin/testing";
import { inProcess } from "../support/wire.ts";
import { WireClient } from "../support/wire-client.ts";

/** Each once in the middle of a name. */
const EVIL: ReadonlyMap<string, string> = new Map([
  ["CR LF", "a\r\nMSG secret 1 2\r\nhi\r\n"],
  ["LF", "a\nPUB x 0\n"],
  ["CR", "a\rb"],
  ["NUL", "a\0b"],
  ["blank", "a b"],
  ["tab", "a\tb"],
  ["quote", "a'b\"c"],
  ["backslash", "a\\r\\nb"],
  ["line separator", "a\u2028b"],
  ["paragraph separator", "a\u2029b"],
  ["next line", "a\u0085b"],
  ["lone surrogate", "a\ud800b"],
  ["other lone surrogate", "a\udc00b"],
  ["escape", "a\u001b[31mb"],
  ["right to left", "a\u202eb"],
  ["delete", "a\u007fb"],
  ["brace", 'a"},"x":{"y":"b'],
  ["long", "y".repeat(3_000)],
]);

const WELL_FORMED = /^(?:MSG [^ ]+ \d+ (?:[^ ]+ )?\d+ "|PING$|PONG$|\+OK$|-ERR '.*'$|INFO \{.*\}$)/s;

function expectWellFormed(client: WireClient, about: string): void {
  for (const { text } of client.received.lines) assert.match(text, WELL_FORMED, about);
  assert.equal(client.received.rest.length, 0, about);
}

function expectOneLinePerEntry(log: readonly string[], about: string): void {
  // What else there may be is escaped where the program writes its lines: log-line.ts.
  for (const entry of log) assert.doesNotMatch(entry, /[\r\n]/, about);
}

function logInto(lines: string[]) {
  const add = (text: string): void => void lines.push(text);
  return { info: add, warn: add, error: add, debug: add, trace: add };
}

for (const [name, text] of EVIL) {
  test(`${name} in CONNECT, subjects and sids stays inside its line`, async () => {
    const log: string[] = [];
    await using server = new InProcessServer({
      listen: false,
      debug: true,
      trace: true,
      logger: logInto(log),
      keepLog: false,
      users: [{ user: "u", pass: "p" }],
    });
    await server.start();
    const open = (): Promise<WireClient> =>
      WireClient.connect(
        name,
        inProcess(() => server.connectInProcess()),
      );
    const fields = {
      name: text,
      lang: text,
      version: text,
      verbose: true,
      protocol: 1,
      headers: true,
      user: "u",
      pass: "p",
    };
    const good = await open();
    await good.send(Buffer.from(`CONNECT ${JSON.stringify(fields)}\r\n`));
    await good.settle();
    // As a subject, a queue and a sid it is bytes: whatever the line ends take away, the rest is no other operation's.
    const bytes = Buffer.from(text);
    for (const line of [
      ["SUB ", " 1"],
      ["SUB x ", " 2"],
      ["SUB y ", ""],
      ["PUB ", " 0\r\n"],
      ["PUB x ", " 0\r\n"],
    ]) {
      const client = await open();
      await client.send(Buffer.from('CONNECT {"user":"u","pass":"p","verbose":false}\r\n'));
      await client.send(Buffer.concat([Buffer.from(line[0] ?? ""), bytes, Buffer.from(`${line[1] ?? ""}\r\n`)]));
      await client.settle();
      expectWellFormed(client, JSON.stringify(line));
      client.destroy();
    }
    expectWellFormed(good, "CONNECT");
    for (const refused of [
      { user: text, pass: "p" },
      { auth_token: text },
      { nkey: text, sig: text },
      { jwt: text },
      { user: "u", pass: "p", account: text },
    ]) {
      const client = await open();
      await client.send(Buffer.from(`CONNECT ${JSON.stringify(refused)}\r\n`));
      await client.untilClosed();
      expectWellFormed(client, JSON.stringify(refused));
      client.destroy();
    }
    good.destroy();
    expectOneLinePerEntry(log, "log");
  });

  test(`${name} in options is refused, or stays inside its line`, async () => {
    const log: string[] = [];
    const users: UserGiven[] = [
      { user: text, pass: text, account: text, permissions: { publish: { allow: ["x"], deny: [] } } },
    ];
    const server = await createServer({
      listen: false,
      serverName: text,
      clientAdvertise: "example.com",
      accounts: [text],
      users,
      logger: logInto(log),
      debug: true,
      trace: true,
    }).catch((error: unknown) => {
      assert.ok(error instanceof OptionsError, String(error));
      return null;
    });
    if (server === null) return;
    const client = await WireClient.connect(
      name,
      inProcess(() => server.connectInProcess()),
    );
    const fields = { user: text, pass: text, protocol: 1, verbose: true };
    await client.send(Buffer.from(`CONNECT ${JSON.stringify(fields)}\r\n`));
    await client.settle();
    if (!client.closed) await client.send(Buffer.from("PUB y 0\r\n\r\nSUB z 1\r\n"));
    await client.settle();
    expectWellFormed(client, "INFO and errors");
    expectOneLinePerEntry(log, "log");
    client.destroy();
    await server.close();
  });

  test(`${name} in a configuration is refused, or stays inside its line`, async () => {
    const quoted = JSON.stringify(text)
      .replaceAll("\\u", "\\\\u")
      .replaceAll("\\b", "\\\\b")
      .replaceAll("\\f", "\\\\f");
    const configText = `server_name: ${quoted}, accounts { ${quoted} { users: [ { user: ${quoted}, password: p } ] } }`;
    try {
      await using server = await startServer({ run: "in-process", configText, listen: false });
      const client = await WireClient.connect(
        name,
        inProcess(() => server.connectInProcess()),
      );
      await client.send(Buffer.from(`CONNECT {"user":${JSON.stringify(text)},"pass":"p","protocol":1}\r\n`));
      await client.settle();
      expectWellFormed(client, "INFO");
      client.destroy();
    } catch (error) {
      assert.ok(error instanceof ConfigError || error instanceof OptionsError, String(error));
    }
  });
}
