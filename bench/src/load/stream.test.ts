import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { prepareBatch } from "./bytes.ts";
import type { LoadResult, LoadSpec, StreamLoad } from "./spec.ts";
import { runStream } from "./stream.ts";
import { streamLoad } from "./stream-load.fixture.ts";

const PING = Buffer.from("PING\r\n");
const PONG = Buffer.from("PONG\r\n");
const SEED = 12345;

/** A server of one connection: answers the handshake, then hands on what comes. */
async function listen(received: (chunk: Buffer, socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    let greeting = "";
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      if (greeting.endsWith("PING\r\n")) return received(chunk, socket);
      greeting += chunk.toString("latin1");
      if (greeting.endsWith("PING\r\n")) socket.write("INFO {}\r\nPONG\r\nINFO {}\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { server, port: address.port };
}

function run(port: number, load: StreamLoad, count: number): Promise<LoadResult> {
  const target = { host: "127.0.0.1", port, serverPid: process.pid, connect: {}, tls: false, webSocket: false };
  const spec: LoadSpec = { target, load, count, warmupCount: count };
  return new Promise((resolve, reject) => {
    runStream(spec, load, reject).then(resolve, reject);
  });
}

test("runStream() answers a PING between messages, never inside one", async () => {
  const load = streamLoad({ subscribers: 0, payloadBytes: 40_000 });
  const batch = prepareBatch(load, SEED);
  const count = 30;
  const part = (from: number): Buffer => {
    const twice = Buffer.concat([batch.bytes, batch.bytes, batch.bytes]);
    return twice.subarray(from * batch.messageBytes, (from + count) * batch.messageBytes);
  };
  const chunks: Buffer[] = [];
  const { server, port } = await listen((chunk, socket) => {
    if (chunks.length === 0) socket.write(PING);
    chunks.push(chunk);
    if (chunk.includes(PING)) socket.write(PONG);
  });
  try {
    const result = await run(port, load, count);
    assert.equal(result.count, count);
    assert.deepEqual(Buffer.concat(chunks), Buffer.concat([part(0), PING, PONG, part(count), PING]));
  } finally {
    server.close();
  }
});

test("runStream() fails when a connection is closed on it", async () => {
  const { server, port } = await listen((_chunk, socket) => socket.destroy());
  try {
    await assert.rejects(run(port, streamLoad({ subscribers: 0 }), 100_000), /closed a connection/);
  } finally {
    server.close();
  }
});

test("runStream() fails on -ERR", async () => {
  const { server, port } = await listen((_chunk, socket) => void socket.end("-ERR 'Maximum Payload Violation'\r\n"));
  try {
    await assert.rejects(run(port, streamLoad({ subscribers: 0 }), 10), /answered -ERR 'Maximum Payload/);
  } finally {
    server.close();
  }
});
