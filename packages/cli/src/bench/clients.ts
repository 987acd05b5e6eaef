// What one client of a benchmark does. Each gives its sample when it is done.
//
// All clients of one run share this process's thread: they take turns when they wait. More than one process measures more
// than one core.

import { Empty, type MsgHdrs, type NatsConnection, type Payload } from "@myelin/client";
import { CliError } from "../cli-error.ts";
import { quoted } from "../message-text.ts";
import { pause } from "../pause.ts";
import type { Bar } from "../progress.ts";
import { type Sample, sampleOf } from "./stats.ts";

/** What a client that sends is given. */
export interface Sending {
  readonly connection: NatsConnection;
  readonly subjectOf: (number: number) => string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  /** How many messages, and the number of the first. */
  readonly count: number;
  readonly offset: number;
  /** Milliseconds between messages. */
  readonly sleepMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly bar: Bar;
}

/** The bar moves, and other clients get their turn, after so many messages. */
const TURN_MSGS = 512;

/** Publishes as fast as the server takes messages. A latency is the time that one publish takes. */
export async function publishClient(sending: Sending): Promise<Sample> {
  const { connection, subjectOf, payload, count, offset, sleepMs, signal, bar } = sending;
  const options = sending.headers === undefined ? {} : { headers: sending.headers };
  const latencies = new Float64Array(count);
  const startMs = performance.now();
  for (let i = 0; i < count; i++) {
    const beforeMs = performance.now();
    connection.publish(subjectOf(offset + i), payload, options);
    latencies[i] = performance.now() - beforeMs;
    if (sleepMs > 0) {
      bar.add(1);
      await pause(sleepMs, signal);
    } else if ((i + 1) % TURN_MSGS === 0) {
      bar.add(TURN_MSGS);
      await connection.ready({ signal });
    }
    signal.throwIfAborted();
  }
  await connection.flush({ timeout: Math.max(sending.timeoutMs, FLUSH_MS_MIN), signal });
  if (sleepMs === 0) bar.add(count % TURN_MSGS);
  return sampleOf(count, payload.length, startMs, performance.now(), latencies);
}

/** What was published may fill every buffer on the way: give the server time for it. */
const FLUSH_MS_MIN = 30_000;

const MINUS = 0x2d;

/** Sends requests one after the other. A latency is the time until the reply. */
export async function requestClient(sending: Sending): Promise<Sample> {
  const { connection, subjectOf, payload, count, offset, sleepMs, signal, bar } = sending;
  const options = {
    timeout: sending.timeoutMs,
    signal,
    ...(sending.headers === undefined ? {} : { headers: sending.headers }),
  };
  const latencies = new Float64Array(count);
  const startMs = performance.now();
  for (let i = 0; i < count; i++) {
    const beforeMs = performance.now();
    const { data } = await connection.request(subjectOf(offset + i), payload, options);
    latencies[i] = performance.now() - beforeMs;
    if (data.length === 0 || data[0] === MINUS || Buffer.from(data).includes("error")) {
      throw new CliError(`a request did not get a good reply: ${quoted(Buffer.from(data).toString("latin1"))}`);
    }
    bar.add(1);
    if (sleepMs > 0) await pause(sleepMs, signal);
  }
  return sampleOf(count, payload.length, startMs, performance.now(), latencies);
}

/** What a client that receives is given. */
export interface Receiving {
  readonly connection: NatsConnection;
  readonly subject: string;
  readonly count: number;
  /** Of each message, as the report assumes it. */
  readonly msgBytes: number;
  readonly signal: AbortSignal;
  readonly bar: Bar;
}

/** Receives; the time runs from the first message to the last. */
export async function subscribeClient(receiving: Receiving, subscribed: () => void): Promise<Sample> {
  const { connection, subject, count, msgBytes, signal, bar } = receiving;
  let received = 0;
  let startMs = 0;
  const ended = new Promise<void>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    connection.subscribe(subject, {
      callback: (error) => {
        if (error !== null) reject(error);
        received++;
        if (received === 1) startMs = performance.now();
        if (received % TURN_MSGS === 0) bar.add(TURN_MSGS);
        if (received === count) resolve();
      },
    });
    void connection.closed().then((reason) => reject(reason ?? new Error("the connection is closed")));
  });
  await Promise.race([connection.flush({ signal }), ended]);
  subscribed();
  await ended;
  bar.add(count % TURN_MSGS);
  return sampleOf(count, msgBytes, startMs, performance.now());
}

/** Queue group of the answering clients, natscli's: both share the requests. */
const SERVICE_QUEUE = "q";
const REPLY: Payload = "ok";

/** Answers requests with "ok" until the signal. Rejects when the subscription or the connection fails. */
export async function serveClient(
  connection: NatsConnection,
  subject: string,
  sleepMs: number,
  signal: AbortSignal,
): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    connection.subscribe(subject, {
      queue: SERVICE_QUEUE,
      callback: (error, msg) => {
        if (error !== null) return reject(error);
        if (sleepMs > 0) return pause(sleepMs, signal).then(() => msg.respond(REPLY));
        return msg.respond(REPLY);
      },
    });
    void connection.closed().then((reason) => reject(reason ?? new Error("the connection is closed")));
  });
  await Promise.race([connection.flush({ signal }), ended]);
  await ended;
}

/** So many zero bytes. */
export function zeroPayload(size: number): Uint8Array {
  return size === 0 ? Empty : new Uint8Array(size);
}
