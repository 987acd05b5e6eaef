import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type MessageLine, messageLine } from "./message-line.ts";
import { MessageParseError } from "./message-parse-error.ts";
import { type MessageLimits, MessageParser, type MessageSink } from "./message-parser.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Writes down what the parser says, so that runs can be compared. */
class Recorder implements MessageSink {
  readonly ops: string[] = [];
  readonly #line: MessageLine = { subjectStart: 0, subjectEnd: 0, replyStart: 0, replyEnd: 0 };

  info(bytes: Uint8Array, start: number, end: number): void {
    this.ops.push(`INFO ${text(bytes, start, end)}`);
  }
  message(bytes: Uint8Array, lineStart: number, sid: number, body: number, payload: number, end: number): void {
    const line = messageLine(bytes, lineStart, this.#line);
    const subject = text(bytes, line.subjectStart, line.subjectEnd);
    const reply = text(bytes, line.replyStart, line.replyEnd);
    this.ops.push(`${sid} ${subject} [${reply}] h=${text(bytes, body, payload)} p=${text(bytes, payload, end)}`);
  }
  ping(): void {
    this.ops.push("PING");
  }
  pong(): void {
    this.ops.push("PONG");
  }
  ok(): void {
    this.ops.push("+OK");
  }
  error(bytes: Uint8Array, start: number, end: number): void {
    this.ops.push(`-ERR ${text(bytes, start, end)}`);
  }
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end));
}

function parseAll(chunks: Uint8Array[], limits?: MessageLimits): string[] {
  const recorder = new Recorder();
  const parser = new MessageParser(recorder, limits);
  for (const chunk of chunks) {
    // Fed from a borrowed buffer that is spoilt afterwards: the parser must have copied.
    // It is a Buffer, as Node's sockets give it, whose `slice` copies nothing.
    const borrowed = Buffer.alloc(chunk.length + 8, 0x58);
    borrowed.set(chunk, 4);
    parser.feed(borrowed, 4, 4 + chunk.length);
    borrowed.fill(0x5a);
  }
  assert.ok(parser.atBoundary, "nothing is left over");
  assert.deepEqual(parseOwned(chunks, limits), recorder.ops);
  return recorder.ops;
}

/** Sizes of blocks, in turns: some are too small for what a read before them left incomplete. */
const BLOCKS_BYTES = [50, 13, 700, 90, 24];

/** The same bytes by the other way in: reads that lie one behind the other in blocks. */
function parseOwned(chunks: Uint8Array[], limits?: MessageLimits): string[] {
  const recorder = new Recorder();
  const parser = new MessageParser(recorder, limits);
  let block = Buffer.alloc(0);
  let at = 0;
  let blocks = 0;
  for (const chunk of chunks) {
    let taken = 0;
    while (taken < chunk.length) {
      if (at === block.length) {
        const size = BLOCKS_BYTES[blocks++ % BLOCKS_BYTES.length] as number;
        block = Buffer.alloc(size, 0x0a); // line ends behind what was read must not be seen
        at = parser.carryOver(block);
        assert.ok(at < size, "there is room for the read");
      }
      const read = chunk.subarray(taken, taken + block.length - at);
      block.set(read, at);
      parser.feedOwned(block, at, at + read.length);
      at += read.length;
      taken += read.length;
    }
  }
  assert.ok(parser.atBoundary, "nothing is left over");
  return recorder.ops;
}

