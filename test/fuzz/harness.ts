// Fuzzes a server in this process. Whatever a client sends, its connection is accepted or closed, what it is sent is
// well-formed, a witness goes on publishing and receiving, nothing is thrown, and nothing stays behind.

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { sharedArena } from "@myelin/platform/node";
import { SimRandom } from "@myelin/platform/sim";
import { type PartialServerOptions, SILENT_LOGGER } from "@myelin/server";
import { InProcessServer } from "@myelin/testing";
import { inProcess } from "../support/wire.ts";
import { WireClient } from "../support/wire-client.ts";
import { readCorpus } from "./corpus.ts";
import { describeInput, Generator, type Input } from "./generator.ts";

/** Servers that are fuzzed in turn. */
const SERVERS: readonly PartialServerOptions[] = [
  {},
  {
    maxPayloadBytes: 64,
    maxControlLineBytes: 256,
    maxSubscriptions: 5,
    maxSubscriptionTokens: 4,
    maxPendingBytes: 1 << 20,
  },
  { user: "__proto__", pass: "secret", authTimeoutMs: 60_000 },
  { noHeaderSupport: true },
  { trace: true, debug: true },
];
/** Connections that are open at once. */
const BATCH = 8;
const ROUND_INPUTS = 400;
/** Once every kind of server has run, the heap stays as it is. */
const HEAP_GROWTH_BYTES_MAX = 5_000_000;
/** What a server may say: nothing else is well-formed. */
const WELL_FORMED =
  /^(INFO \{.*\}|\+OK|-ERR '.*'|PING|PONG|MSG \S+ \S+ (\S+ )?\d+ ".*"|HMSG \S+ \S+ (\S+ )?\d+ \d+ ".*")$/;

/** What one run did. */
export interface FuzzReport {
  readonly inputs: number;
  readonly bytes: number;
  /** Connections that the server closed. */
  readonly closed: number;
}

/**
 * Sends `inputs` inputs to servers of several kinds.
 *
 * @param seed - Repeats a run.
 * @throws AssertionError naming seed and input for the first thing that is wrong.
 */
export async function fuzz(seed: number, inputs: number): Promise<FuzzReport> {
  const corpus = await readCorpus();
  let heapBytes = Number.POSITIVE_INFINITY;
  const report = { inputs: 0, bytes: 0, closed: 0 };
  for (let round = 0; report.inputs < inputs; round++) {
    const options = SERVERS[round % SERVERS.length] ?? {};
    const one = new Round(seed + round, options, corpus);
    await one.run(Math.min(ROUND_INPUTS, inputs - report.inputs), report);
    if (round === SERVERS.length) heapBytes = heapAfterCollection();
  }
  const grown = heapAfterCollection() - heapBytes;
  assert.ok(
    grown < HEAP_GROWTH_BYTES_MAX,
    `seed ${seed}: the heap grew by ${grown} bytes over ${report.inputs} inputs`,
  );
  return report;
}

