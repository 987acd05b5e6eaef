import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerLines } from "./server-lines.ts";

const CASES: ReadonlyArray<{ readonly name: string; readonly bytes: string; readonly texts: readonly string[] }> = [
  { name: "short lines", bytes: "PING\r\nPONG\r\n+OK\r\n", texts: ["PING", "PONG", "+OK"] },
  { name: "an error", bytes: "-ERR 'Invalid Subject'\r\n", texts: ["-ERR 'Invalid Subject'"] },
  { name: "a message", bytes: "MSG foo 1 re 4\r\na\r\nb\r\n", texts: ['MSG foo 1 re 4 "a\\r\\nb"'] },
  { name: "headers", bytes: "HMSG foo 1 2 3\r\nabc\r\n", texts: ['HMSG foo 1 2 3 "abc"'] },
  { name: "a line ended by a bare line feed", bytes: "PONG\n", texts: ['"PONG\\n"'] },
  {
    name: "a payload without its CRLF",
    bytes: "MSG foo 1 2\r\nhi!!PONG\r\n",
    texts: ['"MSG foo 1 2\\r\\nhi!!"', "PONG"],
  },
  { name: "a message without a size", bytes: "MSG foo 1 x\r\n", texts: ['"MSG foo 1 x"'] },
  { name: "INFO without the blank at its end", bytes: "INFO {}\r\n", texts: ['"INFO {}"'] },
];

for (const { name, bytes, texts } of CASES) {
  test(`push() takes apart ${name}, whole and byte by byte`, () => {
    const whole = new ServerLines();
    whole.push(Buffer.from(bytes));
    const pieces = new ServerLines();
    for (const byte of Buffer.from(bytes)) pieces.push(Buffer.of(byte));
    for (const lines of [whole, pieces]) {
      assert.deepEqual(
        lines.lines.map((line) => line.text),
        texts,
      );
      assert.equal(lines.rest.length, 0);
    }
  });
}

test("push() keeps INFO's keys in their order and masks what differs from run to run", () => {
  const lines = new ServerLines();
  lines.push(Buffer.from('INFO {"server_id":"N1","server_name":"N1","max_payload":64,"version":"2","proto":1} \r\n'));
  assert.equal(
    lines.lines[0]?.text,
    'INFO {"server_id":<server_id>,"server_name":<server_name>,"max_payload":64,"version":<version>,"proto":1}',
  );
});

test("push() shows a server's name that was given to it", () => {
  const lines = new ServerLines();
  lines.push(Buffer.from('INFO {"server_id":"N1","server_name":"front"} \r\n'));
  assert.equal(lines.lines[0]?.text, 'INFO {"server_id":<server_id>,"server_name":"front"}');
});

test("rest is what has not come whole", () => {
  const lines = new ServerLines();
  lines.push(Buffer.from("PONG\r\nMSG foo 1 5\r\nhel"));
  assert.equal(lines.lines.length, 1);
  assert.equal(lines.rest.toString(), "MSG foo 1 5\r\nhel");
});
