import { strict as assert } from "node:assert";
import { bench } from "@myelin/platform/bench";
import { latin1Bytes } from "./bytes.ts";
import { ClientParser } from "./client-parser.ts";
import type { ClientSink } from "./client-sink.ts";
import type { Publication } from "./publication.ts";

const CHUNK_BYTES = 64 * 1024;

/** Adds up payload bytes, so that every message has to be parsed. */
class Counter implements ClientSink {
  bytes = 0;
  publish(message: Publication): void {
    this.bytes += message.size;
  }
  publishLine(): void {}
  subscribe(): void {}
  unsubscribe(): void {}
  connect(): void {}
  info(): void {}
  ping(): void {}
  pong(): void {}
  peerError(): void {}
  failed(code: string): void {
    throw new Error(code);
  }
}

function parserCase(name: string, makeMessage: (number: number) => string) {
  const messages: string[] = [];
  for (let bytes = 1, i = 0; ; i++) {
    const message = makeMessage(i);
    if (bytes + message.length > CHUNK_BYTES) break;
    messages.push(message);
    bytes += message.length;
  }
  const original = latin1Bytes(` ${messages.join("")}`);
  const chunk = new Uint8Array(original.length);
  const sink = new Counter();
  const parser = new ClientParser(sink);
  parser.acceptsHeaders = true;
  return {
    name,
    operations: messages.length,
    run(): number {
      sink.bytes = 0;
      chunk.set(original); // odd lines are rewritten in place
      assert.equal(parser.feed(chunk, 1, chunk.length), chunk.length);
      return sink.bytes;
    },
  };
}

const body = "x".repeat(16);
const checksum = bench("ClientParser.feed, per message of 16 B", [
  parserCase("one subject", () => `PUB bench.x 16\r\n${body}\r\n`),
  parserCase("another subject each time", (i) => `PUB bench.t${i}.x 16\r\n${body}\r\n`),
  parserCase(
    "requests: one subject, an inbox each",
    (i) => `PUB req.x _INBOX.ABCDEFGHIJKLMNOPQRSTUV.${i} 16\r\n${body}\r\n`,
  ),
  parserCase("with headers", () => `HPUB bench.x 12 28\r\nNATS/1.0\r\n\r\n${body}\r\n`),
  parserCase("odd: two blanks, line feed", () => `pub bench.x  16\n${body}\r\n`),
]);
assert.ok(checksum > 0);
