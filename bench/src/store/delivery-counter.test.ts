import assert from "node:assert/strict";
import { test } from "node:test";
import { DeliveryCounter } from "./delivery-counter.ts";

const MESSAGES = [
  "MSG replayed.x 2 $JS.ACK.R.C.1.1.1.1700000000000000000.0 5\r\nab\r\nc\r\n",
  "HMSG _INBOX.c 1 16 21\r\nNATS/1.0\r\nA: b\r\nhello\r\n",
  "MSG _INBOX.a 1 0\r\n\r\n",
];
const STREAM = `${MESSAGES[0]}PING\r\n${MESSAGES[1]}${MESSAGES[2]}`;

test("DeliveryCounter counts messages of any length, and hands on the lines between them, cut at every byte", () => {
  for (let cut = 0; cut <= STREAM.length; cut++) {
    const lines: string[] = [];
    const counter = new DeliveryCounter((line) => lines.push(line));
    for (const part of [STREAM.slice(0, cut), STREAM.slice(cut)])
      counter.take(Buffer.from(`${part}MSG x 1 0\r\n\r\n`, "latin1"), part.length);
    assert.deepEqual([counter.messages, counter.error, lines], [3, null, ["PING"]], `cut at ${cut}`);
  }
});

test("DeliveryCounter keeps the first error of the API", () => {
  const answer = '{"type":"x","error":{"code":404}}';
  const counter = new DeliveryCounter(() => assert.fail("no line was sent"));
  const bytes = Buffer.from(`MSG _INBOX.a 1 ${answer.length}\r\n${answer}\r\n`);
  counter.take(bytes, bytes.length);
  assert.equal(counter.error, answer);
});
