// Node, Deno and Bun as a platform for the client.

import { lookup } from "node:dns/promises";
import { NodeClock, NodeRandom } from "@myelin/platform/node";
import type { Runtime } from "./runtime.ts";
import { nodeTextBytes } from "./text-bytes-node.ts";
import { NodeDialer } from "./transport/node-dialer.ts";

/** Makes the platform for one connection. */
export function createNodeRuntime(): Runtime {
  const clock = new NodeClock();
  return {
    clock,
    random: new NodeRandom(),
    text: nodeTextBytes,
    dialer: new NodeDialer(clock),
    endOfTurn: (run) => {
      setImmediate(run);
    },
    resolveHost: async (host) => {
      const found = await lookup(host, { all: true });
      return [...new Set(found.map(({ address }) => address))];
    },
  };
}
