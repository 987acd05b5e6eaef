// How long a message takes while 200 clients a second log in with a password whose bcrypt hash takes a tenth of a second of a
// core: the round trip of one publisher and one subscriber. Three kinds of time come in turns: quiet, as many clients that
// give a wrong plain password (what the connections alone cost), and the storm. For people.
//
//   node test/dist/overload/login-storm.js [--seconds N] [--logins N] [--turns N] [--pause MS] [--synced]
//
// Round trips follow each other at once, or after a pause, which shows what it costs to be woken up. With --synced each message is
// stored by the server's process, and answered when it has been synced.
// The storm is in a process of its own, of the lowest priority, because it stands for clients on other machines. No two of its
// passwords are the same: the server would check them once for all.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { constants, setPriority } from "node:os";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startServer } from "@myelin/testing";
import { RawClient } from "./raw-client.ts";

/** Of cost 11. bcrypt reads no more than 72 bytes, so whatever follows this password is right too. */
const HASH = "$2a$11$QlxGk7ceQvhfW8PSw6hnGOGW.suP.YFdXsiVnEZPJyv5Gc3duRUda";
const PASSWORD = "right".padEnd(72, "-");
/** Every tenth login is right. */
const RIGHT_EVERY = 10;

const CONFIGURATION = `authorization { users: [
  { user: a, password: a }, { user: plain, password: other }, { user: hashed, password: ${HASH} }
] }`;

/** Who logs in, in each kind of time. */
const KINDS = [
  { name: "quiet", user: "" },
  { name: "plain", user: "plain" },
  { name: "storm", user: "hashed" },
] as const;

/** What the measuring process asks of the storm's: to begin as a user, or to end with the empty one. */
interface Order {
  readonly user: string;
}

/** Of sorted times, in milliseconds. */
interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string" },
      logins: { type: "string" },
      turns: { type: "string" },
      pause: { type: "string" },
      synced: { type: "boolean" },
    },
  });
  const { seconds = "3", logins = "200", turns = "3", pause = "0", synced = false } = values;
  await using server = await start(synced);
  const client = await RawClient.open(server.port, `SUB ${synced ? "y" : "x"} 1\r\n`, { user: "a", pass: "a" });
  const storm = fork(fileURLToPath(import.meta.url), ["storm", String(server.port), logins]);
  const seen = new Map<string, Quantiles[]>();
  for (let turn = 0; turn < Number(turns); turn++) {
    for (const { name, user } of KINDS) {
      if (user !== "") await order(storm, { user });
      const quantiles = quantilesOf(await roundTrips(client, Number(seconds), Number(pause), synced));
      const said = user === "" ? "" : await order(storm, { user: "" });
      show(name, quantiles, said);
      seen.set(name, [...(seen.get(name) ?? []), quantiles]);
    }
  }
  storm.disconnect();
  client.close();
  for (const [name, all] of seen) show(`${name}, medians`, medians(all), "");
}

/** Starts a server in a process of its own; with a store in it, if wanted. */
async function start(synced: boolean): Promise<{ readonly port: number } & AsyncDisposable> {
  if (!synced) return startServer({ run: "child", configText: CONFIGURATION });
  const child = fork(fileURLToPath(new URL("./storing-server.js", import.meta.url)), [CONFIGURATION]);
  const [port] = (await once(child, "message")) as [number];
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.disconnect();
      await once(child, "exit");
    },
  };
}

/** Round trips one after the other, in milliseconds. */
async function roundTrips(client: RawClient, seconds: number, pauseMs: number, synced: boolean): Promise<number[]> {
  const publish = synced ? "PUB x y 0\r\n\r\n" : "PUB x 0\r\n\r\n";
  const took: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs) {
    const startedMs = performance.now();
    client.tail = "";
    client.socket.write(publish);
    await client.until(() => client.tail !== "");
    took.push(performance.now() - startedMs);
    if (pauseMs > 0) await setTimeout(pauseMs);
  }
  return took;
}

/** @returns What the storm says when it has done it. */
async function order(storm: ChildProcess, what: Order): Promise<string> {
  storm.send(what);
  const [said] = (await once(storm, "message")) as [string];
  return said;
}

function quantilesOf(took: readonly number[]): Quantiles {
  const sorted = took.toSorted((x, y) => x - y);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

function medians(all: readonly Quantiles[]): Quantiles {
  const of = (name: keyof Quantiles): number => {
    const sorted = all.map((one) => one[name]).toSorted((x, y) => x - y);
    return sorted[sorted.length >> 1] ?? 0;
  };
  return { count: of("count"), p50: of("p50"), p99: of("p99"), p999: of("p999") };
}

function show(what: string, { count, p50, p99, p999 }: Quantiles, said: string): void {
  const ms = (value: number): string => `${value.toFixed(3)} ms`;
  console.log(
    `${what.padEnd(14)} ${count} round trips, p50 ${ms(p50)}, p99 ${ms(p99)}, p99.9 ${ms(p999)}  ${said}`.trimEnd(),
  );
}

/** The storm's process: logs in when it is told to, and tells how the server answered. */
async function storm(port: number, loginsPerSecond: number): Promise<void> {
  setPriority(constants.priority.PRIORITY_LOW);
  const running = new Set<Promise<void>>();
  const answers = new Map<string, number>();
  let number = 0;
  let timer: NodeJS.Timeout | undefined;
  const begin = (user: string): void => {
    const startedMs = performance.now();
    let begun = 0;
    timer = setInterval(() => {
      const due = ((performance.now() - startedMs) / 1000) * loginsPerSecond;
      for (; begun < due; begun++) {
        const one = logIn(port, user, `${number % RIGHT_EVERY === 0 ? PASSWORD : "wrong"}${number++}`).then((said) => {
          answers.set(said, (answers.get(said) ?? 0) + 1);
          running.delete(one);
        });
        running.add(one);
      }
    }, 1000 / loginsPerSecond);
  };
  const end = async (): Promise<string> => {
    clearInterval(timer);
    await Promise.all(running);
    const said = [...answers].map(([answer, count]) => `${count} ${answer}`).join(", ");
    answers.clear();
    return said;
  };
  process.on("message", ({ user }: Order) => {
    if (user === "") void end().then((said) => process.send?.(said));
    else {
      begin(user);
      process.send?.("begun");
    }
  });
  await once(process, "disconnect");
}

/** @returns The last that the server says. */
function logIn(port: number, user: string, pass: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let text = "";
    socket.once("data", () => {
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        if (text === "PONG\r\n") socket.end();
      });
      socket.write(`CONNECT ${JSON.stringify({ user, pass, verbose: false })}\r\nPING\r\n`);
    });
    socket.on("error", () => {}); // a reset shows as closed
    socket.on("close", () => resolve(text.split("\r\n").at(-2) ?? "nothing"));
  });
}

const [role, port, loginsPerSecond] = process.argv.slice(2);
if (role === "storm") await storm(Number(port), Number(loginsPerSecond));
else await measure();
