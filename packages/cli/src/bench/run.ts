// Runs a benchmark: connects its clients, lets them begin together, and prints what they measured.

import { readFileSync, writeFileSync } from "node:fs";
import type { NatsConnection } from "@myelin/client";
import { NodeRandom } from "@myelin/platform/node";
import { Nuid } from "@myelin/protocol";
import { CliError, errorText } from "../cli-error.ts";
import { openConnection } from "../connection.ts";
import { formatDuration } from "../duration.ts";
import type { GlobalOptions } from "../global-options.ts";
import { aborted } from "../interrupts.ts";
import { fillHeaders, readHeaders } from "../message-parts.ts";
import type { Outside } from "../outside.ts";
import { pause } from "../pause.ts";
import { Progress } from "../progress.ts";
import { formatBytes, formatCount } from "../quantity.ts";
import { publishClient, requestClient, type Sending, serveClient, subscribeClient, zeroPayload } from "./clients.ts";
import { type Report, reportCsv, reportJson, reportText } from "./report.ts";
import { type Sample, shares } from "./stats.ts";
import { type SubjectOptions, subjectsOf, subscribedSubject } from "./subjects.ts";

/** The flags of all benchmarks; what a benchmark does not have is absent. */
export interface BenchOptions extends GlobalOptions, SubjectOptions {
  readonly clients: number;
  readonly msgs: number;
  /** Bytes. */
  readonly size: number;
  readonly sleep: number;
  readonly progress: boolean;
  readonly csv?: string;
  readonly json?: boolean;
  readonly payload?: string;
  readonly header?: string[];
}

const LABELS = {
  pub: "Core NATS publisher",
  sub: "Core NATS subscriber",
  request: "Core NATS service requester",
  serve: "Core NATS service server",
} as const;

/** `bench pub` and `bench service request`. */
export async function runSending(
  type: "pub" | "request",
  subject: string,
  options: BenchOptions,
  outside: Outside,
): Promise<void> {
  const payload = options.payload === undefined ? zeroPayload(options.size) : readPayload(options.payload);
  const headers = fillHeaders(readHeaders(options.header), { count: 0 });
  const clients = Math.min(options.clients, options.msgs);
  const parts = shares(options.msgs, clients);
  const bannerSubject = type === "pub" ? subscribedSubject(subject, options.multisubject === true) : subject;
  announce(
    type,
    { ...banner(bannerSubject, options, payload.length, clients), ...bannerOf(type, options) },
    outside,
    options,
  );
  const client = type === "pub" ? publishClient : requestClient;
  const verb = type === "pub" ? "publishing" : "requesting";
  await measure(type, clients, options, outside, async (connections, progress) => {
    const sendings = connections.map((connection, index): Sending => {
      const { count, offset } = parts[index] as { count: number; offset: number };
      tell(`[${index + 1}] Starting ${LABELS[type]}, ${verb} ${formatCount(count)} messages`, outside, options);
      return {
        connection,
        subjectOf: subjectsOf(subject, options),
        payload,
        headers,
        count,
        offset,
        sleepMs: options.sleep,
        timeoutMs: options.timeout,
        signal: outside.interrupts.signal,
        bar: progress.bar(count, type === "pub" ? "Publishing" : "Requesting"),
      };
    });
    return Promise.all(
      sendings.map(async (sending, index) => {
        // So that clients that pause do not send at the same moments.
        if (index > 0) await pause(Math.random() * options.sleep, sending.signal);
        return client(sending);
      }),
    );
  });
}

/** `bench sub`: every client receives all messages. */
export async function runSubscribing(subject: string, options: BenchOptions, outside: Outside): Promise<void> {
  const { clients, msgs, size } = options;
  const subscribed = subscribedSubject(subject, options.multisubject === true);
  const fields = { ...banner(subscribed, options, size, clients), "multi-subject": options.multisubject === true };
  announce("sub", fields, outside, options);
  await measure("sub", clients, options, outside, (connections, progress) =>
    Promise.all(
      connections.map((connection, index) => {
        const started = (): void =>
          tell(`[${index + 1}] Starting ${LABELS.sub}, expecting ${formatCount(msgs)} messages`, outside, options);
        const { signal } = outside.interrupts;
        const bar = progress.bar(msgs, "Receiving");
        return subscribeClient({ connection, subject: subscribed, count: msgs, msgBytes: size, signal, bar }, started);
      }),
    ),
  );
}

