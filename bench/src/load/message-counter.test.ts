import assert from "node:assert/strict";
import { test } from "node:test";
import { deliveredShape, prepareBatch } from "./bytes.ts";
import { MessageCounter } from "./message-counter.ts";
import type { StreamLoad } from "./spec.ts";
import { streamLoad } from "./stream-load.fixture.ts";

/** What a server would deliver for the first `count` publishes of a batch. */
function delivered(load: StreamLoad, count: number): string[] {
  const { bytes, messageBytes } = prepareBatch(load, 1);
  return Array.from({ length: count }, (_, n) =>
    bytes
      .toString("latin1", n * messageBytes, (n + 1) * messageBytes)
      .replace(/^(H?)PUB (\S+) /, (_line, h: string, subject: string) => `${h}MSG ${subject} 1 `),
  );
}

/** Feeds a stream in pieces of `size` bytes, each followed by stale bytes as in a shared read buffer. */
function count(load: StreamLoad, stream: string, size: number): { messages: number; lines: string[] } {
  const lines: string[] = [];
  const counter = new MessageCounter(deliveredShape(load), true, (line) => lines.push(line));
  const bytes = Buffer.from(stream, "latin1");
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    counter.take(Buffer.concat([piece, Buffer.from("MSG stale")]), piece.length);
  }
  return { messages: counter.messages, lines };
}

for (const load of [
  streamLoad({ payloadBytes: 16 }),
  streamLoad({ payloadBytes: 16, headers: true }),
  streamLoad({ payloadBytes: 9, subjects: 50 }),
]) {
  const what = `${load.headers ? "HMSG" : "MSG"}, ${load.subjects} subject(s)`;
  test(`take() counts ${what} in pieces of every size, with PINGs and INFO at every place`, () => {
    const messages = delivered(load, 30);
    const whole = messages.join("");
    for (let size = 1; size <= whole.length; size++)
      assert.equal(count(load, whole, size).messages, 30, `pieces of ${size}`);
    for (let place = 0; place <= 30; place++) {
      const stream = [...messages.slice(0, place), "PING\r\nINFO {}\r\n", ...messages.slice(place)].join("");
      for (const size of [1, 7, 64, 1000, stream.length])
        assert.deepEqual(count(load, stream, size), { messages: 30, lines: ["PING", "INFO {}"] }, `place ${place}`);
    }
  });
}

test("take() notices a lost, a doubled and a displaced message", () => {
  const load = streamLoad({ payloadBytes: 16 });
  const [a, b, c, d] = delivered(load, 4) as [string, string, string, string];
  for (const wrong of [
    [b, c],
    [a, a],
    [a, c, b, d],
  ])
    assert.throws(() => count(load, wrong.join(""), a.length), /Message \d is wrong/);
});

test("take() notices foreign bytes: another subject, another length, a torn payload", () => {
  const load = streamLoad({ payloadBytes: 16 });
  const [a] = delivered(load, 1) as [string];
  for (const wrong of [a.replace("bench.x", "bench.y"), a.replace("1 16", "2 16"), a.replace("aa\r\n", "aaa\r"), "x"])
    assert.throws(() => count(load, wrong, 1000), /is wrong: expected/);
});
