import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1, latin1Bytes } from "./bytes.ts";
import { ClientParser } from "./client-parser.ts";
import type { Arguments, ClientSink } from "./client-sink.ts";
import type { ProtocolErrorCode } from "./errors.ts";
import type { Publication } from "./publication.ts";

/** Writes down what the parser says. */
class Recorder implements ClientSink {
  readonly said: string[] = [];
  readonly parser: ClientParser = new ClientParser(this);

  publish(message: Publication): void {
    const { bytes, end, headerSize, payloadStart, size, tailStart } = message;
    const reply = latin1(bytes, message.replyStart, message.replyEnd);
    const body = latin1(bytes, payloadStart, payloadStart + size);
    const subject = latin1(bytes, message.subjectStart, message.subjectEnd);
    assert.equal(latin1(bytes, end - 2, end), "\r\n");
    assert.equal(latin1(bytes, tailStart - 1, tailStart), " ", "one blank between subject and tail");
    this.said.push(`pub ${subject}|${reply}|${headerSize}|${body}|${latin1(bytes, tailStart, payloadStart)}`);
  }
  publishLine(message: Publication): void {
    this.said.push(`line ${latin1(message.bytes, message.subjectStart, message.subjectEnd)}`);
  }
  subscribe(args: Arguments): void {
    this.said.push(`sub ${words(args)}`);
  }
  unsubscribe(args: Arguments): void {
    this.said.push(`unsub ${words(args)}`);
  }
  connect(bytes: Uint8Array, start: number, end: number): void {
    this.said.push(`connect ${latin1(bytes, start, end)}`);
    this.parser.expectsConnect = false;
  }
  info(bytes: Uint8Array, start: number, end: number): void {
    this.said.push(`info ${latin1(bytes, start, end)}`);
  }
  ping(): void {
    this.said.push("ping");
  }
  pong(): void {
    this.said.push("pong");
  }
  peerError(bytes: Uint8Array, start: number, end: number): void {
    this.said.push(`err ${latin1(bytes, start, end)}`);
  }
  failed(code: ProtocolErrorCode): void {
    this.said.push(`failed ${code}`);
  }
}

function words(args: Arguments): string {
  const out: string[] = [];
  for (let i = 0; i < args.count; i++) {
    out.push(latin1(args.bytes, args.ranges[2 * i] as number, args.ranges[2 * i + 1] as number));
  }
  return out.join("|");
}

interface Setting {
  headers?: boolean;
  lines?: boolean;
  auth?: boolean;
  maxPayload?: number;
  maxLine?: number;
}

/** Feeds chunks as a connection does: what is left over comes in front of the next one. */
function parseAll(chunks: readonly Uint8Array[], setting: Setting = {}): string[] {
  const recorder = new Recorder();
  const { parser } = recorder;
  parser.acceptsHeaders = setting.headers ?? true;
  parser.watchesLines = setting.lines ?? false;
  parser.expectsConnect = setting.auth ?? false;
  parser.maxPayloadBytes = setting.maxPayload ?? 1024;
  parser.maxControlLineBytes = setting.maxLine ?? 64;
  let left = new Uint8Array(0);
  for (const chunk of chunks) {
    const bytes = new Uint8Array(1 + left.length + chunk.length);
    bytes.set(left, 1);
    bytes.set(chunk, 1 + left.length);
    const rest = parser.feed(bytes, 1, bytes.length);
    assert.ok(rest >= 0 && rest <= bytes.length);
    left = new Uint8Array(bytes.subarray(rest));
    if (parser.stopped) break;
  }
  return recorder.said;
}

const LONG = "x".repeat(70);

