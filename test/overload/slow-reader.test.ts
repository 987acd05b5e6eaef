// A client that stops reading is closed, by the bytes that wait for it or by the time a write takes, without a word; its
// neighbours lose nothing meanwhile. One that comes back before that loses nothing itself.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, test } from "node:test";
import { untilInterest, untilNoInterest } from "../support/interest.ts";
import { MyelinServer } from "../support/myelin-server.ts";
import type { RunningServer, Target } from "../support/target.ts";
import { forEveryTarget } from "../support/targets.ts";
import { overTcp } from "../support/wire.ts";
import { WireClient } from "../support/wire-client.ts";

const DEADLINE = { timeout: 30_000 };
const PAYLOAD = Buffer.alloc(64 * 1024, "x");
/** Payloads in turn: small ones, some larger than what is sent at once, some larger than any pooled buffer. */
const SIZES: readonly number[] = [0, 1, 100, 4_000, 16_384, 65_536, 70_000, 200_000];
const PING = Buffer.from("PING\r\n");
const CONNECT = 'CONNECT {"verbose":false}\r\n';

const LIMITS: ReadonlyArray<{ readonly name: string; readonly option: readonly [string, string] }> = [
  { name: "more than max_pending waits", option: ["max_pending", "2000000"] },
  { name: "a write takes longer than write_deadline", option: ["write_deadline", "200ms"] },
];

/** A subscriber that stops reading right after it has subscribed. */
async function slowSubscriber(server: RunningServer, subject: string): Promise<Socket> {
  const socket = connect({ host: server.host, port: server.port });
  await once(socket, "data"); // INFO
  socket.pause();
  socket.write(`${CONNECT}SUB ${subject} 1\r\n`);
  await untilInterest(server, subject);
  return socket;
}

/** The next `length` bytes, or more, of a socket that is read again; PINGs do not count. */
async function taken(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size < length) return;
      const came = withoutPings(Buffer.concat(chunks));
      if (came.length >= length) resolve(came);
    });
    socket.once("close", () => reject(new Error(`closed after ${size} of ${length} bytes`)));
    socket.resume();
  });
}

/** Two seconds after a client has come, a server asks whether it is there. No payload here holds those bytes. */
function withoutPings(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = bytes.indexOf(PING); at !== -1; at = bytes.indexOf(PING, start)) {
    parts.push(bytes.subarray(start, at));
    start = at + PING.length;
  }
  return Buffer.concat([...parts, bytes.subarray(start)]);
}

/** Everything that was sent to a socket that is read again, until it ends. */
async function drained(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {}); // a reset is one way to be closed; 'close' follows
  socket.resume();
  await once(socket, "close");
  return Buffer.concat(chunks);
}

function behaviour(target: Target): void {
  describe(`a slow reader of ${target.name}`, () => {
    for (const { name, option } of LIMITS) {
      test(`is closed when ${name}; its neighbour gets everything`, DEADLINE, async () => {
        const server = await target.start(new Map([option, ["max_payload", "100000"]]));
        try {
          const slow = await slowSubscriber(server, "slow");
          const neighbour = await WireClient.connect("neighbour", overTcp(server));
          await neighbour.send(Buffer.from(`${CONNECT}SUB quick 7\r\n`));
          await neighbour.settle();
          const publisher = await WireClient.connect("publisher", overTcp(server));
          await publisher.send(Buffer.from(CONNECT));

          let isOver = false;
          const quick: string[] = [];
          const message = Buffer.concat([Buffer.from(`PUB slow ${PAYLOAD.length}\r\n`), PAYLOAD, Buffer.from("\r\n")]);
          const gone = untilNoInterest(server, "slow").then(() => {
            isOver = true;
          });
          while (!isOver) {
            const text = String(quick.length);
            await publisher.send(message, Buffer.from(`PUB quick ${text.length}\r\n${text}\r\n`));
            await publisher.settle();
            quick.push(`MSG quick 7 ${text.length} "${text}"`);
          }
          await gone;

          await neighbour.settle();
          const came = neighbour.received.lines.filter((line) => line.kind === "msg").map((line) => line.text);
          assert.deepEqual(came, quick);
          const last = (await drained(slow)).subarray(-2000).toString("latin1");
          assert.doesNotMatch(last, /-ERR/, "the slow consumer is told nothing: it would not read it");
          assert.ok(!publisher.closed && !neighbour.closed);
          publisher.destroy();
          neighbour.destroy();
        } finally {
          await server.stop();
        }
      });
    }

    test("that reads again in time has every byte, in order", DEADLINE, async () => {
      const server = await target.start(new Map());
      try {
        const slow = await slowSubscriber(server, "slow");
        const publisher = await WireClient.connect("publisher", overTcp(server));
        await publisher.send(Buffer.from(CONNECT));
        const expected = [Buffer.from("MSG slow 1 _READY 0\r\n\r\n")];
        for (let number = 0; number < 600; number++) {
          const size = SIZES[number % SIZES.length] ?? 0;
          const body = Buffer.concat([
            Buffer.from(`${size}\r\n`),
            Buffer.alloc(size, `${number} `),
            Buffer.from("\r\n"),
          ]);
          await publisher.send(Buffer.concat([Buffer.from("PUB slow "), body]));
          expected.push(Buffer.from("MSG slow 1 "), body);
        }
        await publisher.settle();
        await untilInterest(server, "slow"); // it is still there
        expected.push(Buffer.from("MSG slow 1 _READY 0\r\n\r\n"));
        const whole = Buffer.concat(expected);
        const came = await taken(slow, whole.length);
        assert.equal(came.length, whole.length);
        const different = came.findIndex((byte, index) => byte !== whole[index]);
        assert.equal(different, -1, `byte ${different} of ${whole.length} is not the one that was sent`);
        publisher.destroy();
        slow.destroy();
      } finally {
        await server.stop();
      }
    });
  });
}

forEveryTarget("slow readers", new MyelinServer(), behaviour);
