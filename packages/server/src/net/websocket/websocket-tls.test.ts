import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { RawClient, TestAuthority, waitFor } from "@myelin/testing";
import { WebSocket } from "ws";
import { createServer, type EmbeddedServer, type EmbeddedServerOptions } from "../../embed/embedded-server.ts";
import { isPinned } from "../../tls/peer-certificate.ts";

const authority = new TestAuthority();
const OWN = authority.issue({ dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] });
const ALICE = authority.issue({ subject: [["CN", "alice"]], usage: "client" });
const MALLORY = new TestAuthority("Other CA").issue({ subject: [["CN", "alice"]], usage: "client" });
const LISTENING = { host: "127.0.0.1", port: -1 } as const;

interface Started {
  readonly server: EmbeddedServer;
  readonly log: string[];
}

async function start(t: TestContext, options: EmbeddedServerOptions): Promise<Started> {
  const log: string[] = [];
  const say = (text: string): void => void log.push(text);
  const logger = { info: say, warn: say, error: say, debug: say, trace: say };
  const server = await createServer({ logger, ...options });
  t.after(() => server.close());
  return { server, log };
}

/** A client by wss:// that has sent its CONNECT. Resolves with what the server says, up to its PONG or the end. */
async function greet(t: TestContext, url: string, connect: object, options: object = {}): Promise<string> {
  const socket = new WebSocket(url, { ca: authority.cert, ...options });
  t.after(() => socket.terminate());
  let text = "";
  return new Promise((resolve) => {
    socket.on("message", (data: Buffer) => {
      if (text === "") socket.send(`CONNECT ${JSON.stringify({ verbose: false, ...connect })}\r\nPING\r\n`);
      text += data.toString();
      if (text.endsWith("PONG\r\n")) resolve(text);
    });
    socket.on("error", (error) => resolve(`error: ${error.message}`));
    socket.on("close", () => resolve(text));
  });
}

test("clients come by wss://, and are told so", async (t) => {
  const { log, server } = await start(t, { webSocket: { ...LISTENING, tls: OWN } });
  const url = server.webSocketUrl ?? "";
  assert.equal(url, `wss://127.0.0.1:${server.webSocketPort}`);
  const text = await greet(t, url, {});
  assert.match(text, /^INFO \{.*"tls_required":true.*\}/);
  assert.match(text, /"tls_available":true/);
  assert.match(text, /PONG\r\n$/);
  assert.ok(log.includes(`Listening for websocket clients on ${url}`));
  assert.ok(!log.some((line) => line.includes("DO NOT USE IN PRODUCTION")));
});

test("clients by TCP are not told of the TLS of WebSocket", async (t) => {
  const { server } = await start(t, { webSocket: { ...LISTENING, tls: OWN } });
  const client = await RawClient.connect(server.url);
  const [info] = await client.expect(/INFO .*\r\n/);
  assert.doesNotMatch(info, /tls_/);
  client[Symbol.dispose]();
});

test("what is no TLS is refused, with a line that says who", async (t) => {
  const { log, server } = await start(t, { webSocket: { ...LISTENING, tls: OWN } });
  const socket = new WebSocket(`ws://127.0.0.1:${server.webSocketPort}`);
  const [error] = (await once(socket, "error")) as [Error];
  assert.match(error.message, /socket hang up|ECONNRESET|Parse Error/);
  await waitFor(() => log.some((line) => /^websocket: http: TLS handshake error from 127\.0\.0\.1:\d+: /.test(line)));
  assert.match(await greet(t, server.webSocketUrl ?? "", {}), /PONG\r\n$/);
});

test("verify asks for a certificate of the CA", async (t) => {
  const tls = { ...OWN, verify: true, ca: authority.cert };
  const { server } = await start(t, { webSocket: { ...LISTENING, tls } });
  const url = server.webSocketUrl ?? "";
  assert.match(await greet(t, url, {}, ALICE), /PONG\r\n$/);
  assert.match(await greet(t, url, {}), /^error: /);
  assert.match(await greet(t, url, {}, MALLORY), /^error: /);
});

test("verify_and_map makes the certificate the user, for this listener only", async (t) => {
  const users = [
    { user: "CN=alice", pass: "" },
    { user: "bob", pass: "secret" },
  ];
  const tls = { ...OWN, verifyAndMap: true, ca: authority.cert };
  const { server } = await start(t, { users, webSocket: { ...LISTENING, tls } });
  const url = server.webSocketUrl ?? "";
  assert.match(await greet(t, url, {}, ALICE), /PONG\r\n$/);
  assert.deepEqual(
    server.connections.map(({ user }) => user),
    ["CN=alice"],
  );
  const stranger = authority.issue({ subject: [["CN", "mallory"]], usage: "client" });
  assert.match(await greet(t, url, { user: "bob", pass: "secret" }, stranger), /-ERR 'Authorization Violation'/);
  const client = await RawClient.connect(server.url);
  await client.handshake({ user: "bob", pass: "secret" });
  client[Symbol.dispose]();
});

