// Sends the same strange input to Myelin and to the reference, and prints the shortest inputs that are answered
// differently. For people: what it prints is to be judged, and becomes a transcript.
//
//   node test/dist/fuzz/compare.js [--seed N] [--inputs N]

import { parseArgs } from "node:util";
import { SimRandom } from "@myelin/platform/sim";
import { escapeBytes } from "../support/escape.ts";
import { MyelinServer } from "../support/myelin-server.ts";
import { findReferenceServer, ReferenceServer } from "../support/reference-server.ts";
import type { Target, TargetOptions } from "../support/target.ts";
import { WireClient } from "../support/wire-client.ts";
import { readCorpus } from "./corpus.ts";
import { Generator } from "./generator.ts";

const PARALLEL = 4;
const INVALID_SUBJECT = "-ERR 'Invalid Publish Subject'";
/** Characters of an input or an answer. */
const SHOWN_MAX = 600;
const SHRINK_TRIES = 80;
/** With credentials for the server that asks for them. */
const CONNECT = `CONNECT ${JSON.stringify({ verbose: false, headers: true, no_responders: true, user: "joe", pass: "x" })}\r\n`;
const WATCH = CONNECT.replace("\r\n", "\r\nSUB > 1\r\n");
const OPTIONS: readonly TargetOptions[] = [
  new Map(),
  new Map([
    ["max_payload", "64"],
    ["max_control_line", "256"],
    ["max_subscriptions", "3"],
    ["max_subscription_tokens", "4"],
  ]),
  new Map([
    ["user", "joe"],
    ["pass", "x"],
  ]),
];

const program = findReferenceServer();
if (program === null) {
  console.error("There is no reference server to compare with: set REFERENCE_SERVER");
  process.exit(1);
}
const servers: readonly Target[] = [new MyelinServer(), new ReferenceServer(program)];
const { values } = parseArgs({ options: { seed: { type: "string" }, inputs: { type: "string" } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const inputs = Number(values.inputs ?? 2000);
console.log(`comparing with seed ${seed}, ${inputs} inputs`);
const generator = new Generator(new SimRandom(seed), await readCorpus(), CONNECT);
let next = 0;
let different = 0;
await Promise.all(Array.from({ length: PARALLEL }, compareSome));
console.log(`${different} of ${inputs} inputs were answered differently`);

async function compareSome(): Promise<void> {
  while (next < inputs) {
    const options = OPTIONS[next++ % OPTIONS.length] ?? new Map<string, string>();
    const input = Buffer.concat(generator.input());
    if (await sameAnswer(input, options)) continue;
    different++;
    const short = await shrink(input, options);
    const [ours = "", theirs = ""] = await answers(short, options);
    const set = [...options].map(([name, value]) => `${name}=${value}`).join(" ");
    const shown = escapeBytes(short).slice(0, SHOWN_MAX);
    console.log(
      `\n${set}\n  "${shown}"\n  myelin    ${difference(ours, theirs)}\n  reference ${difference(theirs, ours)}`,
    );
  }
}

/** The reference reads on behind a client's -ERR to the end of that read, and then closes; Myelin closes at once. */
function untilPeerError(input: Buffer): Buffer {
  const line = /(^|\n)-err[ \t][^\n]*\n/i.exec(input.toString("latin1"));
  return line === null ? input : input.subarray(0, line.index + line[0].length);
}

/** The part of `answer` round the first place where it is not `other`. */
function difference(answer: string, other: string): string {
  let at = 0;
  while (at < answer.length && answer[at] === other[at]) at++;
  const start = Math.max(0, at - SHOWN_MAX / 2);
  return `${start > 0 ? "..." : ""}${answer.slice(start, start + SHOWN_MAX)}`;
}

async function sameAnswer(input: Buffer, options: TargetOptions): Promise<boolean> {
  const [ours, theirs] = await answers(input, options);
  return ours === theirs;
}

async function answers(input: Buffer, options: TargetOptions): Promise<string[]> {
  return Promise.all(servers.map((server) => answer(server, input, options)));
}

/** What a server answers to a client that sends `input` and ends, and what another one sees of it. */
async function answer(target: Target, input: Buffer, options: TargetOptions): Promise<string> {
  const server = await target.start(options);
  const client = await WireClient.connect("a", server.wires);
  const watcher = await WireClient.connect("b", server.wires);
  try {
    await watcher.send(Buffer.from(WATCH));
    await watcher.settle();
    await client.send(untilPeerError(input));
    await client.close();
    await watcher.settle();
    const { lines, rest } = client.received;
    // Among several subscriptions of one client, which comes first is left to chance.
    const texts = lines.slice(1).map((line) => line.text.replace(/^(H?MSG \S+) \S+/, "$1 -"));
    // What the reference tells its account of itself is another matter.
    const watched = watcher.received.lines.slice(1).filter((line) => !line.text.startsWith("MSG $SYS.ACCOUNT."));
    texts.push("watcher", ...watched.map((line) => line.text));
    // The reference complains twice about a subject when the payload comes in another read.
    const once = texts.filter((text, index) => text !== INVALID_SUBJECT || text !== texts[index - 1]);
    return [...once, ...(rest.length > 0 ? [`unfinished ${rest.toString("latin1")}`] : [])].join(" | ");
  } finally {
    client.destroy();
    watcher.destroy();
    await server.stop();
  }
}

/** Leaves out what is not needed for different answers. */
async function shrink(input: Buffer, options: TargetOptions): Promise<Buffer> {
  let short = input;
  let tries = 0;
  for (let size = short.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < short.length && tries < SHRINK_TRIES; ) {
      const without = Buffer.concat([short.subarray(0, at), short.subarray(at + size)]);
      tries++;
      if (await sameAnswer(without, options)) at += size;
      else short = without;
    }
  }
  return short;
}
