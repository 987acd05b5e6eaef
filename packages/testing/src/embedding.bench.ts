// What embedding costs: the start of a server in this process, of many at once, and of the program; requests without a socket
// against requests over loopback. Run by hand: node packages/testing/dist/embedding.bench.js [start|many|requests|program ...]

import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import type { Duplex, DuplexSink } from "@myelin/platform";
import { isTiny } from "@myelin/platform/bench";
import { NodeNetwork } from "@myelin/platform/node";
import { createServer, type EmbeddedServer } from "@myelin/server";
import { ChildServer } from "./child/child-server.ts";
import { startServer } from "./start-server.ts";

const BODY = "x".repeat(16);
const REQUEST = Buffer.from(`PUB service _INBOX.requester 16\r\n${BODY}\r\n`);
const REQUEST_BYTES = `MSG service 1 _INBOX.requester 16\r\n${BODY}\r\n`.length;
const REPLY = Buffer.from(`PUB _INBOX.requester 16\r\n${BODY}\r\n`);
const REPLY_BYTES = `MSG _INBOX.requester 1 16\r\n${BODY}\r\n`.length;

/** The cheapest client there can be: after its handshake every message has the same length, so it counts bytes. */
class CountingClient implements DuplexSink {
  onMessages: (count: number) => void = () => {};
  readonly #duplex: Duplex;
  readonly #messageBytes: number;
  #bytes = 0;
  #ready: (() => void) | null = null;

  constructor(duplex: Duplex, messageBytes: number) {
    this.#duplex = duplex;
    this.#messageBytes = messageBytes;
    duplex.open(this);
  }

  handshake(subject: string): Promise<void> {
    this.send(Buffer.from(`CONNECT {"verbose":false,"pedantic":false}\r\nSUB ${subject} 1\r\nPING\r\n`));
    return new Promise((resolve) => {
      this.#ready = resolve;
    });
  }

  send(bytes: Uint8Array): void {
    // Every number of messages under way here is far below what blocks.
    this.#duplex.write(bytes);
  }

