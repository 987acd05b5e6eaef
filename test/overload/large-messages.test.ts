import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { SimClock } from "@myelin/testing";
import { RawClient } from "./raw-client.ts";
import { eventually, startInTest } from "./server.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bytes that differ everywhere, so that a shifted or mixed-up payload shows. */
function payloadOf(size: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = seed | 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

/** A digest of all that comes, and how much it was. */
function digest(client: RawClient) {
  const hash = createHash("sha256");
  let length = 0;
  client.socket.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    length += chunk.length;
  });
  return { length: () => length, hex: () => hash.digest("hex") };
}

test("messages of every size arrive byte for byte, by every path: read region, slab, ordinary memory", async (t) => {
  const { arena, port, server } = await startInTest(t, { maxPayloadBytes: 8 * MIB }, new SimClock());
  const readers = [await RawClient.open(port, "SUB big 1\r\n"), await RawClient.open(port, "SUB > a-long-sid\r\n")];
  const before = readers.map((reader) => reader.receivedBytes);
  const digests = readers.map((reader) => digest(reader));
  const producer = await RawClient.open(port);
  const wanted = readers.map(() => createHash("sha256"));
  const lengths = [0, 0];
  const sizes = [0, 1, 100, 16 * KIB - 30, 16 * KIB, 64 * KIB, 65 * KIB, 119 * KIB, 120 * KIB, 121 * KIB, 128 * KIB];
  for (const [index, size] of [...sizes, 200 * KIB, MIB, 3 * MIB, 8 * MIB, 1, 70 * KIB].entries()) {
    const payload = payloadOf(size, index + 1);
    await producer.write(`PUB big reply.${index} ${size}\r\n`);
    await producer.write(payload);
    await producer.write("\r\n");
    for (const [reader, sid] of ["1", "a-long-sid"].entries()) {
      for (const part of [Buffer.from(`MSG big ${sid} reply.${index} ${size}\r\n`), payload, Buffer.from("\r\n")]) {
        wanted[reader]?.update(part);
        lengths[reader] = (lengths[reader] as number) + part.length;
      }
    }
  }
  for (const [index, reader] of readers.entries()) {
    const wantedBytes = (before[index] as number) + (lengths[index] as number);
    await reader.until(() => reader.receivedBytes >= wantedBytes);
    assert.equal(digests[index]?.length(), lengths[index]);
    assert.equal(digests[index]?.hex(), wanted[index]?.digest("hex"));
  }
  for (const client of [...readers, producer]) client.close();
  await eventually(() => server.core.connectionCount === 0);
  await server.close();
  assert.equal(arena.takenBytes(), 0);
});

test("a connection that ends in the middle of a large message leaves no memory behind", async (t) => {
  const { arena, port, server } = await startInTest(t, { maxPayloadBytes: 8 * MIB });
  for (const [declared, sent] of [
    [100 * KIB, 30 * KIB],
    [100 * KIB, 99 * KIB],
    [4 * MIB, 70 * KIB],
    [15 * KIB, 3],
  ] as const) {
    const client = await RawClient.open(port);
    await client.write(`PUB big ${declared}\r\n${"x".repeat(sent)}`);
    client.socket.end();
    await client.until(() => client.closed);
  }
  await eventually(() => server.core.connectionCount === 0);
  assert.equal(arena.takenBytes(), 0);
  await server.close();
});
