import { strict as assert } from "node:assert";
import { bench } from "@myelin/platform/bench";
import { latin1Bytes } from "./bytes.ts";
import { MessageParser, type MessageSink } from "./message-parser.ts";

const CHUNK_BYTES = 64 * 1024;

/** Adds up payload bytes, so that every message has to be parsed. */
class Counter implements MessageSink {
  bytes = 0;
  message(
    _bytes: Uint8Array,
    _lineStart: number,
    _sid: number,
    _bodyStart: number,
    payloadStart: number,
    end: number,
  ): void {
    this.bytes += end - payloadStart;
  }
  info(): void {}
  ping(): void {}
  pong(): void {}
  ok(): void {}
  error(): void {}
}

function parserCase(name: string, makeMessage: (number: number) => string) {
  const messages: string[] = [];
  for (let bytes = 0, i = 0; ; i++) {
    const message = makeMessage(i);
    if (bytes + message.length > CHUNK_BYTES) break;
    messages.push(message);
    bytes += message.length;
  }
  const block = latin1Bytes(messages.join(""));
  const sink = new Counter();
  const parser = new MessageParser(sink);
  return {
    name,
    operations: messages.length,
    run(): number {
      sink.bytes = 0;
      parser.feedOwned(block, 0, block.length);
      assert.ok(parser.atBoundary);
      return sink.bytes;
    },
  };
}

const body = "x".repeat(16);
const checksum = bench("MessageParser.feedOwned, per message of 16 B", [
  parserCase("one subject", () => `MSG orders.europe.new 12 16\r\n${body}\r\n`),
  parserCase("another subject each time", (i) => `MSG orders.europe.t${i} 12 16\r\n${body}\r\n`),
  parserCase(
    "requests: one subject, an inbox each",
    (i) => `MSG req.x 12 _INBOX.ABCDEFGHIJKLMNOPQRSTUV.${i} 16\r\n${body}\r\n`,
  ),
  parserCase("answers: an inbox each", (i) => `MSG _INBOX.ABCDEFGHIJKLMNOPQRSTUV.${i} 1 16\r\n${body}\r\n`),
  parserCase("with headers", () => `HMSG orders.europe.new 12 27 43\r\nNATS/1.0\r\nA-Header: b12\r\n\r\n${body}\r\n`),
]);
assert.ok(checksum > 0);