  received(bytes: Uint8Array, start: number, end: number): void {
    if (this.#ready !== null) {
      if (!Buffer.from(bytes.subarray(start, end)).includes("PONG\r\n")) return;
      this.#ready();
      this.#ready = null;
      return;
    }
    this.#bytes += end - start;
    const count = Math.floor(this.#bytes / this.#messageBytes);
    if (count === 0) return;
    this.#bytes -= count * this.#messageBytes;
    this.onMessages(count);
  }

  written(): void {}
  ended(): void {}
  closed(): void {}

  close(): void {
    this.#duplex.destroy();
  }
}

/** Requests per second with so many under way. */
async function requestRate(connect: () => Promise<Duplex>, underWay: number, total: number): Promise<number> {
  const responder = new CountingClient(await connect(), REQUEST_BYTES);
  const requester = new CountingClient(await connect(), REPLY_BYTES);
  await responder.handshake("service");
  await requester.handshake("_INBOX.requester");
  const replies = batches(REPLY, underWay);
  const requests = batches(REQUEST, underWay);
  responder.onMessages = (count) => responder.send(replies[count] as Uint8Array);
  let sent = underWay;
  let done = 0;
  const beganMs = performance.now();
  await new Promise<void>((resolve) => {
    requester.onMessages = (count) => {
      done += count;
      const next = Math.min(count, total - sent);
      if (next > 0) {
        sent += next;
        requester.send(requests[next] as Uint8Array);
      }
      if (done === total) resolve();
    };
    requester.send(requests[underWay] as Uint8Array);
  });
  const seconds = (performance.now() - beganMs) / 1000;
  assert.equal(done, total);
  responder.close();
  requester.close();
  return total / seconds;
}

function batches(message: Uint8Array, most: number): readonly Uint8Array[] {
  return Array.from({ length: most + 1 }, (_, count) => Buffer.concat(Array.from({ length: count }, () => message)));
}

async function requests(): Promise<void> {
  await using server = await createServer({ pingIntervalMs: 3_600_000 });
  const { port } = server;
  const network = new NodeNetwork();
  const inProcess = (): Promise<Duplex> => Promise.resolve(server.connectInProcess());
  const overTcp = (): Promise<Duplex> => network.connect({ host: "127.0.0.1", port });
  for (const [underWay, total] of [
    [1, 20_000],
    [16, 100_000],
    [256, 400_000],
  ] as const) {
    const count = isTiny() ? underWay * 4 : total;
    const rates: Array<[number, number]> = [];
    for (let round = 0; round < (isTiny() ? 1 : 5); round++) {
      rates.push([await requestRate(inProcess, underWay, count), await requestRate(overTcp, underWay, count)]);
    }
    const within = median(rates.map(([rate]) => rate));
    const tcp = median(rates.map(([, rate]) => rate));
    report(
      `requests, ${underWay} under way: ${k(within)} in process, ${k(tcp)} over loopback TCP, ${(within / tcp).toFixed(1)} times`,
    );
  }
}

async function start(): Promise<void> {
  for (const listen of [true, false]) {
    const times: number[] = [];
    for (let i = 0; i < (isTiny() ? 3 : 200); i++) {
      const beganMs = performance.now();
      const server = await createServer({ listen });
      times.push(performance.now() - beganMs);
      await server.close();
    }
    const first = times[0] as number;
    const name = listen ? "createServer()" : "createServer({ listen: false })";
    report(
      `${name}: first ${first.toFixed(2)} ms, median ${median(times).toFixed(3)} ms, worst ${Math.max(...times).toFixed(2)} ms`,
    );
  }
  await using server = await startServer({ run: "in-process" });
  const times: number[] = [];
  for (let i = 0; i < (isTiny() ? 3 : 200); i++) {
    const client = new CountingClient(server.connectInProcess(), 1);
    await client.handshake("a");
    const beganMs = performance.now();
    await server.reset();
    times.push(performance.now() - beganMs);
  }
  report(`reset() with one client: median ${median(times).toFixed(3)} ms`);
}

async function many(): Promise<void> {
  const count = isTiny() ? 5 : 200;
  const before = memory();
  const beganMs = performance.now();
  const servers: EmbeddedServer[] = await Promise.all(Array.from({ length: count }, () => createServer()));
  const tookMs = performance.now() - beganMs;
  const idle = memory();
  const network = new NodeNetwork();
  const clients = await Promise.all(
    servers.map(async ({ port }) => {
      const client = new CountingClient(await network.connect({ host: "127.0.0.1", port }), 1);
      await client.handshake("a");
      return client;
    }),
  );
  const used = memory();
  report(
    `${count} servers at once: ready after ${tookMs.toFixed(0)} ms; each ${kib(idle.heap - before.heap, count)} KiB of heap, ` +
      `${kib(idle.rss - before.rss, count)} KiB resident; with a TCP client each (both ends) ${kib(used.rss - before.rss, count)} KiB resident`,
  );
  for (const client of clients) client.close();
  await Promise.all(servers.map((server) => server.close()));
}

async function program(): Promise<void> {
  const node: number[] = [];
  const ready: number[] = [];
  for (let round = 0; round < (isTiny() ? 1 : 15); round++) {
    const beganMs = performance.now();
    spawnSync(process.execPath, ["-e", "0"]);
    node.push(performance.now() - beganMs);
    const server = new ChildServer();
    await server.start();
    ready.push(server.startMs);
    await server.close();
  }
  const beyond = median(ready) - median(node);
  report(
    `myelin-server: ready after ${median(ready).toFixed(0)} ms, node -e 0 takes ${median(node).toFixed(0)} ms: ${beyond.toFixed(0)} ms beyond`,
  );
}

function memory(): { heap: number; rss: number } {
  (globalThis as { gc?: () => void }).gc?.();
  const { arrayBuffers, heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed + arrayBuffers, rss };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

function k(rate: number): string {
  return `${(rate / 1000).toFixed(1)} k/s`;
}

function kib(bytes: number, count: number): string {
  return (bytes / count / 1024).toFixed(0);
}

function report(line: string): void {
  if (!isTiny()) console.log(line);
}

const PARTS = { start, many, requests, program };
const wanted = process.argv.slice(2);
for (const [name, run] of Object.entries(PARTS)) if (wanted.length === 0 || wanted.includes(name)) await run();
