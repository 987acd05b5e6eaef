// What is secret goes to the server, and to nobody else.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { FakeServer, greet, infoLine, type Script } from "./fixtures/fake-server.ts";
import { makeOperatorSetup } from "./fixtures/keys.ts";
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  credsFileAuthenticator,
  jwtAuthenticator,
  nkeyAuthenticator,
} from "./node.ts";

const CANARY = "canary7f3a";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const SERVERS: Readonly<Record<string, Script>> = {
  "takes them": async (socket, line) => {
    await greet(socket, line, { nonce: "abc" });
    for (;;) if ((await line()) === "PING") socket.write("PONG\r\n");
  },
  "refuses them": async (socket, line) => {
    socket.write(infoLine({ nonce: "abc" }));
    await line();
    socket.end("-ERR 'Authorization Violation'\r\n");
  },
  "is none": (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
  "wants TLS and has none": (socket) => {
    socket.write(infoLine({ tls_required: true }));
    socket.once("data", () => socket.end("no"));
  },
};

/** Everything that a program could print while it connects and works. */
async function everythingShown(options: ConnectionOptions): Promise<string> {
  const shown: unknown[] = [];
  const note = (text: string): void => void shown.push(text);
  const logger = { debug: note, info: note, warn: note, error: note };
  try {
    const common = { timeout: 300, reconnectTimeWait: 1, reconnectJitter: 0, maxReconnectAttempts: 1, debug: true };
    const nc = await connect({ ...common, ...options, logger });
    const statuses = nc.status();
    nc.publish("a", "b");
    await nc.flush();
    shown.push(nc, nc.getServer(), nc.getServers(), nc.info, nc.stats(), nc.lastError);
    await nc.close();
    for await (const status of statuses) shown.push(status);
    shown.push(await nc.closed());
  } catch (error) {
    shown.push(error);
  }
  const text = inspect(shown, { depth: 12, showHidden: true, maxArrayLength: null, maxStringLength: null });
  assert.ok(text.length > 20);
  return text;
}

type Ways = ReadonlyArray<readonly [name: string, options: (host: string) => ConnectionOptions]>;
const setup = makeOperatorSetup();
/** Parts that no text for people has by chance. */
const SECRETS = [CANARY, setup.user.seed.slice(2, 30), setup.jwt.slice(-40)];

const WAYS: Ways = [
  ["user and password", (host) => ({ servers: host, user: `u${CANARY}`, pass: `p${CANARY}` })],
  ["a token", (host) => ({ servers: host, token: CANARY })],
  ["a URL", (host) => ({ servers: `nats://joe:${CANARY}@${host}` })],
  ["a URL with a token", (host) => ({ servers: `${CANARY}@${host}` })],
  ["a password with a slash in a URL", (host) => ({ servers: `nats://joe:a/${CANARY}@${host}` })],
  ["a password with a comma in a URL", (host) => ({ servers: `nats://joe:${CANARY},${CANARY}@${host}` })],
  ["a password with an @ in a URL", (host) => ({ servers: `nats://joe:${CANARY}@${CANARY}@${host}` })],
  ["a password with :// in a URL", (host) => ({ servers: `joe:${CANARY}://${CANARY}@${host}` })],
  ["a password with a # in a URL", (host) => ({ servers: `nats://joe:#${CANARY}@${host}` })],
  ["a password with a number and a slash in a URL", (host) => ({ servers: `nats://joe:1/${CANARY}@${host}` })],
  ["a password with a ? in a URL", (host) => ({ servers: `nats://joe:1?${CANARY}@${host}` })],
  ["a URL that has no port that is one", () => ({ servers: `nats://joe:${CANARY}@host:99999999` })],
  ["a URL of an unknown kind", (host) => ({ servers: `mqtt://joe:${CANARY}@${host}` })],
  ["a WebSocket's query", (host) => ({ servers: `ws://${host}/path?token=${CANARY}` })],
  ["a WebSocket's headers", (host) => ({ servers: `ws://${host}`, webSocketHeaders: { Cookie: CANARY } })],
  [
    "a WebSocket's headers that cannot be sent",
    (host) => ({
      servers: `ws://${host}`,
      webSocketHeaders: { Cookie: `${CANARY}\n` },
    }),
  ],
  ["an nkey", (host) => ({ servers: host, authenticator: nkeyAuthenticator(bytes(setup.user.seed)) })],
  ["a damaged nkey", (host) => ({ servers: host, authenticator: nkeyAuthenticator(bytes(`${setup.user.seed}A`)) })],
  ["a JWT", (host) => ({ servers: host, authenticator: jwtAuthenticator(setup.jwt, bytes(setup.user.seed)) })],
  ["credentials", (host) => ({ servers: host, authenticator: credsAuthenticator(bytes(setup.creds)) })],
  [
    "half of the credentials",
    (host) => ({
      servers: host,
      authenticator: credsAuthenticator(bytes(setup.creds.slice(0, setup.creds.length / 2))),
    }),
  ],
  [
    "a function's answer",
    (host) => ({
      servers: host,
      authenticator: async () => ({ user: CANARY, pass: CANARY }),
    }),
  ],
  [
    "a function's answer that is no text",
    (host) => ({
      servers: host,
      authenticator: () => ({ user: { CANARY } }) as never,
    }),
  ],
  [
    "TLS keys",
    (host) => ({
      servers: host,
      tls: {
        key: `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----`,
        cert: CANARY,
        passphrase: CANARY,
      },
    }),
  ],
];

for (const [kind, script] of Object.entries(SERVERS)) {
  test(`no secret is in an error, a status, a log or an object where the server ${kind}`, async () => {
    await using server = await FakeServer.start(script);
    for (const [name, options] of WAYS) {
      const shown = await everythingShown(options(`127.0.0.1:${server.port}`));
      // A piece of configuration may be shown by its name, so the name of the canary's key is none.
      const text = shown.replaceAll("CANARY", "");
      for (const secret of SECRETS) assert.ok(!text.includes(secret), `${name}: ${text.slice(0, 2000)}`);
    }
  });
}

test("no secret of a file is in an error", async () => {
  const folder = await mkdtemp(join(tmpdir(), "client-secrets-"));
  const path = join(folder, "user.creds");
  await using server = await FakeServer.start(SERVERS["refuses them"] as Script);
  for (const text of [setup.creds, setup.creds.slice(40), setup.user.seed, setup.jwt]) {
    await writeFile(path, text, { mode: 0o600 });
    const authenticator = credsFileAuthenticator(path);
    const shown = await everythingShown({ port: server.port, authenticator });
    const tls = await everythingShown({ port: server.port, tls: { keyFile: path, certFile: path } });
    for (const secret of SECRETS) assert.ok(!shown.includes(secret) && !tls.includes(secret));
  }
  await rm(folder, { recursive: true });
});

test("CONNECT has the fields that are listed and no others, whatever stands in the options", async () => {
  let sent = "";
  await using server = await FakeServer.start(async (socket, line) => {
    sent = await greet(socket, line, { nonce: "abc" });
  });
  const odd: Record<string, unknown> = { inboxPrefix: `_${CANARY}`, webSocketHeaders: { [CANARY]: CANARY } };
  for (const name of [
    "tlsKey",
    "key",
    "cert",
    "privateKey",
    "seed",
    "creds",
    "password",
    "secret",
    "__proto__",
    "sig",
  ]) {
    Object.defineProperty(odd, name, { value: CANARY, enumerable: true });
  }
  const authenticator = (): never => ({ user: "u", pass: "p", extra: CANARY, password: CANARY, lang: CANARY }) as never;
  const nc = await connect({ ...odd, port: server.port, authenticator });
  const fields = Object.keys(JSON.parse(sent.slice("CONNECT ".length)) as object);
  assert.deepEqual(
    fields.sort(),
    "echo headers lang no_responders pass pedantic protocol tls_required user verbose version".split(" "),
  );
  assert.ok(!sent.includes(CANARY), sent);
  await nc.close();
});
