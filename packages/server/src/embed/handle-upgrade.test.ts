import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { wsconnect } from "@nats-io/transport-node";
import { WebSocket } from "ws";
import { createServer, type EmbeddedServer, type EmbeddedServerOptions } from "./embedded-server.ts";

const DOCUMENT = fileURLToPath(new URL("../../../../docs/embedding.md", import.meta.url));
const HEADERS_OF_A_PAGE = { headers: { Origin: "http://elsewhere.example" } };

/** An HTTP server of the test's own that passes upgrades on. */
async function listen(t: TestContext, server: EmbeddedServer): Promise<string> {
  const http = createHttpServer((_request, response) => response.end("a page"));
  http.on("upgrade", server.handleUpgrade);
  http.listen(0, "127.0.0.1");
  t.after(() => http.close());
  await once(http, "listening");
  return addressOf(http);
}

function addressOf(http: HttpServer): string {
  return `127.0.0.1:${(http.address() as AddressInfo).port}`;
}

async function start(t: TestContext, options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  const server = await createServer({ listen: false, ...options });
  t.after(() => server.close());
  return server;
}

/** Opens a WebSocket; resolves with what comes first: a message, or the error of the handshake. */
async function open(t: TestContext, url: string, options: object = {}): Promise<string> {
  const socket = new WebSocket(url, options);
  t.after(() => socket.terminate());
  return new Promise((resolve) => {
    socket.once("message", (data: Buffer) => resolve(data.toString()));
    socket.once("error", (error) => resolve(error.message));
  });
}

function connect(address: string, options: { user?: string; pass?: string } = {}) {
  return wsconnect({
    servers: `ws://${address}/nats`,
    reconnect: false,
    ...options,
    wsFactory: (url) => {
      const socket = new WebSocket(url) as unknown as globalThis.WebSocket;
      return Promise.resolve({ socket, encrypted: false });
    },
  });
}

test("handleUpgrade() serves clients on a program's own HTTP server, beside its pages", async (t) => {
  const server = await start(t);
  const address = await listen(t, server);
  const nc = await connect(address);
  nc.subscribe("echo", { callback: (_error, message) => void message.respond(message.data) });
  assert.equal((await nc.request("echo", "hello")).string(), "hello");
  assert.equal(await (await fetch(`http://${address}/`)).text(), "a page");
  assert.equal(server.connectionCount, 1);
  assert.equal(server.webSocketUrl, null);
  assert.equal(server.webSocketPort, 0);
  await nc.close();
});

test("handleUpgrade() follows the option webSocket, which needs no port", async (t) => {
  const webSocket = { sameOrigin: true, compression: true, user: "web", pass: "secret" };
  const address = await listen(t, await start(t, { webSocket }));
  assert.match(await open(t, `ws://${address}`), /^INFO .*"auth_required":true/);
  assert.equal(await open(t, `ws://${address}`, HEADERS_OF_A_PAGE), "Unexpected server response: 403");
  await (await connect(address, { user: "web", pass: "secret" })).close();
  await assert.rejects(connect(address, { user: "web", pass: "guess" }), /Authorization Violation/);
});

test("handleUpgrade() of a server that is closed ends the connection", async (t) => {
  const server = await start(t);
  const address = await listen(t, server);
  await server.close();
  assert.equal(await open(t, `ws://${address}`), "socket hang up");
});

test("close() says farewell to WebSockets, and waits for nothing", async (t) => {
  const server = await start(t);
  const socket = new WebSocket(`ws://${await listen(t, server)}`);
  await once(socket, "message");
  const closed = once(socket, "close");
  await server.close();
  const [code, reason] = (await closed) as [number, Buffer];
  assert.equal(code, 1001);
  assert.equal(reason.toString(), "Server Shutdown");
});

test("the example of docs/embedding.md runs", async (t) => {
  const blocks = [...readFileSync(DOCUMENT, "utf8").matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code ?? "");
  const example = blocks.find((code) => code.includes("handleUpgrade"));
  assert.ok(example !== undefined);
  // Beside this file, where the names of packages lead to them.
  const path = fileURLToPath(new URL(`./example-${process.pid}.mjs`, import.meta.url));
  writeFileSync(path, `${example}\nexport { http, server };\n`);
  t.after(() => rmSync(path));
  const { http, server } = (await import(path)) as { http: HttpServer; server: EmbeddedServer };
  t.after(async () => {
    http.close();
    await server.close();
  });
  if (!http.listening) await once(http, "listening");
  const nc = await connect(addressOf(http));
  await nc.flush();
  await nc.close();
});

test("the option webSocket opens a listener of its own", async (t) => {
  const server = await start(t, { listen: true, webSocket: { host: "127.0.0.1", port: -1, noTls: true } });
  assert.equal(server.webSocketUrl, `ws://127.0.0.1:${server.webSocketPort}`);
  assert.notEqual(server.webSocketPort, server.port);
  await (await connect(`127.0.0.1:${server.webSocketPort}`)).close();
});

test("the option webSocket is checked", async () => {
  for (const [webSocket, problem] of [
    [{ port: -1 }, /webSocket: noTls: websocket requires TLS configuration/],
    [{ allowedOrigins: ["nonsense"] }, /webSocket: allowedOrigins: unable to parse allowed origin/],
    [{ headers: { "sec-websocket-accept": "x" } }, /webSocket: headers: .* prefix not allowed/],
    [{ headers: { "X-A": "a\r\nX-B: b" } }, /webSocket: headers: .* has a line end/],
    [{ noAuthUser: "nobody" }, /webSocket: noAuthUser: no_auth_user: "nobody" present, but users/],
    [{ port: 70_000, noTls: true }, /webSocket: port 70000 is not a whole number from -1 to 65535/],
    [{ handshakeTimeoutMs: 0 }, /webSocket: handshakeTimeoutMs 0 is not/],
    [{ por: 1 }, /there is no such option as webSocket\.por/],
  ] as const) {
    await assert.rejects(createServer({ webSocket } as EmbeddedServerOptions), problem);
  }
});

test("a busy port for WebSockets leaves no listener behind", async (t) => {
  const first = await start(t, { webSocket: { host: "127.0.0.1", port: -1, noTls: true } });
  const webSocket = { host: "127.0.0.1", port: first.webSocketPort, noTls: true };
  await assert.rejects(createServer({ webSocket }), { name: "WebSocketListenError", code: "EADDRINUSE" });
});
