// Every secret is a word that stands nowhere else. Sessions of all kinds are played at the most talkative level, right and wrong,
// and then every word that the server said, and everything that can be printed of it, is searched.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { ConfigError, createServer, type EmbeddedServer, loadConfig, OptionsError } from "@myelin/server";
import { startServer } from "@myelin/testing";
import { signAsTestKey, TEST_USER_KEYS } from "../support/test-key.ts";
import { inProcess, overTcp } from "../support/wire.ts";
import { WireClient } from "../support/wire-client.ts";

/** Every secret begins so. */
const CANARY = "kanarie";
const secret = (name: string): string => `${CANARY}-${name}-b7e1`;
const HASH = "$2a$04$3owwKmlVgvNsmgpTnWGmjujfqF2J7lOn8VkUlfR2IaVXzHpKNKNwK";

function expectNoSecret(text: string, where: string): void {
  const at = text.indexOf(CANARY);
  assert.equal(at, -1, `${where} shows "${text.slice(Math.max(0, at - 80), at + 40)}"`);
  assert.equal(text.includes(HASH.slice(7)), false, `${where} shows a hash`);
}

/** CONNECTs of every kind, right and wrong, whole and broken; each goes with an operation behind it. */
function connects(nonce: string): string[] {
  const fields: Array<Readonly<Record<string, unknown>>> = [
    { user: "u", pass: secret("right") },
    { user: "u", pass: secret("wrong") },
    { user: secret("user-as-password"), pass: secret("wrong") },
    { user: "h", pass: secret("hash-wrong") },
    { auth_token: secret("token") },
    { auth_token: secret("token"), user: "u", pass: secret("both") },
    { nkey: TEST_USER_KEYS[0], sig: `${CANARY}${signAsTestKey(1, nonce)}` },
    { jwt: secret("jwt"), sig: secret("sig"), nkey: "" },
    { user: "u", pass: secret("right"), proxy_sig: secret("proxy"), name: "n", lang: "l", version: "v" },
    ...['"', "\\", "}", ",", "]", ":", "\u2028", '","', '\\"', " "].flatMap((character) => {
      const value = `${secret("before")}${character}${secret("behind")}`;
      return [{ user: "u", pass: value }, { auth_token: value }, { jwt: value, nkey: "" }, { sig: value, nkey: "U" }];
    }),
  ];
  const lines = fields
    .filter(({ user }) => user !== secret("user-as-password"))
    .map((each) => `CONNECT ${JSON.stringify(each)}`);
  return [
    ...lines,
    `connect { "user" : "u" , "pass" : "${secret("spaces")}" }`,
    `CONNECT {"user":"u","pass":"${secret("cut")}`,
    `CONNECT {"user":"u","pass":"${secret("bad")}",}`,
    `CONNECT {"pass":["${secret("list")}"]}`,
    `CONNECT {"PASS":"${secret("capitals")}","Auth_Token":"${secret("mixed")}"}`,
    `CONNECT {"user":"u","password":"${secret("password")}"}`,
  ];
}

/** Plays all of them, each on a connection of its own, and some twice on one. */
async function playAll(open: () => Promise<WireClient>): Promise<void> {
  const first = await open();
  const nonce = first.received.lines[0]?.info?.["nonce"];
  first.destroy();
  for (const connect of connects(typeof nonce === "string" ? nonce : "")) {
    for (const again of ["", `${connect}\r\n`]) {
      const client = await open();
      await client.send(Buffer.from(`${connect}\r\n${again}`));
      await client.send(Buffer.from("SUB x 1\r\nPUB y 0\r\n\r\nNONSENSE\r\n"));
      await client.close();
      for (const { text } of client.received.lines) expectNoSecret(text, `the wire, after ${connect}`);
    }
  }
}

function everythingOf(server: EmbeddedServer): string {
  const deep = { depth: 20, getters: true, showHidden: true, maxArrayLength: null, maxStringLength: null } as const;
  const shown = [
    server,
    server.core,
    server.core.options,
    [...server.core.connections],
    [...server.connections],
    server.statistics,
  ];
  return shown.flatMap((each) => [inspect(each, deep), inspect(each)]).join("\n");
}

const CONFIGURATIONS: ReadonlyArray<readonly [name: string, text: string]> = [
  ["one user", `authorization { user: u, password: "${secret("right")}" }`],
  ["a token", `authorization { token: "${secret("token")}" }`],
  [
    "users",
    `authorization { users: [ { user: u, password: "${secret("right")}", permissions: { publish: a } }, { user: h, password: ${HASH} }, { nkey: ${TEST_USER_KEYS[0]} } ] }`,
  ],
  ["accounts", `accounts { A { users: [ { user: u, password: "${secret("right")}" } ] } }`],
];

