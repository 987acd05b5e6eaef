// What scripts/client-runtimes.mjs runs in each JavaScript runtime: requests over TCP and over WebSocket.

import assert from "node:assert/strict";
import { connect, wsconnect } from "../dist/node.js";

const [tcpPort, webSocketPort] = process.argv.slice(2);
const overTcp = await connect({ servers: `127.0.0.1:${tcpPort}` });
const overWebSocket = await wsconnect({ servers: `ws://127.0.0.1:${webSocketPort}` });
for (const nc of [overTcp, overWebSocket]) {
  nc.subscribe("echo", {
    queue: "one",
    callback: (_error, msg) => msg.respond(msg.data, { headers: { seen: msg.subject } }),
  });
  const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => nc.request("echo", `number ${i}`)));
  for (const [i, answer] of answers.entries()) {
    assert.equal(answer.string(), `number ${i}`);
    assert.equal(answer.headers?.get("seen"), "echo");
  }
  const large = await nc.request("echo", new Uint8Array(500_000).fill(7));
  assert.ok(large.data.length === 500_000 && large.data.every((byte) => byte === 7));
}
await overTcp.drain();
await overWebSocket.drain();