const CASES: ReadonlyArray<{ name: string; wire: string; ops: string[] }> = [
  { name: "INFO", wire: 'INFO {"a":1} \r\n', ops: ['INFO {"a":1} '] },
  { name: "MSG without a reply", wire: "MSG a.b 7 5\r\nhello\r\n", ops: ["7 a.b [] h= p=hello"] },
  { name: "MSG with a reply", wire: "MSG a.b 7 _INBOX.x 2\r\nhi\r\n", ops: ["7 a.b [_INBOX.x] h= p=hi"] },
  { name: "MSG with a reply of digits", wire: "MSG a 7 12 2\r\nhi\r\n", ops: ["7 a [12] h= p=hi"] },
  { name: "an empty payload", wire: "MSG a 1 0\r\n\r\n", ops: ["1 a [] h= p="] },
  {
    name: "a payload that looks like protocol",
    wire: "MSG a 1 8\r\nPING\r\n\r\n\r\n",
    ops: ["1 a [] h= p=PING\r\n\r\n"],
  },
  { name: "HMSG", wire: "HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", ops: ["1 a [] h=NATS/1.0\r\n\r\n p=hi"] },
  {
    name: "HMSG with a reply",
    wire: "HMSG a 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\n",
    ops: ["1 a [r] h=NATS/1.0\r\n\r\n p="],
  },
  { name: "pings and pongs", wire: "PING\r\nPONG\r\n", ops: ["PING", "PONG"] },
  { name: "small letters", wire: "msg a 1 1\r\nx\r\nping\r\n+ok\r\n", ops: ["1 a [] h= p=x", "PING", "+OK"] },
  { name: "tabs and several blanks", wire: "MSG\ta  1\t r \t1\r\nx\r\n", ops: ["1 a [r] h= p=x"] },
  { name: "a bare line feed", wire: "PING\nMSG a 1 1\nx\r\n", ops: ["PING", "1 a [] h= p=x"] },
  { name: "-ERR", wire: "-ERR 'Stale Connection'\r\n", ops: ["-ERR Stale Connection"] },
  {
    name: "lines that begin as the one before does",
    wire: "MSG a 1 1\r\nx\r\nMSG a 12 1\r\ny\r\nMSG a 12 r 1\r\nz\r\nMSG a 1 0\r\n\r\nMSG a.b 1 1\r\nx\r\nMSG a.b 1  2\r\nxy\r\n",
    ops: ["1 a [] h= p=x", "12 a [] h= p=y", "12 a [r] h= p=z", "1 a [] h= p=", "1 a.b [] h= p=x", "1 a.b [] h= p=xy"],
  },
  {
    name: "HMSG with a reply of digits, other blanks, and lines that begin as the one before does",
    wire: "HMSG a 1 3 12 13\r\nNATS/1.0\r\n\r\nx\r\nHMSG a 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\nHMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\nHMSG a 1  12\t13 \r\nNATS/1.0\r\n\r\ny\r\nMSG a 1 1\r\nz\r\nhmsg a 1 12 12\nNATS/1.0\r\n\r\n\r\n",
    ops: [
      "1 a [3] h=NATS/1.0\r\n\r\n p=x",
      "1 a [r] h=NATS/1.0\r\n\r\n p=",
      "1 a [] h=NATS/1.0\r\n\r\n p=",
      "1 a [] h=NATS/1.0\r\n\r\n p=y",
      "1 a [] h= p=z",
      "1 a [] h=NATS/1.0\r\n\r\n p=",
    ],
  },
  {
    name: "several in a row",
    wire: "MSG a 1 1\r\nx\r\nMSG b.c 22 r 3\r\nabc\r\nPING\r\nMSG a 1 1\r\ny\r\n",
    ops: ["1 a [] h= p=x", "22 b.c [r] h= p=abc", "PING", "1 a [] h= p=y"],
  },
];

for (const { name, wire, ops } of CASES) {
  test(`feed() takes ${name}, whole, cut at every byte, and byte by byte`, () => {
    const bytes = encoder.encode(wire);
    assert.deepEqual(parseAll([bytes]), ops);
    for (let cut = 1; cut < bytes.length; cut++) {
      assert.deepEqual(parseAll([bytes.subarray(0, cut), bytes.subarray(cut)]), ops, `cut at ${cut}`);
    }
    assert.deepEqual(parseAll(Array.from(bytes, (byte) => Uint8Array.of(byte))), ops);
  });
}

test("feed() gives the same operations however a long session is cut", () => {
  const op = fc.oneof(
    fc.tuple(fc.stringMatching(/^[a-z.]{1,30}$/), fc.nat(99999), fc.boolean(), fc.nat(3000)),
    // A few subjects and numbers, so that lines begin as the one before does.
    fc.tuple(fc.constantFrom("ab.cd", "ab.cde", "ab.cd.e"), fc.constantFrom(1, 12, 121), fc.boolean(), fc.nat(20)),
    fc.constant(null),
  );
  fc.assert(
    fc.property(fc.array(op, { maxLength: 40 }), fc.array(fc.integer({ min: 1, max: 4000 })), (ops, sizes) => {
      let wire = "";
      const expected: string[] = [];
      for (const entry of ops) {
        if (entry === null) {
          wire += "PING\r\n";
          expected.push("PING");
          continue;
        }
        const [subject, sid, reply, size] = entry;
        const payload = "x".repeat(size);
        const header = size % 3 === 1 ? "NATS/1.0\r\n\r\n" : "";
        const sizes = header === "" ? `${size}` : `12 ${12 + size}`;
        wire += `${header === "" ? "" : "H"}MSG ${subject} ${sid} ${reply ? "r " : ""}${sizes}\r\n${header}${payload}\r\n`;
        expected.push(`${sid} ${subject} [${reply ? "r" : ""}] h=${header} p=${payload}`);
      }
      const bytes = encoder.encode(wire);
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const size of sizes) {
        if (at >= bytes.length) break;
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      if (at < bytes.length) chunks.push(bytes.subarray(at));
      assert.deepEqual(parseAll(chunks), expected);
    }),
    { numRuns: 200 },
  );
});