describe("secrets", () => {
  for (const [name, configText] of CONFIGURATIONS) {
    test(`of ${name} are neither logged nor printed nor sent`, async () => {
      const log: string[] = [];
      const add = (text: string): void => void log.push(text);
      const logger = { info: add, warn: add, error: add, debug: add, trace: add };
      const server = await createServer({ configText, debug: true, trace: true, logger });
      const witness = await WireClient.connect("witness", overTcp({ host: "127.0.0.1", port: server.port }));
      await witness.send(Buffer.from(`CONNECT {"user":"u","pass":"${secret("right")}","jwt":"${secret("kept")}"}\r\n`));
      await playAll(() =>
        WireClient.connect(
          name,
          inProcess(() => server.connectInProcess()),
        ),
      );
      expectNoSecret(everythingOf(server), "printing the server");
      witness.destroy();
      await server.close();
      assert.ok(
        log.some((line) => line.includes("CONNECT")),
        "the trace has CONNECT in it",
      );
      for (const line of log) expectNoSecret(line, "the log");
    });
  }

  test("in broken configurations and options stay out of the errors", async () => {
    const broken = [
      ...CONFIGURATIONS.map(([, text]) => `${text}\nnonsense: x`),
      ...CONFIGURATIONS.map(([, text]) => text.replace("{", "{ bad: 1,")),
      `authorization { user: u, password: ${secret("a")} ${secret("b")} }`,
      `authorization { user: u, pasword: "${secret("mistyped")}", passwd: "${secret("other")}" }`,
      `authorization { users: [ { user: u, password: "${secret("a")}" }, { user: u, password: "${secret("b")}" } ] }`,
      `authorization { users: [ { user: u, password: [ "${secret("list")}" ] } ] }`,
      `authorization { user: u, password: "${secret("a")}", token: "${secret("b")}" }`,
      `authorization { token: { value: "${secret("a")}" } }`,
      `authorization { password: "${secret("alone")}" }`,
    ];
    for (const text of broken) {
      try {
        loadConfig({ text });
        assert.fail(`this was taken: ${text}`);
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
        expectNoSecret(`${inspect(error, { depth: 20 })}${error.stack}`, `the error of ${text.slice(0, 30)}`);
      }
    }
    const options: ReadonlyArray<Parameters<typeof createServer>[0]> = [
      {
        users: [
          { user: "u", pass: secret("a") },
          { user: "u", pass: secret("b") },
        ],
      },
      { user: "u", pass: secret("a"), users: [{ user: "v", pass: secret("b") }] },
      { token: secret("a"), user: "u", pass: secret("b"), users: [{ user: "v" }] },
      { user: "u", pass: secret("a"), port: 70_000 },
    ];
    for (const each of options) {
      await assert.rejects(createServer({ listen: false, ...each }), (error) => {
        assert.ok(error instanceof OptionsError);
        expectNoSecret(inspect(error, { depth: 20, showHidden: true }), "an OptionsError");
        return true;
      });
    }
    const loaded = loadConfig({ text: CONFIGURATIONS[2]?.[1] ?? "" });
    expectNoSecret(inspect(loaded, { depth: 20, showHidden: true, getters: false }), "a configuration that was loaded");
  });

  test("of an authenticate function that fails stay out of the log", async () => {
    const log: string[] = [];
    const add = (text: string): void => void log.push(text);
    const server = await createServer({
      listen: false,
      debug: true,
      trace: true,
      logger: { info: add, warn: add, error: add, debug: add, trace: add },
      authenticate: ({ user }) => (user === "u" ? { user, account: "NONE" } : { refuse: "" }),
    });
    await playAll(() =>
      WireClient.connect(
        "function",
        inProcess(() => server.connectInProcess()),
      ),
    );
    await server.close();
    for (const line of log) expectNoSecret(line, "the log");
  });

  test("given to the program as flags or in its file are not in what it says", async () => {
    const folder = mkdtempSync(join(tmpdir(), "myelin-secrets-"));
    try {
      const file = join(folder, "server.conf");
      writeFileSync(file, CONFIGURATIONS[2]?.[1] ?? "");
      for (const args of [
        ["--user", "u", "--pass", secret("right")],
        ["--auth", secret("token")],
        ["-c", file],
      ]) {
        await using server = await startServer({ run: "child", args: [...args, "-DV"] });
        await playAll(() => WireClient.connect("program", overTcp(server)));
        await server.stop();
        expectNoSecret(server.log, `the program with ${args[0]}`);
      }
      for (const args of [
        ["-c", file, "--print_config"],
        ["-t", "-c", file],
        ["-c", file, "--nonsense"],
      ]) {
        expectNoSecret(await outputOf(args), args.join(" "));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** What the program says with these arguments, all of it. */
async function outputOf(args: readonly string[]): Promise<string> {
  const entry = createRequire(import.meta.url).resolve("@myelin/server");
  const program = join(dirname(dirname(entry)), "bin", "myelin-server.js");
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (said += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (said += text));
  await once(child, "close");
  assert.notEqual(said, "");
  return said;
}