/** `bench service serve`: answers until Ctrl-C. */
export async function runServing(subject: string, options: BenchOptions, outside: Outside): Promise<void> {
  const { clients, size, sleep } = options;
  const { output, interrupts } = outside;
  announce("serve", { ...banner(subject, options, size, clients), sleep: sleepText(sleep) }, outside, options);
  const connections = await connectAll(clients, options, outside);
  try {
    const serving = connections.map((connection) => serveClient(connection, subject, sleep, interrupts.signal));
    await Promise.race([aborted(interrupts.signal), ...serving, Promise.all(connections.map((one) => one.flush()))]);
    for (const index of connections.keys())
      output.log(`[${index + 1}] Starting ${LABELS.serve}, hit control-c to stop`);
    await Promise.all(serving);
  } finally {
    await closeAll(connections);
  }
}

/** Runs clients and prints their samples. */
async function measure(
  type: "pub" | "sub" | "request",
  clients: number,
  options: BenchOptions,
  outside: Outside,
  run: (connections: readonly NatsConnection[], progress: Progress) => Promise<Sample[]>,
): Promise<void> {
  const { output, interrupts } = outside;
  const connections = await connectAll(clients, options, outside);
  const disturbances: string[] = [];
  for (const connection of connections) {
    connection.on("disconnect", () => disturbances.push("disconnected"));
    connection.on("error", ({ error }) => disturbances.push(errorText(error)));
    connection.on("slowConsumer", ({ error }) => disturbances.push(errorText(error)));
  }
  const progress = new Progress();
  await progress.open(output, options.progress && options.json !== true);
  let samples: Sample[];
  let disturbance: string | undefined;
  try {
    samples = await run(connections, progress);
    // Read before the connections are closed, which they may tell of as well.
    [disturbance] = disturbances;
  } catch (error) {
    if (interrupts.signal.aborted) throw new CliError("interrupted");
    throw error;
  } finally {
    progress.close();
    await closeAll(connections);
  }
  if (disturbance !== undefined) {
    output.log(`WARNING: a client was disturbed, the results are not what they could be: ${disturbance}`);
  }
  printReport(
    { label: LABELS[type], type, prefix: type === "sub" ? "S" : "P", samples, runId: runId() },
    options,
    outside,
  );
}

function printReport(report: Report, { csv, json }: BenchOptions, { output }: Outside): void {
  if (json === true) output.line(reportJson(report));
  else output.line(`\n${reportText(report)}`);
  if (csv === undefined) return;
  try {
    writeFileSync(csv, reportCsv(report), { mode: 0o600 });
  } catch (error) {
    throw new CliError(`cannot write --csv ${csv}: ${errorText(error)}`);
  }
  if (json !== true) output.line(`Saved metric data in csv file ${csv}`);
}

async function connectAll(clients: number, options: BenchOptions, { output }: Outside): Promise<NatsConnection[]> {
  const connections: NatsConnection[] = [];
  try {
    for (let i = 0; i < clients; i++) connections.push(await openConnection(options, output));
  } catch (error) {
    await closeAll(connections);
    throw error;
  }
  return connections;
}

async function closeAll(connections: readonly NatsConnection[]): Promise<void> {
  await Promise.all(connections.map((connection) => connection.close()));
}

type Fields = Readonly<Record<string, string | number | boolean>>;

function banner(subject: string, { msgs }: BenchOptions, size: number, clients: number): Fields {
  return { subject, msgs: formatCount(msgs), "msg-size": formatBytes(size), clients };
}

function bannerOf(type: "pub" | "request", options: BenchOptions): Fields {
  const sleep = sleepText(options.sleep);
  if (type === "request") return { sleep };
  return {
    "multi-subject": options.multisubject === true,
    "multi-subject-max": formatCount(options.multisubjectmax),
    "multi-subject-randomize": options.multisubjectrandomize === true,
    sleep,
  };
}

function announce(type: keyof typeof LABELS, fields: Fields, outside: Outside, options: BenchOptions): void {
  const text = Object.keys(fields)
    .sort()
    .map((name) => `${name}=${fields[name]}`)
    .join(", ");
  tell(`Starting ${LABELS[type]} benchmark [${text}]`, outside, options);
}

function tell(text: string, { output }: Outside, { json }: BenchOptions): void {
  if (json !== true) output.log(text);
}

function sleepText(ms: number): string {
  return ms === 0 ? "0s" : formatDuration(ms);
}

function readPayload(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CliError(`cannot read --payload ${file}: ${errorText(error)}`);
  }
}

function runId(): string {
  return new Nuid(new NodeRandom()).next();
}