const BAD: ReadonlyArray<readonly [name: string, wire: string]> = [
  ["an unknown operation", "HELLO\r\n"],
  ["a size that is too small", "MSG a 1 2\r\nhello\r\n"],
  ["a size with a sign", "MSG a 1 -5\r\nhello\r\n"],
  ["a size that is no number", "MSG a 1 x\r\nhello\r\n"],
  ["a size of 2 GB", "MSG a 1 2147483648\r\n"],
  ["a size of thirty digits", "MSG a 1 123456789012345678901234567890\r\n"],
  ["a sid that is no number", "MSG a b 1 1\r\nx\r\n"],
  ["too few tokens", "MSG a 1\r\nMSG a 1 1\r\nx\r\n"],
  ["too many tokens", "MSG a 1 r s 1\r\nx\r\n"],
  ["headers longer than the message", "HMSG a 1 20 10\r\n0123456789\r\n"],
  ["a truncated name", "PINGX\r\n"],
  ["HTTP", "HTTP/1.1 400 Bad Request\r\n"],
  ["TLS", "\x15\x03\x03\x00\x02\x02\x16\n"],
  ["an endless line", "MSG a".padEnd(5000, "a")],
  ["an endless INFO", "INFO {".padEnd(20_000, " ")],
];

for (const [name, wire] of BAD) {
  test(`feed() refuses ${name}, however it is cut, and stays stopped`, () => {
    const limits = { lineBytesMax: 4096, infoBytesMax: 16_384, messageBytesMax: 1024 * 1024 };
    const bytes = encoder.encode(wire);
    for (const step of [bytes.length, 1, 3, 1000]) {
      const recorder = new Recorder();
      const parser = new MessageParser(recorder, limits);
      assert.throws(() => {
        for (let at = 0; at < bytes.length; at += step) parser.feed(bytes, at, Math.min(bytes.length, at + step));
      }, MessageParseError);
      parser.feed(encoder.encode("PING\r\n"), 0, 6);
      assert.ok(!recorder.ops.includes("PING"));
    }
  });
}

test("feed() refuses a bad line behind a good one that begins alike", () => {
  for (const bad of ["MSG a 1\r\n", "MSG a 1 x\r\n", "MSG a 1 r x\r\n", "MSG a 1 -1\r\n", "MSG a 1 1 1 1\r\nx\r\n"]) {
    const bytes = encoder.encode(`MSG a 1 1\r\nx\r\n${bad}MSG a 1 1\r\nx\r\n`);
    assert.throws(() => new MessageParser(new Recorder()).feed(bytes, 0, bytes.length), MessageParseError, bad);
  }
});

test("feed() refuses a bad HMSG behind a good one that begins alike", () => {
  const good = "HMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n";
  for (const rest of [
    "12\r\n",
    "r 12\r\n",
    "13 12\r\n",
    "12 x\r\n",
    "12 -1\r\n",
    "r x 12\r\n",
    "r r 12 12\r\n",
    "1 2 3 4\r\n",
  ]) {
    const bytes = encoder.encode(`${good}HMSG a 1 ${rest}NATS/1.0\r\n\r\n\r\n${good}`);
    assert.throws(() => new MessageParser(new Recorder()).feed(bytes, 0, bytes.length), MessageParseError, rest);
  }
});

test("feed() holds no more than was received for a message whose size lies", () => {
  const allocated: number[] = [];
  const parser = new MessageParser(new Recorder(), undefined, (size) => {
    allocated.push(size);
    return new Uint8Array(size);
  });
  const line = encoder.encode("MSG a 1 60000000\r\nabc");
  parser.feed(line, 0, line.length);
  assert.ok(Math.max(...allocated) < 1000);
});

test("feed() never throws anything else than MessageParseError", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "MSG ",
      "HMSG ",
      "PING\r\n",
      "INFO ",
      "-ERR '",
      "\r\n",
      " ",
      "1",
      "99",
      "a.b",
      "\t",
      "+OK\r\n",
      "\0",
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.integer({ min: 1, max: 50 }), (pieces, step) => {
      const bytes = encoder.encode(pieces.join(""));
      const parser = new MessageParser(new Recorder());
      try {
        for (let at = 0; at < bytes.length; at += step) parser.feed(bytes, at, Math.min(bytes.length, at + step));
      } catch (error) {
        assert.ok(error instanceof MessageParseError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test("stop() inside a call of the sink drops the rest of the block", () => {
  const recorder = new Recorder();
  const parser = new MessageParser(recorder);
  recorder.ping = () => parser.stop();
  const bytes = encoder.encode("PING\r\nPONG\r\n");
  parser.feed(bytes, 0, bytes.length);
  assert.deepEqual(recorder.ops, []);
});
