// The processes of client.bench.ts: one publishes, receives, or asks for answers and is measured at it; beside it another feeds
// a receiver or answers requests.

import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { publishBare, receiveBare } from "./bare-socket.bench.ts";
import { BATCH, CREDIT, CREDIT_SUBJECT, FEED_AHEAD, READY, SUBJECT, WARM } from "./client-terms.bench.ts";

/** The part of both clients that is used. */
export interface BenchConnection {
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

/** What one run gave. */
export interface Result {
  /** CPU seconds, user and system. */
  cpu: number;
  seconds: number;
  /** So that the work cannot vanish. */
  checksum: number;
  p50Us?: number;
}

const CLIENTS = { myelin: "./node.js", official: "@nats-io/transport-node" } as const;
/** What is measured; `bare` is a socket without a client, and knows no requests. */
export type ClientName = keyof typeof CLIENTS | "bare";

/** Connects with one of the clients. */
export async function connectWith(name: keyof typeof CLIENTS, url: string): Promise<BenchConnection> {
  const { connect } = (await import(CLIENTS[name])) as { connect: Connect };
  return connect({ servers: url });
}

const ready = (): void => void process.send?.(READY);

/** Runs one workload and says what it cost this process. */
export async function measured(
  name: ClientName,
  work: string,
  url: string,
  messages: number,
  size: number,
): Promise<Result> {
  let before = process.cpuUsage();
  let start = performance.now();
  const begin = (): void => {
    before = process.cpuUsage();
    start = performance.now();
  };
  const end = (checksum: number): Result => {
    const used = process.cpuUsage(before);
    return { cpu: (used.user + used.system) / 1e6, seconds: (performance.now() - start) / 1000, checksum };
  };
  if (name === "bare") {
    if (work === "receive") return end(await receiveBare(url, messages, size, begin, ready));
    return end(await publishBare(url, messages, size, begin));
  }
  const nc = await connectWith(name, url);
  try {
    if (work === "publish") return end(await publish(nc, messages, size, begin));
    if (work === "receive") return end(await receive(nc, messages, size, begin));
    const outstanding = Number(/^request-(\d+)$/.exec(work)?.[1]);
    await request(nc, 2_000, size, outstanding); // warm
    begin();
    const tookUs = await request(nc, messages, size, outstanding);
    return { ...end(tookUs.length), p50Us: tookUs[tookUs.length >> 1] ?? 0 };
  } finally {
    await nc.close();
  }
}

async function publish(nc: BenchConnection, messages: number, size: number, begin: () => void): Promise<number> {
  const payload = new Uint8Array(size).fill(0x61);
  for (let sent = -WARM; sent < messages; sent += BATCH) {
    if (sent === 0) begin();
    for (let i = 0; i < BATCH; i++) nc.publish(SUBJECT, payload);
    await nc.flush();
  }
  return messages;
}

async function receive(nc: BenchConnection, messages: number, size: number, begin: () => void): Promise<number> {
  const empty = new Uint8Array(0);
  let sum = 0;
  const counted = await new Promise<number>((resolve) => {
    let count = 0;
    nc.subscribe(SUBJECT, {
      callback: (_error, msg) => {
        sum += msg.data.length;
        if (++count === WARM) begin();
        if (count % CREDIT === 0) nc.publish(CREDIT_SUBJECT, empty);
        if (count === messages + WARM) resolve(sum); // a little more comes, as it is fed in batches
      },
    });
    void nc.flush().then(ready);
  });
  return counted / size - WARM;
}

/** Gives how long each took in microseconds, in order. */
async function request(nc: BenchConnection, messages: number, size: number, outstanding: number): Promise<number[]> {
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

/** Sends prepared messages to a receiver, never too far ahead of what it says it has got. */
export async function feed(url: string, messages: number, size: number): Promise<void> {
  const nc = await connectWith("myelin", url);
  let credited = 0;
  let wake = (): void => {};
  nc.subscribe(CREDIT_SUBJECT, {
    callback: () => {
      credited += CREDIT;
      wake();
    },
  });
  await nc.flush();
  const [host, port] = url.split(":");
  const socket = connectSocket(Number(port), host);
  socket.resume();
  await once(socket, "connect");
  socket.write('CONNECT {"verbose":false}\r\n');
  const batch = Buffer.from(`PUB ${SUBJECT} ${size}\r\n${"a".repeat(size)}\r\n`.repeat(CREDIT));
  for (let sent = 0; sent < messages; sent += CREDIT) {
    while (sent - credited >= CREDIT * FEED_AHEAD) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    await new Promise((resolve) => socket.write(batch, resolve));
  }
  socket.end("PING\r\n");
  await once(socket, "close");
  await nc.close();
}

/** Answers requests until the conductor is gone. */
export async function echo(url: string): Promise<void> {
  const nc = await connectWith("myelin", url);
  nc.subscribe("bench.echo", { callback: (_error, msg) => void msg.respond(msg.data) });
  await nc.flush();
  ready();
  await once(process, "disconnect");
  await nc.close();
}
