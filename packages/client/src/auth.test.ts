import assert from "node:assert/strict";
import { chmod, copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { decodeSeed } from "./auth/nkey.ts";
import { FakeServer, greet } from "./fixtures/fake-server.ts";
import { makeKey, makeOperatorSetup } from "./fixtures/keys.ts";
import { SERVERS } from "./fixtures/servers.ts";
import { nextStatus } from "./fixtures/until.ts";
import {
  connect,
  credsAuthenticator,
  credsFileAuthenticator,
  externalKeyAuthenticator,
  jwtAuthenticator,
  nkeyAuthenticator,
  nkeyFileAuthenticator,
  SILENT_LOGGER,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "./node.ts";
import * as web from "./web.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const testdata = fileURLToPath(new URL("../testdata", import.meta.url));

for (const kind of SERVERS) {
  describe(`authentication, ${kind.name}`, { skip: kind.skip }, () => {
    test("user and password by options, URL, and authenticator; a wrong one is an AuthorizationError", async () => {
      await using server = await kind.start({ config: 'authorization { user: joe, password: "p@ss:w" }' });
      const ways = [
        { servers: server.url, user: "joe", pass: "p@ss:w" },
        { servers: `nats://joe:${encodeURIComponent("p@ss:w")}@${server.url}` },
        { servers: server.url, authenticator: usernamePasswordAuthenticator("joe", async () => "p@ss:w") },
      ];
      for (const options of ways) {
        const nc = await connect(options);
        await nc.flush();
        await nc.close();
      }
      await assert.rejects(connect({ servers: server.url, user: "joe", pass: "secret-word" }), (error: Error) => {
        assert.equal((error as Error & { code: string }).code, "ERR_NATS_AUTHORIZATION");
        assert.ok(!inspect(error).includes("secret-word"));
        return true;
      });
    });

    test("a token by option, URL and authenticator", async () => {
      await using server = await kind.start({ config: 'authorization { token: "t0k" }' });
      for (const options of [
        { servers: server.url, token: "t0k" },
        { servers: `t0k@${server.url}` },
        { servers: server.url, authenticator: tokenAuthenticator(() => "t0k") },
      ]) {
        await (await connect(options)).close();
      }
      await assert.rejects(connect({ servers: server.url, user: "a", token: "b" }), { code: "ERR_NATS_AUTH_CONFLICT" });
    });

    test("an nkey by seed, by file, by a key service, and by WebCrypto", async () => {
      const user = makeKey("user");
      await using server = await kind.start({
        config: `authorization { users: [{ nkey: ${user.publicKey} }] }`,
      });
      const folder = await mkdtemp(join(tmpdir(), "client-nkey-"));
      const file = join(folder, "user.nk");
      await writeFile(file, `# a comment\n${user.seed}\n`, { mode: 0o600 });
      const { sign } = await import("node:crypto");
      for (const authenticator of [
        nkeyAuthenticator(bytes(user.seed)),
        nkeyAuthenticator(async () => bytes(`${user.seed}\n`)),
        nkeyFileAuthenticator(file),
        externalKeyAuthenticator({ nkey: user.publicKey, sign: async (nonce) => sign(null, nonce, user.key) }),
        web.nkeyAuthenticator(bytes(user.seed)),
      ]) {
        const nc = await connect({ port: server.port, authenticator });
        await nc.flush();
        await nc.close();
      }
      await assert.rejects(
        connect({ port: server.port, authenticator: nkeyAuthenticator(bytes(makeKey("user").seed)) }),
        {
          code: "ERR_NATS_AUTHORIZATION",
        },
      );
      await rm(folder, { recursive: true });
    });

    test("a JWT by credentials bytes and file, and by its parts", { skip: kind.without("operator") }, async () => {
      const setup = makeOperatorSetup();
      await using server = await kind.start({ config: setup.config });
      const folder = await mkdtemp(join(tmpdir(), "client-creds-"));
      const file = join(folder, "user.creds");
      await writeFile(file, setup.creds, { mode: 0o600 });
      process.env["CLIENT_TEST_FOLDER"] = folder;
      for (const authenticator of [
        credsAuthenticator(bytes(setup.creds)),
        credsAuthenticator(bytes(setup.creds.replaceAll("\n", "\r\n"))),
        credsFileAuthenticator("$CLIENT_TEST_FOLDER/user.creds"),
        jwtAuthenticator(setup.jwt, bytes(setup.user.seed)),
      ]) {
        const nc = await connect({ port: server.port, authenticator });
        await nc.flush();
        await nc.close();
      }
      await rm(folder, { recursive: true });
    });

    test("the same refusal twice from one server ends reconnecting; ignoreAuthErrorAbort goes on", async () => {
      let server = await kind.start();
      const options = {
        servers: server.url,
        reconnectTimeWait: 1,
        reconnectJitter: 0,
        maxReconnectAttempts: -1,
        logger: SILENT_LOGGER,
      };
      const stops = await connect(options);
      const goesOn = await connect({ ...options, ignoreAuthErrorAbort: true });
      await server.stop();
      server = await kind.start({ port: server.port, config: "authorization { token: x }" });
      const reason = await stops.closed();
      assert.equal((reason as Error & { code: string }).code, "ERR_NATS_AUTHORIZATION");
      let failures = 0;
      goesOn.on("reconnectFailed", () => failures++);
      while (failures < 4) await nextStatus(goesOn, "reconnectFailed");
      assert.equal(goesOn.state, "reconnecting");
      await goesOn.close();
      await server.stop();
    });

    test("a permission violation ends the subscription it is about, and fails the request it is about", {
      skip: kind.without("permissions"),
    }, async () => {
      const config =
        'authorization { users: [{ user: a, password: b, permissions: { publish: ["ok", "_INBOX.>"], subscribe: ["ok", "_INBOX.>"] } }] }';
      await using server = await kind.start({ config });
      const nc = await connect({ port: server.port, user: "a", pass: "b", logger: SILENT_LOGGER });
      const sub = nc.subscribe("forbidden", { queue: "q" });
      const kept = nc.subscribe("ok");
      const loop = (async () => {
        for await (const _m of sub) assert.fail("no message");
      })();
      await assert.rejects(loop, { code: "ERR_NATS_PERMISSION_VIOLATION", subject: "forbidden", queue: "q" });
      assert.equal((await sub.closed)?.name, "PermissionViolationError");
      await assert.rejects(nc.request("forbidden", "", { timeout: 5000 }), { code: "ERR_NATS_PERMISSION_VIOLATION" });
      assert.ok(!kept.isClosed());
      assert.equal(nc.state, "connected");
      await nc.close();
    });
  });
}

for (const kind of SERVERS) {
  describe(`TLS, ${kind.name}`, { skip: kind.skip || kind.without("tls") }, () => {
    const tlsConfig = (more = ""): string =>
      `tls { cert_file: "${testdata}/server.pem", key_file: "${testdata}/server-key.pem", ca_file: "${testdata}/ca.pem"\n${more} }`;
    const caFile = join(testdata, "ca.pem");

    test("starts after INFO, first when asked for, with client certificates, and is verified", async () => {
      await using plainStart = await kind.start({ config: tlsConfig() });
      const nc = await connect({ servers: `tls://localhost:${plainStart.port}`, tls: { caFile } });
      nc.subscribe("a", { callback: (_error, m) => void m.respond(m.data) });
      assert.equal((await nc.request("a", "x".repeat(500_000))).data.length, 500_000);
      await nc.close();
      await using first = await kind.start({ config: tlsConfig("handshake_first: true") });
      await (await connect({ port: first.port, tls: { caFile, handshakeFirst: true } })).close();
      await using verifying = await kind.start({ config: tlsConfig("verify: true") });
      await assert.rejects(connect({ port: verifying.port, tls: { caFile } }));
      const files = { certFile: join(testdata, "client.pem"), keyFile: join(testdata, "client-key.pem") };
      await (await connect({ port: verifying.port, tls: { caFile, ...files } })).close();
    });

    test("certificates are read again at each connect", async () => {
      await using server = await kind.start({ config: tlsConfig("verify: true") });
      const folder = await mkdtemp(join(tmpdir(), "client-tls-"));
      const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
      await copyFile(join(testdata, "client.pem"), certFile);
      await copyFile(join(testdata, "client-key.pem"), keyFile);
      const tls = { caFile, certFile, keyFile };
      const quick = { reconnectTimeWait: 1, reconnectJitterTLS: 0, maxReconnectAttempts: -1, logger: SILENT_LOGGER };
      const nc = await connect({ port: server.port, tls, ...quick });
      await writeFile(certFile, "damaged");
      const failed = nextStatus(nc, "reconnectFailed");
      await nc.reconnect();
      assert.equal(((await failed).error as { code?: string }).code, "ERR_NATS_TLS");
      const back = nextStatus(nc, "reconnect");
      await copyFile(join(testdata, "client.pem"), certFile);
      await back;
      await nc.close();
      await rm(folder, { recursive: true });
    });

    test("a certificate that cannot be verified, a missing file, and TLS refused by options are TlsErrors", async () => {
      await using server = await kind.start({ config: tlsConfig() });
      await assert.rejects(connect({ port: server.port }), { code: "ERR_NATS_TLS" });
      await assert.rejects(connect({ port: server.port, tls: { caFile: "/nowhere/ca.pem" } }), {
        code: "ERR_NATS_TLS",
      });
      await assert.rejects(connect({ port: server.port, tls: null }), { code: "ERR_NATS_SECURE_NOT_WANTED" });
      await (await connect({ port: server.port, tls: { rejectUnauthorized: false } })).close();
      await using plain = await kind.start();
      await assert.rejects(connect({ servers: `tls://127.0.0.1:${plain.port}` }), { code: "ERR_NATS_SECURE_REQUIRED" });
      await assert.rejects(connect({ port: plain.port, tls: {} }), { code: "ERR_NATS_SECURE_REQUIRED" });
    });
  });
}

test("no option leaks into CONNECT", async () => {
  let sent = "";
  await using server = await FakeServer.start(async (socket, line) => {
    sent = await greet(socket, line, { nonce: "abc" });
  });
  const canary = "canary-7f3a";
  const nc = await connect({
    port: server.port,
    name: "shown",
    authenticator: () => ({ user: "u", pass: "p", extra: canary }) as never,
    inboxPrefix: `_${canary}`,
    webSocketHeaders: { [canary]: canary },
    tls: undefined as never,
    noEcho: true,
  });
  const fields = JSON.parse(sent.slice("CONNECT ".length)) as Record<string, unknown>;
  assert.deepEqual(fields, {
    verbose: false,
    pedantic: false,
    tls_required: false,
    name: "shown",
    lang: "typescript",
    version: "0.1.0",
    protocol: 1,
    echo: false,
    headers: true,
    no_responders: true,
    user: "u",
    pass: "p",
  });
  await nc.close();
});

test("a seed is never repeated in an error", () => {
  const { seed } = makeKey("user");
  assert.equal(decodeSeed(bytes(seed)).raw.length, 32);
  for (const bad of [
    seed.slice(0, -1),
    `${seed.slice(0, -1)}0`,
    seed.slice(0, 30) + (seed[30] === "A" ? "B" : "A") + seed.slice(31),
    "SU",
  ]) {
    assert.throws(
      () => decodeSeed(bytes(bad)),
      (error: Error) => !inspect(error).includes(seed.slice(2, 20)),
    );
  }
});

test("a secret file that others may read is reported", { skip: process.platform === "win32" }, async (t) => {
  const warnings: string[] = [];
  t.mock.method(process, "emitWarning", (text: string) => warnings.push(text));
  const folder = await mkdtemp(join(tmpdir(), "client-mode-"));
  const file = join(folder, "open.creds");
  await writeFile(file, makeOperatorSetup().creds);
  await chmod(file, 0o644);
  await credsFileAuthenticator(file)("nonce");
  assert.match(warnings.join(), /chmod 600/);
  await rm(folder, { recursive: true });
});

test("credentials are read again at each connect", async () => {
  const sent: string[] = [];
  await using server = await FakeServer.start(async (socket, line) => {
    sent.push(await greet(socket, line, { nonce: "abc" }));
  });
  const folder = await mkdtemp(join(tmpdir(), "client-renewed-"));
  const file = join(folder, "user.creds");
  const [first, second] = [makeOperatorSetup(), makeOperatorSetup()];
  await writeFile(file, first.creds, { mode: 0o600 });
  const quick = { reconnectTimeWait: 1, reconnectJitter: 0, logger: SILENT_LOGGER };
  const nc = await connect({ port: server.port, authenticator: credsFileAuthenticator(file), ...quick });
  await writeFile(file, second.creds);
  const back = nextStatus(nc, "reconnect");
  await nc.reconnect();
  await back;
  assert.deepEqual(
    sent.map((line) => (JSON.parse(line.slice("CONNECT ".length)) as { jwt: string }).jwt),
    [first.jwt, second.jwt],
  );
  await nc.close();
  await rm(folder, { recursive: true });
});
