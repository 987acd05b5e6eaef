// How long the event loop of a server stands still, and how long a reload takes, when the permissions of 10,000 clients change. By
// command, because it is a measurement:
//
//   node test/dist/overload/reload-delay.js [--clients N] [--subscriptions N] [--users N]

import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { UserGiven } from "@myelin/server";
import { startServer, waitFor } from "@myelin/testing";

const TURNS = 5;
/** Before and behind a reload: the longest delay is told when it is over. */
const SETTLE_MS = 50;

const { values } = parseArgs({
  options: { clients: { type: "string" }, subscriptions: { type: "string" }, users: { type: "string" } },
});
const clients = Number(values.clients ?? 10_000);
const subscriptions = Number(values.subscriptions ?? 3);
const userCount = Number(values.users ?? 1);

/** Each time others; the last time they take one subscription from each client. */
function users(turn: number): UserGiven[] {
  const subscribe = turn === TURNS ? [`turn.${turn}`, "b.>"] : [`turn.${turn}`, "a.>", "b.>"];
  return Array.from({ length: userCount }, (_, at) => ({ user: `u${at}`, pass: "p", permissions: { subscribe } }));
}

await using server = await startServer({ run: "in-process", users: users(0) });
for (let at = 0; at < clients; at++) {
  const duplex = server.server.connectInProcess();
  duplex.open({ received: () => {}, written: () => {}, ended: () => {}, closed: () => {} });
  const subs = Array.from({ length: subscriptions }, (_, i) => `SUB ${i === 0 ? "a" : "b"}.${at % 100}.${i} ${i}\r\n`);
  duplex.write(Buffer.from(`CONNECT {"user":"u${at % userCount}","pass":"p","verbose":false}\r\n${subs.join("")}`));
}
await waitFor(() => server.server.subscriptionCount === clients * subscriptions, { timeout: "60s" });

const delay = monitorEventLoopDelay({ resolution: 1 });
for (let turn = 1; turn <= TURNS; turn++) {
  delay.reset();
  delay.enable();
  await setTimeout(SETTLE_MS);
  const startedMs = performance.now();
  await server.server.reload({ users: users(turn) });
  const tookMs = performance.now() - startedMs;
  await setTimeout(SETTLE_MS);
  delay.disable();
  const left = server.server.subscriptionCount;
  console.log(
    `reload ${turn}: ${tookMs.toFixed(0)} ms, longest ${(delay.max / 1e6).toFixed(1)} ms, ${left} subscriptions left`,
  );
}
