// CPU of the client process per million messages, beside the official client and a bare socket, on one and the same server.
//
//   node dist/client.bench.js [messages per run, 1000000] [rounds, 1] [workloads: publish,receive,request-1,request-512]
//   node dist/client.bench.js memory 10000000           memory while so many are published and received
//
// against nats-server and Myelin, or MYELIN_URL=host:port. Each run is a process of its own, so that its CPU time is the
// client's alone; all are driven by the same code, in turns. What feeds a receiver writes prepared bytes, so that it leaves the machine to the
// server and the receiver, and waits for the receiver to say how far it is, so that no server has to cut a slow one off. With
// several rounds the medians are shown.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type ClientName, connectWith, echo, feed, measured, type Result } from "./client-loads.bench.ts";
import { BATCH, READY, SUBJECT, WARM } from "./client-terms.bench.ts";

const SIZES = [16, 128, 1024];
const WORKLOADS = ["publish", "receive", "request-1", "request-512"];

function child(...args: (string | number)[]) {
  return fork(fileURLToPath(import.meta.url), args.map(String));
}

/** One measurement, in processes of its own. */
async function run(name: ClientName, work: string, url: string, messages: number, size: number): Promise<Result> {
  const isRequest = work.startsWith("request");
  const helper = isRequest ? child("echo", url) : null;
  if (helper !== null) await once(helper, "message");
  const subject = child("measured", name, work, url, messages, size);
  const result = new Promise<Result>((resolve, reject) => {
    subject.on("message", (message) => {
      if (message === READY) child("feed", url, messages + WARM, size);
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

/** All in turns. */
async function rounds(work: string, url: string, count: number, size: number, times: number) {
  const results: Record<ClientName, Result[]> = { official: [], myelin: [], bare: [] };
  const names = (["official", "myelin", "bare"] as const).filter(
    (name) => name !== "bare" || !work.startsWith("request"),
  );
  for (let round = 0; round < times; round++) {
    for (const name of names) results[name].push(await run(name, work, url, count, size));
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
  return { myelin: of("myelin"), official: of("official"), bare: of("bare"), ratio };
}

async function table(url: string, messages: number, times: number, works: readonly string[]): Promise<void> {
  console.log(
    "|  | size | CPU s per million, ours / official / bare | ratio | k msg/s, ours / official / bare | ratio | p50 us |",
  );
  console.log("|---|---|---|---|---|---|---|");
  for (const work of works) {
    const isRequest = work.startsWith("request");
    for (const size of isRequest ? [16] : SIZES) {
      const count = isRequest ? Math.min(messages / 20, 50_000) : Math.max(BATCH, messages - (messages % BATCH));
      const { myelin, official, bare, ratio } = await rounds(work, url, count, size, times);
      const cells = [
        work,
        `${size} B`,
        `${myelin.cpu.toFixed(2)} / ${official.cpu.toFixed(2)}${isRequest ? "" : ` / ${bare.cpu.toFixed(2)}`}`,
        ratio.toFixed(2),
        `${myelin.rate.toFixed(0)} / ${official.rate.toFixed(0)}${isRequest ? "" : ` / ${bare.rate.toFixed(0)}`}`,
        (myelin.rate / official.rate).toFixed(1),
        isRequest ? `${myelin.p50Us.toFixed(0)} / ${official.p50Us.toFixed(0)}` : "",
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
}

/** Publishes and receives by one connection, and shows how much memory the process has. */
async function memory(url: string, messages: number): Promise<void> {
  const nc = await connectWith("myelin", url);
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
  for (const [name, work] of [
    ["myelin", "publish"],
    ["myelin", "receive"],
    ["myelin", "request-1"],
    ["bare", "publish"],
    ["bare", "receive"],
  ] as const) {
    const { checksum } = await run(name, work, String(rest[0]), BATCH, 16);
    console.log(`${name} ${work} ${checksum}`);
  }
} else {
  const isMemory = role === "memory";
  const messages = Number((isMemory ? rest[0] : role) ?? 1_000_000);
  const works = rest[1]?.split(",") ?? WORKLOADS;
  for (const work of works)
    if (!WORKLOADS.includes(work)) throw new Error(`'${work}' is none of ${WORKLOADS.join(", ")}`);
  const measure = (url: string): Promise<void> =>
    isMemory ? memory(url, messages) : table(url, messages, Number(rest[0] ?? 1), works);
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
