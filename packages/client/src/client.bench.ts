// CPU of the client process per million messages, beside the official client, on one and the same server.
//
//   node dist/client.bench.js [messages per run, 1000000]     REFERENCE_SERVER=... or MYELIN_URL=host:port
//
// Each run is a process of its own, so that its CPU time is the client's alone; both clients are driven by the same code.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { ReferenceServer, referenceBinary } from "./fixtures/reference-server.ts";

/** The part of both clients that is used. */
interface BenchConnection {
  publish(subject: string, payload: Uint8Array): void;
  subscribe(subject: string, options: { callback: (error: Error | null, msg: BenchMessage) => void }): unknown;
  request(subject: string, payload: Uint8Array, options: { timeout: number }): Promise<BenchMessage>;
  flush(): Promise<void>;
  close(): Promise<void>;
}
interface BenchMessage {
  readonly data: Uint8Array;
  respond(payload: Uint8Array): boolean;
}
type Connect = (options: { servers: string }) => Promise<BenchConnection>;

interface Result {
  /** CPU seconds, user and system. */
  cpu: number;
  seconds: number;
  /** So that the work cannot vanish. */
  checksum: number;
  p50Us?: number;
}

const CLIENTS = { myelin: "./node.js", official: "@nats-io/transport-node" } as const;
type ClientName = keyof typeof CLIENTS;
const BATCH = 5_000;
const SIZES = [16, 128, 1024];
const RECEIVERS_WAIT = "ready";

async function load(name: ClientName): Promise<Connect> {
  const module = (await import(CLIENTS[name])) as { connect: Connect };
  return module.connect;
}

// --- the measured process

/** Messages that are received before the measuring begins, as publishers warm up too. */
const WARM = BATCH * 10;

type Workload = (nc: BenchConnection, messages: number, size: number, begin: () => void) => Promise<number>;

const WORKLOADS: Record<string, Workload> = {
  async publish(nc, messages, size, begin) {
    begin();
    const payload = new Uint8Array(size).fill(0x61);
    for (let sent = 0; sent < messages; sent += BATCH) {
      for (let i = 0; i < BATCH; i++) nc.publish("bench.subject.one", payload);
      await nc.flush();
    }
    return messages;
  },
  async receive(nc, messages, size, begin) {
    let sum = 0;
    await new Promise<void>((resolve) => {
      let count = 0;
      nc.subscribe("bench.subject.one", {
        callback: (_error, msg) => {
          sum += msg.data.length;
          if (++count === WARM) begin();
          if (count === messages + WARM) resolve();
        },
      });
      void nc.flush().then(() => process.send?.(RECEIVERS_WAIT));
    });
    return sum / size - WARM;
  },
};

async function requestRun(nc: BenchConnection, messages: number, size: number, outstanding: number): Promise<number[]> {
  const payload = new Uint8Array(size);
  const tookUs: number[] = [];
  let left = messages;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const start = performance.now();
      await nc.request("bench.echo", payload, { timeout: 10_000 });
      tookUs.push((performance.now() - start) * 1000);
    }
  };
  await Promise.all(Array.from({ length: outstanding }, worker));
  return tookUs.sort((a, b) => a - b);
}

async function measured(name: ClientName, work: string, url: string, messages: number, size: number): Promise<Result> {
  const nc = await (await load(name))({ servers: url });
  const outstanding = /^request-(\d+)$/.exec(work)?.[1];
  if (outstanding !== undefined)
    await requestRun(nc, 2_000, size, Number(outstanding)); // warm
  else if (work === "publish") await WORKLOADS[work]?.(nc, WARM, size, () => {});
  let before = process.cpuUsage();
  let start = performance.now();
  const begin = (): void => {
    before = process.cpuUsage();
    start = performance.now();
  };
  const result: Result = { cpu: 0, seconds: 0, checksum: 0 };
  if (outstanding !== undefined) {
    const tookUs = await requestRun(nc, messages, size, Number(outstanding));
    result.checksum = tookUs.length;
    result.p50Us = tookUs[tookUs.length >> 1] ?? 0;
  } else result.checksum = (await WORKLOADS[work]?.(nc, messages, size, begin)) ?? 0;
  result.seconds = (performance.now() - start) / 1000;
  const used = process.cpuUsage(before);
  result.cpu = (used.user + used.system) / 1e6;
  await nc.close();
  return result;
}

