import assert from "node:assert/strict";
import { test } from "node:test";
import { deliveredShape, LETTERS, prepareBatch, sliceBatch } from "./bytes.ts";
import { streamLoad } from "./stream-load.fixture.ts";

test("prepareBatch() writes whole publishes of one length, one letter each, a multiple of 26", () => {
  const load = streamLoad({ payloadBytes: 3 });
  const { bytes, messageBytes } = prepareBatch(load, 1);
  assert.equal(messageBytes, "PUB bench.x 3\r\naaa\r\n".length);
  assert.equal(bytes.length % (messageBytes * LETTERS), 0);
  const text = bytes.toString("latin1", 0, messageBytes * 27);
  assert.ok(text.startsWith("PUB bench.x 3\r\naaa\r\nPUB bench.x 3\r\nbbb\r\n"));
  assert.ok(text.endsWith("PUB bench.x 3\r\nzzz\r\nPUB bench.x 3\r\naaa\r\n"));
});

test("prepareBatch() draws many subjects of equal length, the same for the same seed", () => {
  const load = streamLoad({ subjects: 1000, payloadBytes: 16 });
  const batch = prepareBatch(load, 7);
  const lines = batch.bytes.toString("latin1").match(/PUB bench\.t\d{6}\.x 16\r\n/g) ?? [];
  assert.equal(lines.length, batch.bytes.length / batch.messageBytes);
  const different = new Set(lines);
  assert.ok(different.size > 990 && different.size <= 1000, `${different.size} different subjects`);
  assert.deepEqual(prepareBatch(load, 7).bytes, batch.bytes);
});

test("prepareBatch() counts the header block in HPUB's sizes", () => {
  const { bytes, messageBytes } = prepareBatch(streamLoad({ headers: true, payloadBytes: 8 }), 1);
  const message = bytes.toString("latin1", 0, messageBytes);
  const match = /^HPUB bench\.x (\d+) (\d+)\r\n/.exec(message);
  assert.ok(match !== null);
  const rest = message.slice(match[0].length);
  assert.equal(rest.slice(Number(match[1])), "aaaaaaaa\r\n");
  assert.equal(Number(match[2]), rest.length - 2);
});

test("deliveredShape() is the publish with MSG for PUB and the sid in between", () => {
  const plain = deliveredShape(streamLoad({ payloadBytes: 16 }));
  assert.equal(plain.prefix.toString(), "MSG bench.x 1 16\r\n");
  assert.equal(plain.messageBytes, "MSG bench.x 1 16\r\n".length + 16 + 2);
  assert.equal(plain.variesFrom, plain.variesTo);
  const many = deliveredShape(streamLoad({ subjects: 1000, payloadBytes: 16 }));
  assert.equal(many.prefix.toString(), "MSG bench.t000000.x 1 16\r\n");
  assert.equal(many.prefix.toString("latin1", many.variesFrom, many.variesTo), "000000");
});

test("sliceBatch() loses nothing, and gives one message per write when asked", () => {
  const batch = prepareBatch(streamLoad({ payloadBytes: 100 }), 1);
  assert.deepEqual(Buffer.concat(sliceBatch(batch, 65_536)), batch.bytes);
  const single = sliceBatch(batch, null);
  assert.equal(single.length, batch.bytes.length / batch.messageBytes);
  assert.ok(single.every((slice) => slice.length === batch.messageBytes));
});