const CASES: ReadonlyArray<{ name: string; text: string; said: string[]; setting?: Setting }> = [
  { name: "publish", text: "PUB a.b 5\r\nhello\r\n", said: ["pub a.b||-1|hello|5\r\n"] },
  { name: "publish with reply", text: "PUB a 1b 2\r\nhi\r\n", said: ["pub a|1b|-1|hi|1b 2\r\n"] },
  { name: "empty payload", text: "PUB a 0\r\n\r\n", said: ["pub a||-1||0\r\n"] },
  { name: "leading zeros stay", text: "PUB a 005\r\nhello\r\n", said: ["pub a||-1|hello|005\r\n"] },
  {
    name: "lower case, tabs, blanks, line feed",
    text: "pub \t a\t  r  3\nabc\r\n",
    said: ["pub a|r|-1|abc|r 3\r\n"],
  },
  { name: "control characters in a subject", text: "PUB a\u0001b 1\r\nx\r\n", said: ["pub a\u0001b||-1|x|1\r\n"] },
  {
    name: "two in a row to one subject",
    text: "PUB foo 1\r\na\r\nPUB foo 1\r\nb\r\nPUB fox 1\r\nc\r\n",
    said: ["pub foo||-1|a|1\r\n", "pub foo||-1|b|1\r\n", "pub fox||-1|c|1\r\n"],
  },
  {
    name: "headers",
    text: "HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\nhpub  a r\t12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
    said: ["pub a||12|NATS/1.0\r\n\r\nhi|12 14\r\n", "pub a|r|12|NATS/1.0\r\n\r\nhi|r 12 14\r\n"],
  },
  { name: "two blanks in HPUB", text: "HPUB a  0 2\r\nhi\r\n", said: ["pub a||0|hi|0 2\r\n"] },
  {
    name: "headers not agreed on",
    text: "HPUB a 0 0\r\n",
    said: ["failed HEADERS_NOT_SUPPORTED"],
    setting: { headers: false },
  },
  { name: "headers longer than all", text: "HPUB a 3 2\r\n", said: ["failed BAD_ARGUMENTS"] },
  { name: "subscribe", text: "SUB a.* 1\r\nsub a q 22\n", said: ["sub a.*|1", "sub a|q|22"] },
  { name: "subscribe with too little", text: "SUB a\r\n", said: ["failed BAD_ARGUMENTS"] },
  { name: "subscribe with too much", text: "SUB a b c d\r\n", said: ["failed BAD_ARGUMENTS"] },
  { name: "unsubscribe", text: "UNSUB 1\r\nUNSUB 1 5\r\n", said: ["unsub 1", "unsub 1|5"] },
  { name: "ping and pong, with trailing text", text: "PING\r\npong x y\r\nPINGING\n", said: ["ping", "pong", "ping"] },
  { name: "+OK is ignored", text: "+OK\r\n+okay\r\nPING\r\n", said: ["ping"] },
  { name: "-ERR", text: "-ERR 'x'\r\n", said: ["err 'x'"] },
  { name: "-ERR without a blank", text: "-ERR\r\n", said: ["failed UNKNOWN_OPERATION"] },
  { name: "connect", text: 'CONNECT {"a":1}\r\nCONNECT{}\r\n', said: ['connect {"a":1}', "connect {}"] },
  { name: "info", text: "INFO {}\r\n", said: ["info {}"] },
  { name: "unknown operation", text: "PING\r\nPUX", said: ["ping", "failed UNKNOWN_OPERATION"] },
  { name: "operations of server links", text: "RMSG a\r\n", said: ["failed UNKNOWN_OPERATION"] },
  { name: "empty line", text: "\r\n", said: ["failed UNKNOWN_OPERATION"] },
  { name: "payload too short", text: "PUB a 2\r\nhix\r\n", said: ["failed UNKNOWN_OPERATION"] },
  { name: "payload too long for its size", text: "PUB a 2\r\nh\r\n\r\n", said: ["failed UNKNOWN_OPERATION"] },
  { name: "payload too large", text: "PUB a 1025\r\n", said: ["failed MAX_PAYLOAD"] },
  { name: "line too long", text: `SUB ${LONG} 1\r\n`, said: ["failed CONTROL_LINE"] },
  { name: "publish line too long", text: `PUB ${LONG} 1\r\n`, said: ["failed CONTROL_LINE"] },
  { name: "line too long before it ends", text: `SUB ${LONG}`, said: ["failed CONTROL_LINE"] },
  { name: "blanks without end are not kept", text: `PUB${" ".repeat(500)}a 1\r\nx\r\n`, said: ["pub a||-1|x|1\r\n"] },
  {
    name: "operation before CONNECT",
    text: "PING\r\n",
    said: ["failed AUTHORIZATION_VIOLATION"],
    setting: { auth: true },
  },
  { name: "CONNECT first", text: "CONNECT {}\r\nPING\r\n", said: ["connect {}", "ping"], setting: { auth: true } },
  {
    name: "watched lines, once each",
    text: "PUB a 1\r\nx\r\nPUB  b 2\nhi\r\n",
    said: ["line a", "pub a||-1|x|1\r\n", "line b", "pub b||-1|hi|2\r\n"],
    setting: { lines: true },
  },
  ...["1e3", "0x10", "+5", "-1", "1.0", "", "99999999999999999999", "0000000005", "5 x", "٣"].map((size) => ({
    name: `the size ${JSON.stringify(size)} is no number`,
    text: `PUB a ${size}\r\nhello\r\n`,
    said: ["failed BAD_ARGUMENTS"],
  })),
];

