// What a connection does behind its handshake: it waits, falls behind, and carries large messages as a plain one does.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect as connectSecure, type TLSSocket } from "node:tls";
import type { Duplex } from "@myelin/platform";
import { NodeNetwork, NodeTlsServer } from "@myelin/platform/node";
import { TestAuthority, waitFor } from "@myelin/testing";
import { createServer, type EmbeddedServer } from "../embed/embedded-server.ts";
import { SILENT_LOGGER } from "../logger.ts";
import { nodeTlsOptions } from "./secure-context.ts";
import { completeTls } from "./settings.ts";

const AUTHORITY = new TestAuthority();
const TLS = { ...AUTHORITY.issue(), handshakeFirst: true, timeoutMs: 20_000 };
const MIB = 1024 * 1024;
const HASH = "$2a$04$f9.SULZAKZaUbonuSr3Fb.hrHgvnIFANWFCjkBuxDtYC32LV8G4ji"; // of "hashed"

function open(port: number): TLSSocket {
  return connectSecure({ port, host: "127.0.0.1", ca: AUTHORITY.cert, servername: "localhost" });
}

/** What a client gets, as text. */
function reading(socket: TLSSocket): { text: string } {
  const read = { text: "" };
  socket.on("data", (chunk: Buffer) => {
    read.text += chunk.toString("latin1");
  });
  return read;
}

test("operations behind a CONNECT that has to wait for its answer are not lost", async () => {
  await using server = await createServer({ tls: TLS, users: [{ user: "bob", pass: HASH }] });
  const socket = open(server.port);
  const read = reading(socket);
  socket.write('CONNECT {"user":"bob","pass":"hashed","verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n');
  await waitFor(() => read.text.endsWith("MSG a 1 2\r\nhi\r\nPONG\r\n"));
  socket.destroy();
});

test("messages of any size arrive as they were sent", async () => {
  await using server = await createServer({ tls: TLS });
  const socket = open(server.port);
  const read = reading(socket);
  socket.write('CONNECT {"verbose":false}\r\nSUB a 1\r\n');
  let wanted = "";
  for (let size = 1; size <= MIB; size = size * 3 + 1) {
    const payload = String.fromCharCode(65 + (size % 26)).repeat(size);
    socket.write(`PUB a ${size}\r\n${payload}\r\n`);
    wanted += `MSG a 1 ${size}\r\n${payload}\r\n`;
  }
  socket.write("PING\r\n");
  await waitFor(() => read.text.endsWith("PONG\r\n"));
  assert.ok(read.text.slice(read.text.indexOf("\r\n") + 2) === `${wanted}PONG\r\n`);
  socket.destroy();
});

async function publish(server: EmbeddedServer, until: () => boolean): Promise<void> {
  const socket = open(server.port);
  const read = reading(socket);
  socket.write('CONNECT {"verbose":false}\r\n');
  const batch = `PUB a 1024\r\n${"x".repeat(1024)}\r\n`.repeat(256);
  while (!until()) {
    socket.write(`${batch}PING\r\n`);
    read.text = "";
    await waitFor(() => read.text.includes("PONG\r\n"));
  }
  socket.destroy();
}

test("who does not read is closed as a slow consumer, and others are served", async () => {
  await using server = await createServer({ tls: TLS, maxPendingBytes: 2 * MIB });
  const slow = open(server.port);
  slow.write('CONNECT {"verbose":false}\r\nSUB a 1\r\nPING\r\n');
  const read = reading(slow);
  await waitFor(() => read.text.includes("PONG\r\n"));
  slow.pause();
  const closed = once(slow, "close");
  await publish(server, () => server.statistics.slowConsumers > 0);
  slow.on("error", () => {}).resume(); // the server has destroyed it
  await closed;
  assert.equal(server.statistics.slowConsumers, 1);
});

test("a listener without a shared read buffer does TLS as well", async () => {
  const server = new NodeTlsServer(nodeTlsOptions(completeTls(TLS, () => assert.fail("reads no file"))));
  const listener = await new NodeNetwork().listen({ host: "127.0.0.1", port: 0 }, (duplex: Duplex) => {
    duplex.startTls?.(server, {
      secured: () => {
        duplex.open({
          received: (bytes, start, end) => void duplex.write(new Uint8Array(bytes.subarray(start, end))),
          written: () => {},
          ended: () => duplex.close(),
          closed: () => {},
        });
      },
      failed: (error) => assert.fail(String(error)),
    });
  });
  const socket = open(listener.local.port);
  const read = reading(socket);
  const text = "echo ".repeat(100_000);
  socket.end(text);
  await once(socket, "close");
  assert.ok(read.text === text);
  await listener.close();
});

test("a client without the certificate that is pinned is told from one with another in the log", async () => {
  const lines: string[] = [];
  const told = (text: string): void => void lines.push(text.replace(/^.*cid:\d+ - /, ""));
  const tls = { ...TLS, ca: AUTHORITY.cert, pinnedCerts: ["a".repeat(64)] };
  const ofTest = async (verify: boolean, own: object): Promise<string[]> => {
    lines.length = 0;
    await using server = await createServer({
      tls: { ...tls, verify },
      debug: true,
      logger: { ...SILENT_LOGGER, debug: told, error: told },
    });
    const socket = connectSecure({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false, ...own });
    socket.on("error", () => {}); // it is cut off
    await waitFor(() => lines.some((line) => line.startsWith("Client connection closed")));
    socket.destroy();
    return lines.filter((line) => /pinned/.test(line));
  };
  assert.deepEqual(await ofTest(false, {}), [
    "Failed pinned cert test as client did not provide a certificate",
    "TLS handshake error: certificate not pinned",
  ]);
  const [debug, error] = await ofTest(true, AUTHORITY.issue());
  assert.match(debug ?? "", /^Failed pinned cert test for key id: [0-9a-f]{64}$/);
  assert.match(error ?? "", /^TLS handshake error: certificate not pinned \(CN=/);
});
