// How long the event loop of a server stands still while one client makes and ends 100,000 subscriptions. By command, because it
// is a measurement:
//
//   npm run build && node test/dist/overload/loop-delay.js
//
// The load runs in a process of its own, which tells when each step begins and ends.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { startServer } from "@myelin/testing";
import { RawClient } from "./raw-client.ts";

const MANY = 100_000;

const STEPS: ReadonlyArray<{ name: string; line: (number: number) => string }> = [
  { name: "SUB to as many subjects", line: (i) => `SUB s.${i}.*.${i % 7} ${i}\r\n` },
  { name: "UNSUB all of them", line: (i) => `UNSUB ${i}\r\n` },
  { name: "SUB to one subject", line: (i) => `SUB a.b ${i}\r\n` },
  { name: "UNSUB again", line: (i) => `UNSUB ${i}\r\n` },
];

async function load(port: number): Promise<void> {
  const client = await RawClient.open(port);
  for (const { line } of STEPS) {
    const text = Array.from({ length: MANY }, (_, i) => line(i)).join("");
    await tell("begin");
    await client.write(text);
    await client.settle();
    await tell("end");
  }
  client.close();
}

/** Says where the load is, and waits until the server's process has heard it. */
async function tell(what: "begin" | "end"): Promise<void> {
  process.send?.(what);
  await once(process, "message");
}

async function measure(): Promise<void> {
  const server = await startServer({ run: "in-process" });
  const child = fork(fileURLToPath(import.meta.url), [String(server.port)]);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  for (const { name } of STEPS) {
    await heard(child);
    delay.reset();
    delay.enable();
    await heard(child);
    delay.disable();
    console.log(`${name.padEnd(26)} longest ${(delay.max / 1e6).toFixed(1)} ms`);
  }
  await once(child, "exit");
  await server.close();
}

async function heard(child: ChildProcess): Promise<void> {
  await once(child, "message");
  child.send("heard");
}

const port = process.argv[2];
if (port === undefined) await measure();
else {
  await load(Number(port));
  process.disconnect();
}