for (const { name, text, said, setting } of CASES) {
  test(`feed() ${name}, whole, cut at every byte, and byte by byte`, () => {
    const bytes = Buffer.from(text, "utf8");
    assert.deepEqual(parseAll([bytes], setting), said);
    for (let cut = 1; cut < bytes.length; cut++) {
      assert.deepEqual(parseAll([bytes.subarray(0, cut), bytes.subarray(cut)], setting), said, `cut at ${cut}`);
    }
    const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    assert.deepEqual(parseAll(single, setting), said, "byte by byte");
  });
}

test("feed() tells how many bytes a message will have once its line is there", () => {
  const { parser } = new Recorder();
  const bytes = latin1Bytes(" PUB a 100\r\nhello");
  assert.equal(parser.feed(bytes, 1, 6), 1);
  assert.equal(parser.needed, 0);
  assert.equal(parser.feed(bytes, 1, bytes.length), 1);
  assert.equal(parser.needed, "PUB a 100\r\n".length + 100 + 2);
});

test("feed() takes nothing after stop(), not even from the same chunk", () => {
  const recorder = new Recorder();
  recorder.ping = () => recorder.parser.stop();
  const bytes = latin1Bytes(" PING\r\nPONG\r\n");
  assert.equal(recorder.parser.feed(bytes, 1, bytes.length), bytes.length);
  assert.deepEqual(recorder.said, []);
});

test("feed() says the same of any bytes, however they are cut, and never throws", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "PUB ",
      "HPUB ",
      "SUB ",
      "UNSUB ",
      "PING\r\n",
      "+OK\r\n",
      "CONNECT {}\r\n",
      "\r\n",
      "\n",
      " ",
      "\t",
      "foo",
      "a.b",
      "0",
      "5",
    ),
    fc.constantFrom("PUB foo 2\r\nhi\r\n", "PUB foo _IN.1 2\r\nhi\r\n", "HPUB x 0 2\r\nhi\r\n", "pub\tx 3 \nabc\r\n"),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(200), { maxLength: 6 }), (pieces, cuts) => {
      const bytes = Buffer.from(pieces.join(""), "utf8");
      const places = [...new Set(cuts.map((cut) => Math.min(cut, bytes.length)))].sort((a, b) => a - b);
      const chunks = [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
      assert.deepEqual(parseAll(chunks), parseAll([bytes]));
    }),
    { numRuns: 2000 },
  );
});