function heapAfterCollection(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

/** One server and its witness. */
class Round {
  readonly #seed: number;
  readonly #generator: Generator;
  readonly #server: InProcessServer;
  readonly #arena: ReturnType<typeof sharedArena> = sharedArena();
  readonly #faults: string[] = [];
  readonly #connect: string;
  #messages = 0;

  constructor(seed: number, options: Omit<PartialServerOptions, "tls" | "webSocket">, corpus: readonly Buffer[]) {
    this.#seed = seed;
    const { noHeaderSupport, pass, user } = options;
    const fields = { verbose: false, headers: true, no_responders: noHeaderSupport !== true, user, pass };
    this.#connect = `CONNECT ${JSON.stringify(fields)}\r\n`;
    this.#generator = new Generator(new SimRandom(seed), corpus, this.#connect);
    const logger = {
      ...SILENT_LOGGER,
      error: (text: string) => void (/internal error/i.test(text) && this.#faults.push(text)),
    };
    const random = new SimRandom(seed);
    this.#server = new InProcessServer({
      ...options,
      listen: false,
      random,
      arena: this.#arena,
      logger,
      keepLog: false,
    });
  }

  async run(inputs: number, report: { inputs: number; bytes: number; closed: number }): Promise<void> {
    const slabBytes = this.#arena.takenBytes();
    await this.#server.start();
    const publisher = await this.#witness("");
    const subscriber = await this.#witness("SUB WITNESS.of.it 77\r\n");
    const idle = this.#state();
    for (let done = 0; done < inputs; done += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, inputs - done) }, () => this.#generator.input());
      const clients = await this.#send(batch);
      await this.#checkWitness(publisher, subscriber, batch);
      for (const client of clients) {
        this.#checkOutput(client, batch);
        if (client.closed) report.closed++;
      }
      await Promise.all(clients.map((client) => this.#leave(client)));
      await this.#checkWitness(publisher, subscriber, batch);
      this.#same(this.#state(), idle, "something stayed behind", batch);
      report.inputs += batch.length;
      report.bytes += batch.flat().reduce((sum, bytes) => sum + bytes.length, 0);
    }
    await this.#server.close();
    publisher.destroy();
    subscriber.destroy();
    await publisher.untilClosed();
    await subscriber.untilClosed();
    assert.equal(this.#arena.takenBytes(), slabBytes, `seed ${this.#seed}: the closed server still holds slabs`);
  }

  #open(name: string): Promise<WireClient> {
    return WireClient.connect(
      name,
      inProcess(() => this.#server.connectInProcess()),
    );
  }

  async #witness(line: string): Promise<WireClient> {
    const client = await this.#open("witness");
    await client.send(Buffer.from(`${this.#connect}${line}`));
    await client.settle();
    return client;
  }

  /** Opens a connection for each input, and sends their writes in turns. */
  async #send(batch: readonly Input[]): Promise<WireClient[]> {
    const clients = await Promise.all(batch.map((_, index) => this.#open(`fuzz ${index}`)));
    const longest = Math.max(...batch.map((writes) => writes.length));
    for (let index = 0; index < longest; index++) {
      for (const [which, client] of clients.entries()) {
        const bytes = batch[which]?.[index];
        if (bytes !== undefined) await client.send(bytes);
      }
    }
    return clients;
  }

  /** The witness's message arrives unchanged; once it has, the server has worked off everything sent before. */
  async #checkWitness(publisher: WireClient, subscriber: WireClient, batch: readonly Input[]): Promise<void> {
    const text = `message ${++this.#messages} \r\n\xff`;
    const payload = Buffer.from(text, "latin1");
    await publisher.send(
      Buffer.concat([Buffer.from(`PUB WITNESS.of.it ${payload.length}\r\n`), payload, Buffer.from("\r\n")]),
    );
    await publisher.settle();
    const expected = `MSG WITNESS.of.it 77 ${payload.length} "message ${this.#messages} \\r\\n\\xff"`;
    await subscriber.until(() => subscriber.received.lines.some((line) => line.text === expected), expected);
    for (const witness of [publisher, subscriber]) {
      const strange = witness.received.lines.filter((line) => {
        return line.kind !== "pong" && line.kind !== "ping" && line.kind !== "info" && line.text !== expected;
      });
      this.#same(strange, [], "the witness was sent something strange", batch);
      this.#same(witness.closed, false, "the witness lost its connection", batch);
      witness.received.lines.splice(0, witness.received.lines.length);
    }
    this.#same(this.#faults, [], "the server failed", batch);
  }

  #checkOutput(client: WireClient, batch: readonly Input[]): void {
    const { lines, rest } = client.received;
    const wrong = lines.filter((line) => !WELL_FORMED.test(line.text)).map((line) => line.text);
    this.#same(wrong, [], "output that is not well-formed", batch);
    this.#same(rest.length, 0, `output that stops: ${rest.toString("latin1")}`, batch);
    this.#same(lines[0]?.kind, "info", "no INFO", batch);
  }

  async #leave(client: WireClient): Promise<void> {
    if (this.#generator.below(2) === 0) await client.close();
    client.destroy();
  }

  /** What must be the same whenever only the witness is there. */
  #state(): object {
    const subscriptions = this.#server.server.connections.map((connection) => connection.subscriptions);
    return { connections: this.#server.server.connectionCount, subscriptions, slabBytes: this.#arena.takenBytes() };
  }

  #same(actual: unknown, expected: unknown, what: string, batch: readonly Input[]): void {
    // The message is long, and mostly not wanted.
    if (!isDeepStrictEqual(actual, expected)) assert.deepEqual(actual, expected, this.#about(what, batch));
  }

  #about(what: string, batch: readonly Input[]): string {
    const inputs = batch.map((input) => `  ${describeInput(input)}`).join("\n");
    return `seed ${this.#seed}: ${what}${this.#faults.map((fault) => `\n  ${fault}`).join("")}; the input was\n${inputs}`;
  }
}