test("a certificate that is not pinned is refused", async (t) => {
  const other = "00".repeat(32);
  const tls = { ...OWN, verify: true, ca: authority.cert, pinnedCerts: [other] };
  const { log, server } = await start(t, { webSocket: { ...LISTENING, tls } });
  assert.match(await greet(t, server.webSocketUrl ?? "", {}, ALICE), /^error: /);
  assert.ok(log.some((line) => /TLS handshake error from .*: certificate not pinned \(CN=alice SHA-256: /.test(line)));
  assert.equal(isPinned({ version: "1.3", cipherSuite: "", serverName: null, peerCertificates: [] }, [other]), false);
});

test("a handshake of TLS that does not go on ends after handshake_timeout", async (t) => {
  const { server } = await start(t, { webSocket: { ...LISTENING, tls: OWN, handshakeTimeoutMs: 50 } });
  const client = await RawClient.connect(`nats://127.0.0.1:${server.webSocketPort}`);
  client.send("\x16\x03\x01");
  await client.ended();
  const secure = connectTls({ port: server.webSocketPort, host: "127.0.0.1", ca: authority.cert });
  await once(secure, "secureConnect");
  secure.write("GET / HTTP/1.1\r\n");
  await once(secure, "close");
});

test("same_origin knows https", async (t) => {
  const { server } = await start(t, { webSocket: { ...LISTENING, tls: OWN, sameOrigin: true } });
  const url = server.webSocketUrl ?? "";
  const own = { origin: url.replace("wss", "https") };
  assert.match(await greet(t, url, {}, own), /PONG\r\n$/);
  const plain = { origin: url.replace("wss", "http") };
  assert.equal(await greet(t, url, {}, plain), "error: Unexpected server response: 403");
});

test("large messages pass both ways, compressed too", async (t) => {
  const { server } = await start(t, { webSocket: { ...LISTENING, tls: OWN, compression: true } });
  for (const perMessageDeflate of [false, true]) {
    const socket = new WebSocket(server.webSocketUrl ?? "", { ca: authority.cert, perMessageDeflate });
    t.after(() => socket.terminate());
    let text = "";
    socket.on("message", (data: Buffer) => {
      if (text === "") socket.send('CONNECT {"verbose":false}\r\nSUB a 1\r\n');
      text += data.toString("latin1");
    });
    await waitFor(() => text !== "");
    const payload = "0123456789".repeat(100_000);
    for (let n = 0; n < 5; n++) socket.send(`PUB a ${payload.length}\r\n${payload}\r\n`);
    socket.send("PING\r\n");
    await waitFor(() => text.endsWith("PONG\r\n"));
    const [, ...messages] = text.split("MSG a 1 1000000\r\n");
    assert.equal(messages.length, 5);
    assert.ok(messages.every((message) => message.startsWith(payload)));
  }
});

test("handleUpgrade() serves an HTTPS server's clients, and takes their origin for https", async (t) => {
  const { server } = await start(t, { listen: false, webSocket: { sameOrigin: true } });
  const https = createHttpsServer(OWN, (_request, response) => response.end());
  https.on("upgrade", server.handleUpgrade);
  https.listen(0, "127.0.0.1");
  t.after(() => https.close());
  await once(https, "listening");
  const address = `127.0.0.1:${(https.address() as AddressInfo).port}`;
  assert.match(await greet(t, `wss://${address}`, {}, { origin: `https://${address}` }), /PONG\r\n$/);
  assert.match(await greet(t, `wss://${address}`, {}, { origin: `http://${address}` }), /403/);
});

test("a reload brings other certificates, and leaves clients alone who came by credentials of the listener", async (t) => {
  const other = new TestAuthority("Next CA");
  const next = other.issue({ ipAddresses: ["127.0.0.1"] });
  const webSocket = { ...LISTENING, user: "web", pass: "secret", userCookie: "u", passCookie: "p" };
  const { server } = await start(t, { maxSubscriptions: 7, webSocket: { ...webSocket, tls: OWN } });
  const url = server.webSocketUrl ?? "";
  assert.match(await greet(t, url, { user: "web", pass: "secret" }), /PONG\r\n$/);
  assert.match(await greet(t, url, {}, { headers: { Cookie: "u=web; p=secret" } }), /PONG\r\n$/);
  await server.reload({ maxSubscriptions: 7, token: "main", webSocket: { ...webSocket, tls: next } });
  assert.equal(server.connectionCount, 2);
  assert.match(await greet(t, url, { user: "web", pass: "secret" }), /^error: /);
  assert.match(await greet(t, url, { user: "web", pass: "secret" }, { ca: other.cert }), /PONG\r\n$/);
  assert.match(await greet(t, url, { auth_token: "main" }, { ca: other.cert }), /-ERR 'Authorization Violation'/);
  const more = { ...webSocket, tls: next, sameOrigin: true };
  await assert.rejects(server.reload({ maxSubscriptions: 7, token: "main", webSocket: more }), /Websocket/);
});

test("the option webSocket.tls is checked", async () => {
  const webSocket = { ...LISTENING, tls: { cert: OWN.cert } };
  await assert.rejects(createServer({ webSocket }), /webSocket: tls\./);
});
