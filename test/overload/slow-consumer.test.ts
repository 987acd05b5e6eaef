import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "@myelin/testing";
import { RawClient } from "./raw-client.ts";
import { eventually, startInTest } from "./server.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

function messages(count: number, size: number): string {
  return `PUB flood ${size}\r\n${"x".repeat(size)}\r\n`.repeat(count);
}

test("a client that stops reading is closed at max_pending; others get everything; no memory stays", async (t) => {
  const { arena, port, server } = await startInTest(t, { maxPendingBytes: 4 * MIB });
  const stuck = await RawClient.open(port, "SUB flood 1\r\n");
  const reader = await RawClient.open(port, "SUB flood 1\r\n");
  const producer = await RawClient.open(port);
  stuck.socket.pause();
  const before = reader.receivedBytes;
  const batch = messages(256, KIB);
  let sent = 0;
  while (server.core.counters.slowConsumers === 0) {
    await producer.write(batch);
    sent += 256;
    await producer.settle();
  }
  const wanted = sent * (`MSG flood 1 ${KIB}\r\n`.length + KIB + 2);
  await reader.until(() => reader.receivedBytes - before >= wanted);
  assert.equal(reader.receivedBytes - before, wanted);
  await eventually(() => server.core.connectionCount === 2);
  assert.ok(
    server.log.split("\n").some((line) => line.endsWith(`Slow Consumer Detected: MaxPending of ${4 * MIB} Exceeded`)),
  );
  stuck.socket.resume();
  await stuck.until(() => stuck.closed);
  reader.close();
  producer.close();
  await eventually(() => server.core.connectionCount === 0);
  await server.close();
  assert.equal(arena.takenBytes(), 0);
});

test("a client that stops reading is closed at the write deadline, exactly", async (t) => {
  const clock = new SimClock();
  const { port, server } = await startInTest(t, { writeDeadlineMs: 3_000 }, clock);
  const stuck = await RawClient.open(port, "SUB flood 1\r\n");
  const producer = await RawClient.open(port);
  stuck.socket.pause();
  const connection = [...server.core.connections].find((candidate) => candidate.subscriptions.size === 1);
  assert.ok(connection);
  while (connection.pendingBytes < MIB) {
    await producer.write(messages(256, KIB));
    await producer.settle();
  }
  clock.advance(2_999);
  assert.equal(server.core.counters.slowConsumers, 0);
  clock.advance(1);
  await eventually(() => server.core.connectionCount === 1);
  assert.equal(server.core.counters.slowConsumers, 1);
  assert.ok(
    server.log.split("\n").some((line) => line.includes("Slow Consumer Detected: WriteDeadline of 3s exceeded")),
  );
  for (const client of [stuck, producer]) client.close();
  await server.close();
});

test("a fast producer waits for a receiver above three quarters of max_pending, and nothing is lost", async (t) => {
  // Time stands still: the few milliseconds after which a producer goes on all the same never pass.
  const clock = new SimClock();
  const { port, server } = await startInTest(t, { maxPendingBytes: 512 * KIB, maxPayloadBytes: 64 * KIB }, clock);
  const reader = await RawClient.open(port, "SUB flood 1\r\n");
  const producer = await RawClient.open(port);
  const before = reader.receivedBytes;
  const count = 20_000;
  // The reader takes a breath whenever it has got some, so that its buffer fills again and again.
  reader.socket.on("data", () => {
    reader.socket.pause();
    setImmediate(() => reader.socket.resume());
  });
  const batch = messages(250, KIB);
  for (let sent = 0; sent < count; sent += 250) await producer.write(batch);
  const wanted = count * (`MSG flood 1 ${KIB}\r\n`.length + KIB + 2);
  await reader.until(() => reader.receivedBytes - before >= wanted || reader.closed);
  assert.equal(reader.receivedBytes - before, wanted);
  assert.equal(server.core.counters.slowConsumers, 0);
  assert.ok(server.core.counters.stalls > 0, "the producer had to wait");
  for (const client of [reader, producer]) client.close();
  await server.close();
});

test("with no_fast_producer_stall the receiver that falls behind misses messages, and the producer never waits", async (t) => {
  const { port, server } = await startInTest(t, { maxPendingBytes: MIB, noFastProducerStall: true });
  const stuck = await RawClient.open(port, "SUB flood 1\r\n");
  const producer = await RawClient.open(port);
  stuck.socket.pause();
  const connection = [...server.core.connections].find((candidate) => candidate.subscriptions.size === 1);
  assert.ok(connection);
  const batch = messages(256, KIB);
  for (let sent = 0; sent < 64; sent++) {
    await producer.write(batch);
    await producer.settle();
  }
  assert.ok(connection.pendingBytes <= MIB);
  assert.equal(server.core.counters.slowConsumers, 0);
  assert.equal(server.core.counters.stalls, 0);
  assert.equal(server.core.connectionCount, 2);
  for (const client of [stuck, producer]) client.close();
  await server.close();
});
