// CPU of the client process per million messages, beside the official client, on one and the same server.
//
//   node dist/client.bench.js [messages per run, 1000000] [rounds, 1]     against nats-server and Myelin, or MYELIN_URL=host:port
//   node dist/client.bench.js memory 10000000                             memory while so many are published and received
//
// Each run is a process of its own, so that its CPU time is the client's alone; both clients are driven by the same code, in
// turns. What feeds a receiver writes prepared bytes, so that it leaves the machine to the server and the receiver, and waits
// for the receiver to say how far it is, so that no server has to cut a slow one off. With several rounds the medians are shown.

import { fork } from "node:child_process";
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { fileURLToPath } from "node:url";

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
const SUBJECT = "bench.subject.one";
/** A receiver says each time that it has got so many; the feeder is never more than {@link FEED_AHEAD} times as many ahead. */
const CREDIT = 2_000;
const FEED_AHEAD = 8;
const CREDIT_SUBJECT = "bench.credit";

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
      for (let i = 0; i < BATCH; i++) nc.publish(SUBJECT, payload);
      await nc.flush();
    }
    return messages;
  },
  async receive(nc, messages, size, begin) {
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
      void nc.flush().then(() => process.send?.(RECEIVERS_WAIT));
    });
    return counted / size - WARM;
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

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** Both clients in turns. */
async function rounds(work: string, url: string, count: number, size: number, times: number) {
  const results: Record<ClientName, Result[]> = { official: [], myelin: [] };
  for (let round = 0; round < times; round++) {
    for (const name of ["official", "myelin"] as const) results[name].push(await run(name, work, url, count, size));
  }
  const of = (name: ClientName) => {
    const mine = results[name];
    return {
      cpu: (median(mine.map(({ cpu }) => cpu)) / count) * 1e6,
      rate: median(mine.map(({ seconds }) => count / seconds / 1000)),
      p50Us: median(mine.map(({ p50Us }) => p50Us ?? 0)),
    };
  };
  const ratio = median(results.myelin.map(({ cpu }, round) => cpu / (results.official[round]?.cpu ?? 1)));
  return { myelin: of("myelin"), official: of("official"), ratio };
}

async function table(url: string, messages: number, times: number): Promise<void> {
  console.log("|  | size | CPU s per million, ours / official | ratio | k msg/s, ours / official | ratio | p50 us |");
  console.log("|---|---|---|---|---|---|---|");
  for (const work of ["publish", "receive", "request-1", "request-512"]) {
    const isRequest = work.startsWith("request");
    for (const size of isRequest ? [16] : SIZES) {
      const count = isRequest ? Math.min(messages / 20, 50_000) : Math.max(BATCH, messages - (messages % BATCH));
      const { myelin, official, ratio } = await rounds(work, url, count, size, times);
      const cells = [
        work,
        `${size} B`,
        `${myelin.cpu.toFixed(2)} / ${official.cpu.toFixed(2)}`,
        ratio.toFixed(2),
        `${myelin.rate.toFixed(0)} / ${official.rate.toFixed(0)}`,
        (myelin.rate / official.rate).toFixed(1),
        isRequest ? `${myelin.p50Us.toFixed(0)} / ${official.p50Us.toFixed(0)}` : "",
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
}

/** Publishes and receives by one connection, and shows how much memory the process has. */
async function memory(url: string, messages: number): Promise<void> {
  const nc = await (await load("myelin"))({ servers: url });
  const payload = new Uint8Array(128);
  let received = 0;
  let wake = (): void => {};
  nc.subscribe(SUBJECT, {
    callback: () => {
      if (++received % BATCH === 0) wake();
    },
  });
  for (let sent = 0; sent < messages; sent += BATCH) {
    if (sent % (messages / 10) === 0) showMemory(sent);
    const all = new Promise<void>((resolve) => {
      wake = resolve;
    });
    for (let i = 0; i < BATCH; i++) nc.publish(SUBJECT, payload);
    await all;
  }
  showMemory(received);
  await nc.close();
}

function showMemory(messages: number): void {
  const { rss, heapUsed } = process.memoryUsage();
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  console.log(`${messages} messages: ${mebibytes(rss)} MiB resident, ${mebibytes(heapUsed)} MiB of heap in use`);
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
  const isMemory = role === "memory";
  const messages = Number((isMemory ? rest[0] : role) ?? 1_000_000);
  const measure = (url: string): Promise<void> =>
    isMemory ? memory(url, messages) : table(url, messages, Number(rest[0] ?? 1));
  const given = process.env["MYELIN_URL"];
  if (given !== undefined) await measure(given);
  else {
    // Not in the measured processes: what is loaded makes their heap larger.
    const { SERVERS } = await import("./fixtures/servers.ts");
    for (const kind of SERVERS) {
      if (kind.skip !== false) console.log(`${kind.name}: ${kind.skip}`);
      else {
        console.log(`${kind.name}:`);
        await using server = await kind.start();
        await measure(server.url);
      }
    }
  }
}
