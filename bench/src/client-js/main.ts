// The load generator on the official JavaScript client: takes one JSON argument, prints a LoadResult as one line of JSON.
//
// Publishing keeps a window: it waits for the slowest subscriber before it goes on.

import { connect, type NatsConnection } from "@nats-io/transport-node";
import { BenchError } from "../errors.ts";
import { startSampling } from "../load/sampler.ts";
import type { LoadResult, LoadTarget } from "../load/spec.ts";
import { percentile } from "../statistics.ts";
import type { ClientLoad } from "./workloads.ts";

interface ClientSpec {
  readonly target: LoadTarget;
  readonly load: ClientLoad;
  readonly count: number;
  readonly warmupCount: number;
}

/** One part of a load; resolves with the time each operation took, in milliseconds, where that was taken. */
type Part = (count: number) => Promise<Float64Array | null>;

const SUBJECT = "bench.x";
const BATCH_BYTES = 256 * 1024;
const WINDOW_BYTES = 8 * 1024 * 1024;
const REQUEST_MS_MAX = 10_000;
const MICROS_PER_MS = 1e3;

async function run({ target, load, count, warmupCount }: ClientSpec): Promise<LoadResult> {
  const connections: NatsConnection[] = [];
  const open = async (): Promise<NatsConnection> => {
    const tls = target.tls ? { rejectUnauthorized: false } : null;
    const servers = `${target.host}:${target.port}`;
    const connection = await connect({ servers, reconnect: false, tls, ...target.connect });
    connections.push(connection);
    return connection;
  };
  const part = await (load.kind === "publish" ? publishing(load, open) : requesting(load, open));
  await part(warmupCount);
  const end = startSampling(target);
  const latencies = await part(count);
  const measured = end();
  await Promise.all(connections.map((connection) => connection.close()));
  latencies?.sort();
  return {
    ...measured,
    count,
    deliveries: count * load.subscribers,
    p50Micros: latencies === null ? null : percentile(latencies, 0.5) * MICROS_PER_MS,
    p99Micros: latencies === null ? null : percentile(latencies, 0.99) * MICROS_PER_MS,
    kibPerConnection: null,
  };
}

async function publishing(load: ClientLoad, open: () => Promise<NatsConnection>): Promise<Part> {
  const received = new Received(load.subscribers);
  for (let i = 0; i < load.subscribers; i++) {
    const subscriber = await open();
    subscriber.subscribe(SUBJECT, {
      callback: (error, message) => {
        if (error !== null) throw error;
        if (message.data.length !== load.payloadBytes)
          throw new BenchError("LOAD_FAILED", `Received ${message.data.length} bytes, not ${load.payloadBytes}.`);
        received.add(i);
      },
    });
    await subscriber.flush();
  }
  const publisher = await open();
  const payload = new Uint8Array(load.payloadBytes).fill(0x61);
  const batch = Math.ceil(BATCH_BYTES / load.payloadBytes);
  const window = Math.ceil(WINDOW_BYTES / load.payloadBytes);
  let sent = 0;
  return async (count) => {
    const end = sent + count;
    while (sent < end) {
      const stop = Math.min(end, sent + batch);
      for (; sent < stop; sent++) publisher.publish(SUBJECT, payload);
      await publisher.flush();
      await received.reaches(sent - window);
    }
    await received.reaches(end);
    return null;
  };
}

/** Counts what each subscriber has, and tells when all have enough. */
class Received {
  readonly #counts: number[];
  #wanted = 0;
  #missing = 0;
  #finish: (() => void) | null = null;

  constructor(subscribers: number) {
    this.#counts = new Array<number>(subscribers).fill(0);
  }

  add(subscriber: number): void {
    const count = this.#counts[subscriber]! + 1;
    this.#counts[subscriber] = count;
    if (count === this.#wanted && --this.#missing === 0) this.#finish?.();
  }

  /** Resolves when every subscriber has `count` messages; one call at a time. */
  reaches(count: number): Promise<void> {
    this.#wanted = count;
    this.#missing = this.#counts.filter((each) => each < count).length;
    if (this.#missing === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#finish = resolve;
    });
  }
}

async function requesting(load: ClientLoad, open: () => Promise<NatsConnection>): Promise<Part> {
  const payload = new Uint8Array(load.payloadBytes).fill(0x61);
  for (let i = 0; i < load.subscribers; i++) {
    const responder = await open();
    responder.subscribe("req.x", {
      queue: "responders",
      callback: (error, message) => {
        if (error !== null) throw error;
        message.respond(payload);
      },
    });
    await responder.flush();
  }
  const requester = await open();
  return async (count) => {
    const latencies = new Float64Array(count);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) {
        const id = next++;
        const startMs = performance.now();
        await requester.request("req.x", payload, { timeout: REQUEST_MS_MAX });
        latencies[id] = performance.now() - startMs;
      }
    };
    await Promise.all(Array.from({ length: load.outstanding }, worker));
    return latencies;
  };
}

try {
  const result = await run(JSON.parse(process.argv[2] ?? "null") as ClientSpec);
  process.stdout.write(`${JSON.stringify(result)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  // Connections may still be open: without this the process would wait for them.
  process.exit(1);
}
