// How long a message takes while 200 clients a second log in with a password whose bcrypt hash takes a tenth of a second of a
// core: the round trip of one publisher and one subscriber, with the storm and without, in turns. For people.
//
//   node test/dist/overload/login-storm.js [--seconds N] [--logins N]

import { parseArgs } from "node:util";
import { startServer } from "@myelin/testing";
import { overTcp } from "../support/wire.ts";
import { WireClient } from "../support/wire-client.ts";

/** Of cost 11; nobody knows of what. */
const HASH = "$2a$11$D0T2vHfDZXGsfPaSrdyLiulfgUyMUOCgFEgAVnV8KwhBn6lOBEj4K";
const TURNS = 3;

const { values } = parseArgs({ options: { seconds: { type: "string" }, logins: { type: "string" } } });
const seconds = Number(values.seconds ?? 5);
const logins = Number(values.logins ?? 200);

await using server = await startServer({
  run: "child",
  configText: `authorization { users: [ { user: a, password: a }, { user: h, password: ${HASH} } ] }`,
});
const open = (name: string): Promise<WireClient> => WireClient.connect(name, overTcp(server));

const client = await open("client");
await client.send(Buffer.from('CONNECT {"user":"a","pass":"a","verbose":false}\r\nSUB x 1\r\n'));
await client.settle();

/** Round trips one after the other, in microseconds. */
async function roundTrips(): Promise<number[]> {
  const took: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs) {
    const startedMs = performance.now();
    const seen = client.received.lines.length;
    await client.send(Buffer.from("PUB x 0\r\n\r\n"));
    await client.until(() => client.received.lines.length > seen, "the message");
    took.push((performance.now() - startedMs) * 1000);
    client.received.lines.length = 0;
  }
  return took.toSorted((x, y) => x - y);
}

/** Logs in all the time, with a wrong password; says how many were refused at once, answered, and cut off. */
function storm(): { readonly stop: () => Promise<string> } {
  const running = new Set<Promise<void>>();
  const answers = new Map<string, number>();
  const logIn = async (): Promise<void> => {
    const stranger = await open("stranger");
    await stranger.send(Buffer.from('CONNECT {"user":"h","pass":"wrong"}\r\n'));
    await stranger.untilClosed();
    const said = stranger.received.lines.at(-1)?.text ?? "nothing";
    answers.set(said, (answers.get(said) ?? 0) + 1);
    stranger.destroy();
  };
  const timer = setInterval(() => {
    const one = logIn().finally(() => running.delete(one));
    running.add(one);
  }, 1000 / logins);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(running);
      return [...answers].map(([said, count]) => `${count} ${said}`).join(", ");
    },
  };
}

function show(what: string, sorted: readonly number[]): void {
  const at = (share: number): string => ((sorted[Math.floor(sorted.length * share)] ?? 0) / 1000).toFixed(3);
  console.log(
    `${what.padEnd(8)} ${sorted.length} round trips, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms`,
  );
}

for (let turn = 0; turn < TURNS; turn++) {
  show("quiet", await roundTrips());
  const { stop } = storm();
  show("storm", await roundTrips());
  console.log(`         ${await stop()}`);
}
client.destroy();
