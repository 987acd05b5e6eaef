// One requester that keeps a number of requests under way, one responder that answers each.
//
//   requester   PUB req.x <inbox>.<id> <n>   ->   MSG req.x 1 <inbox>.<id> <n>   responder
//   requester   MSG <inbox>.<id> 1 <n>       <-   PUB <inbox>.<id> <n>           responder
//
// The id is eight digits, so all four lines have a fixed length. What came in one read is answered by one write.

import { BenchError } from "../errors.ts";
import { percentile } from "../statistics.ts";
import { separate } from "./affinity.ts";
import { createReadBuffer, LoadConnection } from "./connection.ts";
import { FrameReader } from "./frames.ts";
import { startSampling } from "./sampler.ts";
import type { LoadResult, LoadSpec, RequestLoad } from "./spec.ts";

const INBOX = "_INBOX.AAAAAAAAAAAAAAAAAAAAAA.";
const ID_DIGITS = 8;
const ZERO = 0x30;
const MSG_START = 0x4d;
const MICROS_PER_MS = 1e3;

/** A protocol line and payload in which only the id changes. */
interface Template {
  readonly bytes: Buffer;
  /** Where the id stands. */
  readonly idAt: number;
}

function template(before: string, after: string, payload: string): Template {
  const bytes = Buffer.from(`${before}${"0".repeat(ID_DIGITS)}${after}\r\n${payload}\r\n`, "latin1");
  return { bytes, idAt: before.length };
}

/** Runs the load; rejects through `fail` when a connection breaks or an answer is not its request's. */
export async function runRequest(spec: LoadSpec, load: RequestLoad, fail: (error: Error) => void): Promise<LoadResult> {
  if (load.apart) separate(spec.target.serverPid);
  const readBuffer = createReadBuffer();
  const responder = await LoadConnection.open(spec.target, readBuffer, "SUB req.x 1\r\n", fail);
  respond(responder, load);
  const requester = new Requester(
    load,
    await LoadConnection.open(spec.target, readBuffer, `SUB ${INBOX}* 1\r\n`, fail),
  );
  await requester.run(spec.warmupCount);
  const end = startSampling(spec.target);
  const latencies = await requester.run(spec.count);
  const measured = end();
  responder.close();
  requester.close();
  latencies.sort();
  return {
    ...measured,
    count: spec.count,
    deliveries: 2 * spec.count,
    p50Micros: percentile(latencies, 0.5) * MICROS_PER_MS,
    p99Micros: percentile(latencies, 0.99) * MICROS_PER_MS,
    kibPerConnection: null,
  };
}

function respond(connection: LoadConnection, load: RequestLoad): void {
  const payload = "r".repeat(load.payloadBytes);
  const request = template(`MSG req.x 1 ${INBOX}`, ` ${load.payloadBytes}`, payload);
  const reply = template(`PUB ${INBOX}`, ` ${load.payloadBytes}`, payload);
  let out: number[] = [];
  const frames = new FrameReader(
    request.bytes.length,
    MSG_START,
    (bytes, at) => out.push(readId(bytes, at + request.idAt)),
    (line) => connection.takeControl(line),
  );
  connection.onChunk = (chunk, length) => {
    frames.take(chunk, length);
    if (out.length > 0) connection.write(copies(reply, out));
    out = [];
  };
}

class Requester {
  readonly #connection: LoadConnection;
  readonly #request: Template;
  readonly #outstanding: number;
  #sentMs: Float64Array = new Float64Array(0);
  #latencyMs: Float64Array = new Float64Array(0);
  #sent = 0;
  #answered = 0;
  #finish: (() => void) | null = null;

  constructor(load: RequestLoad, connection: LoadConnection) {
    const payload = "q".repeat(load.payloadBytes);
    this.#connection = connection;
    this.#outstanding = load.outstanding;
    this.#request = template(`PUB req.x ${INBOX}`, ` ${load.payloadBytes}`, payload);
    const answer = template(`MSG ${INBOX}`, ` 1 ${load.payloadBytes}`, "r".repeat(load.payloadBytes));
    const frames = new FrameReader(
      answer.bytes.length,
      MSG_START,
      (bytes, at) => this.#takeAnswer(answer, bytes, at),
      (line) => connection.takeControl(line),
    );
    connection.onChunk = (chunk, length) => {
      const before = this.#answered;
      frames.take(chunk, length);
      this.#send(this.#answered - before);
    };
  }

  /** Makes `count` requests. @returns The time that each took, in milliseconds. */
  run(count: number): Promise<Float64Array> {
    this.#sentMs = new Float64Array(count);
    this.#latencyMs = new Float64Array(count);
    this.#sent = 0;
    this.#answered = 0;
    return new Promise((resolve) => {
      this.#finish = () => resolve(this.#latencyMs);
      this.#send(this.#outstanding);
    });
  }

  close(): void {
    this.#connection.close();
  }

  #send(wanted: number): void {
    const count = this.#sentMs.length;
    const ids: number[] = [];
    const nowMs = performance.now();
    for (let i = 0; i < wanted && this.#sent < count; i++) {
      this.#sentMs[this.#sent] = nowMs;
      ids.push(this.#sent++);
    }
    if (ids.length > 0) this.#connection.write(copies(this.#request, ids));
    else if (this.#answered === count) this.#finish?.();
  }

  #takeAnswer(answer: Template, bytes: Buffer, at: number): void {
    const id = readId(bytes, at + answer.idAt);
    const afterId = answer.idAt + ID_DIGITS;
    const same =
      bytes.compare(answer.bytes, 0, answer.idAt, at, at + answer.idAt) === 0 &&
      bytes.compare(answer.bytes, afterId, answer.bytes.length, at + afterId, at + answer.bytes.length) === 0;
    if (!same || id >= this.#sent || this.#latencyMs[id] !== 0) {
      const got = JSON.stringify(bytes.toString("latin1", at, at + answer.bytes.length));
      throw new BenchError(
        "LOAD_FAILED",
        `Answer ${this.#answered} of ${this.#sent} requests is wrong: received ${got}.`,
      );
    }
    this.#latencyMs[id] = performance.now() - this.#sentMs[id]!;
    this.#answered++;
  }
}

/** One message per id, one behind the other. */
function copies(source: Template, ids: readonly number[]): Buffer {
  const size = source.bytes.length;
  const bytes = Buffer.allocUnsafe(size * ids.length);
  for (let i = 0; i < ids.length; i++) {
    source.bytes.copy(bytes, i * size);
    writeId(bytes, i * size + source.idAt, ids[i]!);
  }
  return bytes;
}

function readId(bytes: Buffer, at: number): number {
  let id = 0;
  for (let i = 0; i < ID_DIGITS; i++) id = id * 10 + bytes[at + i]! - ZERO;
  return id;
}

function writeId(bytes: Buffer, at: number, id: number): void {
  let left = id;
  for (let i = ID_DIGITS - 1; i >= 0; i--) {
    bytes[at + i] = ZERO + (left % 10);
    left = Math.floor(left / 10);
  }
}