// --- the helpers beside it: a feeder for receivers, an echo for requests

async function feed(url: string, messages: number, size: number): Promise<void> {
  const nc = await (await load("myelin"))({ servers: url });
  const payload = new Uint8Array(size).fill(0x61);
  for (let sent = 0; sent < messages; sent += BATCH) {
    for (let i = 0; i < BATCH; i++) nc.publish("bench.subject.one", payload);
    await nc.flush();
  }
  await nc.close();
}

async function echo(url: string): Promise<void> {
  const nc = await (await load("myelin"))({ servers: url });
  nc.subscribe("bench.echo", { callback: (_error, msg) => void msg.respond(msg.data) });
  await nc.flush();
  process.send?.(RECEIVERS_WAIT);
  await once(process, "disconnect");
  await nc.close();
}

// --- the conductor

function child(...args: (string | number)[]) {
  return fork(fileURLToPath(import.meta.url), args.map(String));
}

/** One measurement, in processes of its own. */
export async function run(
  name: ClientName,
  work: string,
  url: string,
  messages: number,
  size: number,
): Promise<Result> {
  const isRequest = work.startsWith("request");
  const helper = isRequest ? child("echo", url) : null;
  if (helper !== null) await once(helper, "message");
  const subject = child("measured", name, work, url, messages, size);
  const result = new Promise<Result>((resolve, reject) => {
    subject.on("message", (message) => {
      if (message === RECEIVERS_WAIT) child("feed", url, messages + WARM, size);
      else resolve(message as Result);
    });
    subject.on("exit", (code) => code !== 0 && reject(new Error(`${name} ${work} ended with ${code}`)));
  });
  try {
    return await result;
  } finally {
    helper?.disconnect();
  }
}

async function table(url: string, messages: number): Promise<void> {
  console.log("workload         size   CPU s per million: myelin official ratio   k msg/s: myelin official   p50 us");
  for (const work of ["publish", "receive", "request-1", "request-512"]) {
    const isRequest = work.startsWith("request");
    for (const size of isRequest ? [16] : SIZES) {
      const count = isRequest ? Math.min(messages / 20, 50_000) : Math.max(BATCH, messages - (messages % BATCH));
      const official = await run("official", work, url, count, size);
      const ours = await run("myelin", work, url, count, size);
      const perMillion = (result: Result): number => (result.cpu / count) * 1e6;
      const rate = (result: Result): string => (count / result.seconds / 1000).toFixed(0).padStart(8);
      const p50 = isRequest ? `${ours.p50Us?.toFixed(0)} / ${official.p50Us?.toFixed(0)}` : "";
      console.log(
        `${work.padEnd(14)} ${String(size).padStart(6)}   ${perMillion(ours).toFixed(2).padStart(26)} ${perMillion(official).toFixed(2).padStart(8)} ` +
          `${(ours.cpu / official.cpu).toFixed(2).padStart(5)}   ${rate(ours).padStart(14)} ${rate(official)}   ${p50}`,
      );
    }
  }
}

const [role, ...rest] = process.argv.slice(2);
if (role === "measured") {
  const [name, work, url, messages, size] = rest as [ClientName, string, string, string, string];
  process.send?.(await measured(name, work, url, Number(messages), Number(size)));
  process.disconnect();
} else if (role === "feed")
  await feed(String(rest[0]), Number(rest[1]), Number(rest[2])).then(() => process.disconnect());
else if (role === "echo") await echo(String(rest[0]));
else if (role === "tiny") {
  // So that the file cannot rot: each workload once, for the tests.
  for (const work of ["publish", "receive", "request-1"]) {
    const { checksum } = await run("myelin", work, String(rest[0]), BATCH, 16);
    console.log(`${work} ${checksum}`);
  }
} else {
  const messages = Number(role ?? 1_000_000);
  const given = process.env["MYELIN_URL"];
  if (given !== undefined) await table(given, messages);
  else if (referenceBinary === null) console.log("no reference server: set REFERENCE_SERVER, or MYELIN_URL=host:port");
  else {
    await using server = await ReferenceServer.start();
    await table(server.url, messages);
  }
}
