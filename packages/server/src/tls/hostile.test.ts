// Peers that do not do a handshake as they should: each costs itself its connection, and nobody else anything.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectPlain, createServer as createTcpServer, type Socket } from "node:net";
import { test } from "node:test";
import { type ConnectionOptions, connect as connectSecure, type TLSSocket } from "node:tls";
import { createPlainArena, NodeNetwork, NodeTlsServer } from "@myelin/platform/node";
import { SimClock } from "@myelin/platform/sim";
import { TestAuthority, waitFor } from "@myelin/testing";
import { createServer, type EmbeddedServer, type EmbeddedServerOptions } from "../embed/embedded-server.ts";
import type { Logger } from "../logger.ts";
import { nodeTlsOptions } from "./secure-context.ts";
import { completeTls, type TlsOptions } from "./settings.ts";

const AUTHORITY = new TestAuthority();
const PAIR = AUTHORITY.issue();
const TIMEOUT_MS = 2_000;
const SLOW = 500;

interface Running extends AsyncDisposable {
  readonly server: EmbeddedServer;
  readonly clock: SimClock;
  readonly lines: string[];
}

async function start(tls: TlsOptions = {}, more: EmbeddedServerOptions = {}): Promise<Running> {
  const clock = new SimClock();
  const lines: string[] = [];
  const note = (text: string): void => void lines.push(text);
  const logger: Logger = { debug: note, error: note, info: note, trace: note, warn: note };
  const arena = createPlainArena(8 * 1024 * 1024);
  const server = await createServer({ tls: { ...PAIR, ...tls }, debug: true, clock, logger, arena, ...more });
  const dispose = async (): Promise<void> => {
    await server.close();
    assert.equal(arena.takenBytes(), 0, "every slab is back");
    assert.doesNotMatch(lines.join("\n"), /internal error/);
  };
  return { server, clock, lines, [Symbol.asyncDispose]: dispose };
}

function open(server: EmbeddedServer): Socket {
  return connectPlain(server.port, "127.0.0.1").on("error", () => {}); // hostile ones may be reset
}

function closed(socket: Socket): Promise<void> {
  socket.resume();
  return socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once("close", () => resolve()));
}

/** A client that behaves: it gets its message through. */
async function works(server: EmbeddedServer, options: ConnectionOptions = {}): Promise<void> {
  const socket = open(server);
  await once(socket, "data");
  socket.pause().removeAllListeners("data");
  const secure = connectSecure({ socket, ca: AUTHORITY.cert, servername: "localhost", ...options });
  secure.write('CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n');
  let text = "";
  secure.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  await waitFor(() => text.includes("MSG a 1 2\r\nhi\r\nPONG\r\n"));
  secure.destroy();
}

