import { strict as assert } from "node:assert";
import type { Duplex } from "@myelin/platform";
import { bench } from "@myelin/platform/bench";
import { createPlainArena, NodeClock, sharedArena } from "@myelin/platform/node";
import { latin1Bytes, Publication } from "@myelin/protocol";
import type { Subscriber } from "../routing/subscriber.ts";
import { Subscription } from "../routing/subscription.ts";
import { writeMessage } from "./client-delivery.ts";
import { FlushQueue } from "./flush-queue.ts";
import { Outbound } from "./outbound.ts";

const MESSAGES = 1000;
const nobody: Subscriber = { kind: "client", deliver: () => true };

/** Takes everything at once, as a socket with room does, and counts. */
class Sink {
  bytes = 0;
  write(bytes: Uint8Array): boolean {
    this.bytes += bytes.length;
    return true;
  }
}

function deliveryCase(name: string, arena: ReturnType<typeof sharedArena>, payloadBytes: number) {
  const sink = new Sink();
  const queue = new FlushQueue();
  const owner = { slowConsumer() {}, caughtUp() {}, drained() {}, sent() {} };
  const limits = { maxPendingBytes: 1 << 26, writeDeadlineMs: 10_000 };
  const out = new Outbound(arena, queue, sink as unknown as Duplex, new NodeClock(), limits, owner);
  const subscription = new Subscription(nobody, "bench.x", null, "1");
  const line = latin1Bytes(`PUB bench.x ${payloadBytes}\r\n${"x".repeat(payloadBytes)}\r\n`);
  const start = arena.readStart;
  arena.bytes.set(line, start);
  const message = new Publication(arena.bytes);
  message.subjectStart = start + 4;
  message.subjectEnd = start + 11;
  message.tailStart = start + 12;
  message.size = payloadBytes;
  message.end = start + line.length;
  message.payloadStart = message.end - 2 - payloadBytes;
  return {
    name,
    operations: MESSAGES,
    run(): number {
      sink.bytes = 0;
      for (let i = 0; i < MESSAGES; i++) writeMessage(out, arena, message, subscription, true);
      queue.flushAll();
      return sink.bytes;
    },
  };
}

const arena = sharedArena();
const plain = createPlainArena();
const written = bench("writeMessage and flush, per message", [
  deliveryCase(`16 B, ${arena.kind} arena`, arena, 16),
  deliveryCase("16 B, plain arena", plain, 16),
  deliveryCase(`128 B, ${arena.kind} arena`, arena, 128),
  deliveryCase("128 B, plain arena", plain, 128),
  deliveryCase(`1 KiB, ${arena.kind} arena`, arena, 1024),
  deliveryCase("1 KiB, plain arena", plain, 1024),
]);
const lineBytes = (size: number): number => `MSG bench.x 1 ${size}\r\n`.length + size + 2;
assert.equal(written, 2 * MESSAGES * (lineBytes(16) + lineBytes(128) + lineBytes(1024)));
