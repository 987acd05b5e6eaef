import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameCache, FrameStripper, handshakeRequest, maskedFrame } from "./websocket.ts";

const HANDSHAKE = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

/** An unmasked frame, as a server sends it. */
function frame(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), payload]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

test("FrameStripper gives the payload of all frames, wherever they are cut", () => {
  const payloads = [5, 125, 126, 300, 70_000].map((size) => Buffer.alloc(size, size & 0xff));
  const ping = frame(0x89, Buffer.from("hi"));
  const frames = payloads.flatMap((payload) => [frame(0x82, payload), ping]);
  const bytes = Buffer.concat([Buffer.from(HANDSHAKE), ...frames, frame(0x89, Buffer.alloc(0))]);
  for (const step of [1, 3, 7, 4_096, bytes.length]) {
    const taken: Buffer[] = [];
    const answers: Buffer[] = [];
    const stripper = new FrameStripper(
      (payload) => taken.push(Buffer.from(payload)),
      (answer) => answers.push(answer),
    );
    for (let at = 0; at < bytes.length; at += step) stripper.feed(bytes.subarray(at, at + step));
    assert.ok(Buffer.concat(taken).equals(Buffer.concat(payloads)));
    assert.equal(answers.length, payloads.length + 1);
    assert.deepEqual(answers[0], maskedFrame(Buffer.from("hi"), 0x8a));
  }
});

test("FrameStripper fails on a refused handshake and on a close frame", () => {
  const stripper = (): FrameStripper =>
    new FrameStripper(
      () => assert.fail(),
      () => assert.fail(),
    );
  assert.throws(() => stripper().feed(Buffer.from("HTTP/1.1 403 Forbidden\r\n\r\n")), /403 Forbidden/);
  const bytes = Buffer.concat([Buffer.from(HANDSHAKE), frame(0x88, Buffer.from("\x03\xe8bye", "latin1"))]);
  assert.throws(() => stripper().feed(bytes), /the server closes: bye/);
});

test("FrameCache masks a buffer once", () => {
  const cache = new FrameCache();
  const payload = Buffer.alloc(70_000, 1);
  const made = cache.frameOf(payload);
  assert.equal(cache.frameOf(payload), made);
  assert.equal(made.length, 70_000 + 14);
  assert.equal(made[14]! ^ made[10]!, 1);
  assert.ok(handshakeRequest("h", 1).includes("Host: h:1\r\n"));
});