/** What a client of this machine sends first: taken once, from a client that met no server. */
async function clientHello(): Promise<Buffer> {
  const listener = createTcpServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as { port: number };
  const client = connectSecure({ port, host: "127.0.0.1", servername: "localhost" }).on("error", () => {});
  const [socket] = (await once(listener, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  listener.close();
  return hello;
}

for (const [what, bytes] of [
  ["plain operations", "CONNECT {}\r\nSUB > 1\r\nPING\r\n"],
  ["HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["zeros", "\0".repeat(100)],
  ["a record that is too long", "\x16\x03\x01\xff\xff".padEnd(200, "x")],
  ["an alert", "\x15\x03\x01\0\x02\x02\0"],
  ["a handshake that is none", "\x16\x03\x01\0\x05\x0e\0\0\0\0"],
] as const) {
  for (const handshakeFirst of [false, true]) {
    test(`${what} instead of a handshake ends the connection${handshakeFirst ? ", first" : ""}`, async () => {
      await using running = await start({ handshakeFirst });
      const socket = open(running.server);
      let text = "";
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
      });
      socket.write(bytes, "latin1");
      await closed(socket);
      assert.doesNotMatch(text, /\+OK|PONG/);
      assert.ok(
        running.lines.some((line) => line.includes("TLS handshake error")),
        running.lines.join("\n"),
      );
      assert.ok(running.lines.some((line) => line.endsWith("Client connection closed: TLS Handshake Failure")));
      if (!handshakeFirst) await works(running.server);
    });
  }
}

test("a handshake may take its time and not more", async () => {
  await using running = await start({ timeoutMs: TIMEOUT_MS });
  const hello = await clientHello();
  const socket = open(running.server);
  socket.write(hello.subarray(0, hello.length / 2));
  await waitFor(() => running.lines.some((line) => line.endsWith("Starting TLS client connection handshake")));
  running.clock.advance(TIMEOUT_MS - 1);
  await works(running.server);
  running.clock.advance(1);
  await closed(socket);
  assert.ok(running.lines.some((line) => line.endsWith("cid:1 - TLS handshake timeout")));
});

test(`${SLOW} slow handshakes hold nobody up, and end together`, async () => {
  await using running = await start({ timeoutMs: TIMEOUT_MS });
  const { clock, server } = running;
  const hello = await clientHello();
  const slow = Array.from({ length: SLOW }, () => open(server));
  for (const [index, socket] of slow.entries()) socket.write(hello.subarray(0, 1 + (index % (hello.length - 1))));
  await waitFor(() => server.connectionCount === SLOW);
  await works(server);
  await waitFor(() => server.connectionCount === SLOW);
  clock.advance(TIMEOUT_MS);
  await Promise.all(slow.map(closed));
  await waitFor(() => server.connectionCount === 0);
});

for (const handshakeFirst of [false, true, "auto"] as const) {
  test(`a peer that goes at any step leaves nothing behind, handshake_first ${handshakeFirst}`, async () => {
    await using running = await start({ handshakeFirst }, { allowNonTls: handshakeFirst === "auto" });
    const { clock, server } = running;
    const hello = await clientHello();
    for (let length = 0; length <= hello.length; length += 37) {
      for (const leave of ["end", "destroy", "resetAndDestroy"] as const) {
        const socket = open(server);
        await once(socket, "connect");
        if (length > 0) socket.write(hello.subarray(0, length));
        socket[leave]();
        await closed(socket);
      }
    }
    // The whole hello, and an end at the server's answer.
    const socket = open(server);
    socket.write(hello);
    await once(socket, "data");
    socket.destroy();
    await waitFor(() => {
      clock.advance(100); // those that wait for INFO to be asked for
      return server.connectionCount === 0;
    });
  });
}

test("the server may close while handshakes are under way", async () => {
  const running = await start({ handshakeFirst: "auto" });
  const hello = await clientHello();
  const sockets = [0, 1, 50, hello.length].map((length) => {
    const socket = open(running.server);
    if (length > 0) socket.write(hello.subarray(0, length));
    return socket;
  });
  await waitFor(() => running.server.connectionCount === sockets.length);
  await running[Symbol.asyncDispose]();
  await Promise.all(sockets.map(closed));
});

test("what goes wrong behind a handshake ends that connection, and nothing else", async () => {
  const server = new NodeTlsServer(nodeTlsOptions(completeTls(PAIR, () => assert.fail("reads no file"))));
  const failed: Array<Error | null> = [];
  const listener = await new NodeNetwork().listen({ host: "127.0.0.1", port: 0 }, (duplex) => {
    duplex.startTls?.(server, {
      secured: () => {
        throw new Error("a certificate that nobody can read");
      },
      failed: (error) => void failed.push(error),
    });
  });
  for (let i = 0; i < 2; i++) {
    const secure = connectSecure({ port: listener.local.port, host: "127.0.0.1", rejectUnauthorized: false });
    secure.on("error", () => {}); // whatever it notices
    await new Promise((resolve) => secure.resume().once("close", resolve));
  }
  await listener.close();
  assert.equal(failed.length, 0);
});

test("nobody renegotiates", async () => {
  await using running = await start({ handshakeFirst: true });
  const options = { ca: AUTHORITY.cert, servername: "localhost", maxVersion: "TLSv1.2" } as const;
  const secure: TLSSocket = connectSecure({ port: running.server.port, host: "127.0.0.1", ...options });
  await once(secure, "secureConnect");
  const refused = new Promise((resolve) => {
    secure.once("error", resolve);
    secure.once("close", resolve);
  });
  secure.resume().renegotiate({}, (error) => assert.ok(error, "renegotiation was taken"));
  await refused;
  secure.destroy();
  await waitFor(() => running.server.connectionCount === 0);
});

test("bytes behind the handshake in the same packet are not lost, and in front of it are not taken", async () => {
  await using running = await start({ handshakeFirst: "auto" }, { allowNonTls: true });
  const { server } = running;
  // The client's last flight and its first operations leave together.
  const secure = connectSecure({ port: server.port, host: "127.0.0.1", ca: AUTHORITY.cert, servername: "localhost" });
  secure.write('CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n');
  let text = "";
  secure.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  await waitFor(() => text.endsWith("MSG a 1 2\r\nhi\r\nPONG\r\n"));
  secure.destroy();
  // Plain text first: this connection has no TLS, whatever comes then.
  const plain = open(server);
  let answer = "";
  plain.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
  });
  await once(plain, "connect");
  await waitFor(() => server.connectionCount === 1);
  running.clock.advance(50);
  await waitFor(() => answer.includes("INFO"));
  plain.write(Buffer.concat([Buffer.from("PING\r\n"), await clientHello()]));
  await closed(plain);
  assert.match(answer, /^INFO .*\r\nPONG\r\n-ERR 'Unknown Protocol Operation'\r\n$/);
});

test("a verified server lets nobody in by a session that was begun without a certificate", async () => {
  const alice = AUTHORITY.issue({ emailAddresses: ["alice@example.com"], usage: "client" });
  await using running = await start({ handshakeFirst: true, verify: true, ca: AUTHORITY.cert });
  const { server } = running;
  const sessions: Buffer[] = [];
  const attempt = async (options: ConnectionOptions): Promise<string> => {
    const secure = connectSecure({
      port: server.port,
      host: "127.0.0.1",
      ca: AUTHORITY.cert,
      servername: "localhost",
      ...options,
    });
    secure.on("error", () => {}); // refused
    secure.on("session", (session: Buffer) => sessions.push(session));
    let text = "";
    secure.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (text.includes("PONG")) secure.end();
    });
    secure.write("CONNECT {}\r\nPING\r\n");
    await new Promise((resolve) => secure.once("close", resolve));
    return text;
  };
  assert.doesNotMatch(await attempt({}), /INFO/);
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    assert.match(await attempt({ ...alice, maxVersion }), /PONG/);
    assert.doesNotMatch(await attempt({ maxVersion }), /INFO/);
  }
  for (const session of sessions) {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      assert.doesNotMatch(await attempt({ session, maxVersion }), /INFO/);
    }
  }
});
