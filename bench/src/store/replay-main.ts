// How fast the reference replays a stream, through its socket, raw: the load generator's process of the store benchmark.
//
// It makes a stream, fills it, then has it delivered from its beginning in two ways: to a push consumer without acknowledgements,
// as an ordered consumer is, and by batched direct gets. Messages are counted as they come. Prints one line of JSON.

import { BenchError } from "../errors.ts";
import { ID_DIGITS, INBOX } from "../ingest/ack-reader.ts";
import { createReadBuffer, LoadConnection } from "../load/connection.ts";
import type { LoadTarget } from "../load/spec.ts";
import { DeliveryCounter } from "./delivery-counter.ts";

export interface ReplaySpec {
  readonly target: LoadTarget;
  readonly records: number;
  readonly payloadBytes: number;
}

/** Messages per second. */
export interface ReplayResult {
  readonly pushPerSecond: number;
  readonly directPerSecond: number;
}

const STREAM = "R";
const SUBJECT = "replay.x";
/** Not below the inbox: the reference would not deliver there. */
const DELIVER = "replayed.x";
const PUBLISH_WINDOW = 4096;
/** The reference's largest batch of direct gets. */
const DIRECT_BATCH = 1024;
const MS_PER_SECOND = 1e3;

/** Calls `begin`, then waits until so many messages have arrived. */
class Replay {
  readonly #connection: LoadConnection;

  constructor(connection: LoadConnection) {
    this.#connection = connection;
  }

  publish(subject: string, reply: string, payload: string): void {
    const bytes = Buffer.from(`PUB ${subject} ${reply} ${payload.length}\r\n${payload}\r\n`);
    this.#connection.write(bytes);
  }

  /**
   * @param onBatch - Hears how many messages have come, after each read.
   * @returns Seconds from the call to the last message.
   */
  until(count: number, begin: () => void, onBatch: (messages: number) => void = () => undefined): Promise<number> {
    const counter = new DeliveryCounter((line) => this.#connection.takeControl(line));
    const startMs = performance.now();
    return new Promise((resolve, reject) => {
      this.#connection.onChunk = (chunk, length) => {
        counter.take(chunk, length);
        if (counter.error !== null) reject(new BenchError("LOAD_FAILED", `The server answered ${counter.error}`));
        if (counter.messages >= count) resolve((performance.now() - startMs) / MS_PER_SECOND);
        else onBatch(counter.messages);
      };
      begin();
    });
  }
}

async function fill(replay: Replay, records: number, payloadBytes: number): Promise<void> {
  const config = { name: STREAM, subjects: [SUBJECT], storage: "file", allow_direct: true };
  await replay.until(1, () => replay.publish(`$JS.API.STREAM.CREATE.${STREAM}`, `${INBOX}a`, JSON.stringify(config)));
  const payload = "x".repeat(payloadBytes);
  let sent = 0;
  const publishTo = (end: number): void => {
    for (; sent < Math.min(end, records); sent++)
      replay.publish(SUBJECT, INBOX + String(sent).padStart(ID_DIGITS, "0"), payload);
  };
  await replay.until(
    records,
    () => publishTo(PUBLISH_WINDOW),
    (acked) => publishTo(acked + PUBLISH_WINDOW),
  );
}

/** The answer to the request, then every message. */
function push(replay: Replay, records: number): Promise<number> {
  const config = { deliver_subject: DELIVER, ack_policy: "none", deliver_policy: "all", mem_storage: true };
  const request = JSON.stringify({ stream_name: STREAM, config: { ...config, num_replicas: 1 } });
  return replay.until(records + 1, () => replay.publish(`$JS.API.CONSUMER.CREATE.${STREAM}`, `${INBOX}b`, request));
}

/** The messages of each batch, and an empty one that ends it. */
async function direct(replay: Replay, records: number): Promise<number> {
  let seconds = 0;
  for (let first = 1; first <= records; first += DIRECT_BATCH) {
    const batch = Math.min(DIRECT_BATCH, records + 1 - first);
    const request = JSON.stringify({ seq: first, batch });
    seconds += await replay.until(batch + 1, () =>
      replay.publish(`$JS.API.DIRECT.GET.${STREAM}`, `${INBOX}c`, request),
    );
  }
  return seconds;
}

async function measure(
  { target, records, payloadBytes }: ReplaySpec,
  fail: (error: Error) => void,
): Promise<ReplayResult> {
  const connection = await LoadConnection.open(
    target,
    createReadBuffer(),
    `SUB ${INBOX}* 1\r\nSUB ${DELIVER} 2\r\n`,
    fail,
  );
  const replay = new Replay(connection);
  await fill(replay, records, payloadBytes);
  const pushPerSecond = records / (await push(replay, records));
  const directPerSecond = records / (await direct(replay, records));
  connection.close();
  return { pushPerSecond, directPerSecond };
}

try {
  const spec = JSON.parse(process.argv[2] ?? "null") as ReplaySpec;
  const result = await new Promise<ReplayResult>((resolve, reject) => {
    measure(spec, reject).then(resolve, reject);
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
