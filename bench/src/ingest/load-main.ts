// The load generator of the ingest benchmark: takes an IngestSpec as its only argument, prints a LoadResult as one line of JSON.
//
// It makes the streams, then publishes with a reply subject and counts acknowledgements: whenever some have arrived, as many
// messages go out, so that `outstanding` of them are always under way.

import { BenchError } from "../errors.ts";
import { separate } from "../load/affinity.ts";
import { createReadBuffer, LoadConnection } from "../load/connection.ts";
import { startSampling } from "../load/sampler.ts";
import type { LoadResult } from "../load/spec.ts";
import { percentile } from "../statistics.ts";
import { AckReader, INBOX } from "./ack-reader.ts";
import { createStreams } from "./create-streams.ts";
import { PublishBuffers } from "./publish-buffers.ts";
import type { IngestLoad, IngestSpec } from "./spec.ts";

const MICROS_PER_MS = 1e3;
/** Ids in a row that can be under way; an acknowledgement that comes later than so many others fails the load. */
const IDS = 1 << 20;
/** Up to so many outstanding, most of the time is one process waiting for the other: see load/affinity.ts. */
const APART_MAX = 16;

class Publisher {
  readonly #connection: LoadConnection;
  readonly #load: IngestLoad;
  readonly #buffers: PublishBuffers;
  /** When each message was written, in milliseconds, by its id modulo {@link IDS}; 0: not under way. */
  readonly #sentMs: Float64Array = new Float64Array(IDS);
  #latencyMs: Float64Array = new Float64Array(1 << 16);
  #acked = 0;
  #sent = 0;
  #inFlight = 0;
  #writing = 0;
  #nowMs = 0;
  #endMs = 0;
  #finish: (() => void) | null = null;

  constructor(connection: LoadConnection, load: IngestLoad) {
    this.#connection = connection;
    this.#load = load;
    this.#buffers = new PublishBuffers(load);
    const reader = new AckReader(
      (id) => this.#takeAck(id),
      (line) => connection.takeControl(line),
    );
    connection.onWritten = () => {
      if (--this.#writing === 0) this.#buffers.freeAll();
    };
    connection.onChunk = (chunk, length) => {
      this.#nowMs = performance.now();
      reader.take(chunk, length);
      this.#goOn();
    };
  }

  /** Publishes for a time, and waits for what is under way then. @returns Sorted latencies in milliseconds, one per message. */
  run(ms: number): Promise<Float64Array> {
    this.#acked = 0;
    this.#endMs = performance.now() + ms;
    return new Promise((resolve) => {
      this.#finish = () => resolve(this.#latencyMs.slice(0, this.#acked).sort());
      this.#goOn();
    });
  }

  #goOn(): void {
    const nowMs = performance.now();
    if (nowMs < this.#endMs) this.#publish(this.#load.outstanding - this.#inFlight, nowMs);
    if (this.#inFlight > 0 || this.#finish === null) return;
    const finish = this.#finish;
    this.#finish = null;
    finish();
  }

  #publish(count: number, nowMs: number): void {
    const end = this.#sent + count;
    while (this.#sent < end) {
      const first = this.#sent;
      const some = Math.min(end - first, this.#buffers.perBuffer);
      const bytes = this.#buffers.fill(first, some);
      for (let id = first; id < first + some; id++) {
        if (this.#sentMs[id % IDS] !== 0)
          throw new BenchError("LOAD_FAILED", `Message ${id - IDS} was never answered.`);
        this.#sentMs[id % IDS] = nowMs;
      }
      this.#sent += some;
      this.#inFlight += some;
      this.#writing++;
      this.#connection.write(bytes);
    }
  }

  #takeAck(id: number): void {
    const sentMs = this.#sentMs[id % IDS]!;
    if (sentMs === 0) throw new BenchError("LOAD_FAILED", `Message ${id} was answered twice, or never sent.`);
    this.#sentMs[id % IDS] = 0;
    if (this.#acked === this.#latencyMs.length) {
      const larger = new Float64Array(this.#acked * 2);
      larger.set(this.#latencyMs);
      this.#latencyMs = larger;
    }
    this.#latencyMs[this.#acked++] = this.#nowMs - sentMs;
    this.#inFlight--;
  }
}

async function measure(spec: IngestSpec, fail: (error: Error) => void): Promise<LoadResult> {
  const { target, load } = spec;
  if (load.outstanding <= APART_MAX) separate(target.serverPid);
  const connection = await LoadConnection.open(target, createReadBuffer(), `SUB ${INBOX}* 1\r\n`, fail);
  await createStreams(connection, load.streams);
  const publisher = new Publisher(connection, load);
  await publisher.run(spec.warmupMs);
  const end = startSampling(target);
  const latencies = await publisher.run(spec.measureMs);
  const measured = end();
  connection.close();
  return {
    ...measured,
    count: latencies.length,
    deliveries: latencies.length,
    p50Micros: percentile(latencies, 0.5) * MICROS_PER_MS,
    p99Micros: percentile(latencies, 0.99) * MICROS_PER_MS,
    kibPerConnection: null,
  };
}

try {
  const spec = JSON.parse(process.argv[2] ?? "null") as IngestSpec;
  const result = await new Promise<LoadResult>((resolve, reject) => {
    measure(spec, reject).then(resolve, reject);
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  // Connections may still be open: without this the process would wait for them.
  process.exit(1);
}
