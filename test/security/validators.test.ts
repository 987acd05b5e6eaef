// What looks at strangers' text takes no time to speak of, however long and however made the text is; and bytes that are no
// UTF-8 stay what they are.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createServer, loadConfig } from "@myelin/server";
import { inProcess } from "../support/wire.ts";
import { WireClient } from "../support/wire-client.ts";

const LONG = 64 * 1024;
/** So much of a core nothing of 64 KiB may take, on the slowest machine; what is not linear takes far more. */
const SLOW_MS = 3_000;

const UNITS = [
  "a",
  "a.",
  "*.",
  ">.",
  ".",
  " ",
  "\t",
  '"',
  "\\",
  "{",
  "[",
  "[[",
  "(",
  "$",
  "#",
  "a:",
  "a=",
  '"a":',
  ",",
  "\n",
  "-",
  "0",
  "é",
];
UNITS.push(
  "\u2028",
  "pass",
  "pass:",
  'pass":"',
  "auth_token",
  "sig ",
  "nkey:",
  "token \\",
  "=",
  "/",
  "//",
  "include ",
  "$a",
  "'",
);
const HUGE: readonly string[] = UNITS.map((unit) => unit.repeat(Math.ceil(LONG / unit.length)));

/** Time that this process has used, so that other processes do not count. */
function cpuMs(): number {
  const { system, user } = process.cpuUsage();
  return (system + user) / 1000;
}

function expectQuick(what: string, startedMs: number): void {
  const tookMs = cpuMs() - startedMs;
  assert.ok(tookMs < SLOW_MS, `${what} took ${tookMs.toFixed(0)} ms`);
}

describe("text of 64 KiB", () => {
  test("as a configuration is judged quickly", () => {
    for (const text of HUGE) {
      for (const around of [text, `authorization { token: ${text} }`, `{${text}}`, `a ${text}`]) {
        const startedMs = cpuMs();
        try {
          loadConfig({ text: around });
        } catch (error) {
          assert.equal((error as { code?: string }).code, "INVALID_CONFIG");
        }
        expectQuick(JSON.stringify(text.slice(0, 10)), startedMs);
      }
    }
  });

  test("as CONNECT, subject, queue or sid is dealt with quickly, traced or not", async () => {
    for (const trace of [false, true]) {
      const server = await createServer({ listen: false, trace, maxControlLineBytes: 1_000_000, user: "u", pass: "p" });
      for (const text of HUGE) {
        const flat = text.replaceAll("\n", " ");
        for (const line of [
          `CONNECT ${flat}`,
          `CONNECT {"user":${JSON.stringify(flat)},"pass":${JSON.stringify(flat)}}`,
          `CONNECT {"user":"u","pass":"p","verbose":false}\r\nSUB ${flat} 1`,
          `CONNECT {"user":"u","pass":"p","verbose":false}\r\nSUB a ${flat} 1\r\nUNSUB ${flat}`,
          `CONNECT {"user":"u","pass":"p","verbose":false}\r\nPUB ${flat} 0\r\n`,
        ]) {
          const startedMs = cpuMs();
          const client = await WireClient.connect(
            "long",
            inProcess(() => server.connectInProcess()),
          );
          await client.send(Buffer.from(`${line}\r\n`));
          await client.close();
          expectQuick(JSON.stringify(line.slice(0, 80)), startedMs);
        }
      }
      await server.close();
    }
  });

  test("nested as deep as it goes is refused without a word too many", async () => {
    const server = await createServer({ listen: false, maxControlLineBytes: 10_000_000 });
    for (const deep of ["[".repeat(1_000_000), '{"a":'.repeat(500_000), `{"import":${"[".repeat(1_000_000)}`]) {
      const client = await WireClient.connect(
        "deep",
        inProcess(() => server.connectInProcess()),
      );
      await client.send(Buffer.from(`CONNECT ${deep}\r\n`));
      await client.untilClosed();
      client.destroy();
    }
    await server.close();
    assert.throws(() => loadConfig({ text: "a [".repeat(100_000) }), { code: "INVALID_CONFIG" });
    assert.throws(() => loadConfig({ text: "a {".repeat(100_000) }), { code: "INVALID_CONFIG" });
  });
});

describe("bytes that are no UTF-8", () => {
  const STRANGE = [
    "\xff\xfe",
    "\xc3(",
    "\xc3\x28",
    "\xe2\x82",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "\xc0\xaf",
    "\xef\xbf\xbd",
    "\x80",
  ];

  test("as subjects are different subjects, and come back as they went", async () => {
    const server = await createServer({ listen: false });
    const client = await WireClient.connect(
      "bytes",
      inProcess(() => server.connectInProcess()),
    );
    await client.send(Buffer.from('CONNECT {"verbose":false}\r\n'));
    for (const [at, name] of STRANGE.entries()) await client.send(Buffer.from(`SUB x.${name} ${at}\r\n`, "latin1"));
    for (const name of STRANGE) await client.send(Buffer.from(`PUB x.${name} 0\r\n\r\n`, "latin1"));
    await client.settle();
    const got = client.received.lines.filter(({ kind }) => kind === "msg").map(({ words }) => [words[1], words[2]]);
    // Two of them are the same bytes.
    const expected = STRANGE.flatMap((name) =>
      STRANGE.flatMap((other, at) => (other === name ? [[`x.${name}`, `${at}`]] : [])),
    );
    assert.deepEqual(new Set(got.map(String)), new Set(expected.map(String)));
    assert.equal(got.length, expected.length);
    client.destroy();
    await server.close();
  });

  test("neither match a permission for the replacement character, nor escape one that forbids it", async () => {
    const server = await createServer({
      listen: false,
      users: [
        { user: "only", pass: "p", permissions: { publish: { allow: ["x.\ufffd"], deny: [] } } },
        { user: "not", pass: "p", permissions: { publish: { allow: null, deny: ["x.\ufffd"] } } },
      ],
    });
    for (const [user, expected] of [
      ["only", (isSame: boolean) => isSame],
      ["not", (isSame: boolean) => !isSame],
    ] as const) {
      for (const name of STRANGE) {
        const client = await WireClient.connect(
          user,
          inProcess(() => server.connectInProcess()),
        );
        await client.send(Buffer.from(`CONNECT {"user":"${user}","pass":"p","verbose":true}\r\n`));
        await client.send(Buffer.from(`PUB x.${name} 0\r\n\r\n`, "latin1"));
        await client.settle();
        const isAllowed = client.received.lines.filter(({ text }) => text === "+OK").length === 2;
        assert.equal(isAllowed, expected(name === "\xef\xbf\xbd"), `${user} ${JSON.stringify(name)}`);
        client.destroy();
      }
    }
    await server.close();
  });
});
