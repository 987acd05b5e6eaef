// Node, Deno and Bun as a platform for the client.

import { channel } from "node:diagnostics_channel";
import { lookup } from "node:dns/promises";
import { NodeClock, NodeRandom } from "@myelin/platform/node";
import type { Diagnostics } from "./diagnostics.ts";
import type { Runtime } from "./runtime.ts";
import { nodeTextBytes } from "./text-bytes-node.ts";
import { NodeDialer } from "./transport/dialer-node.ts";

const diagnostics: Diagnostics = {
  publish: channel("myelin:client:publish"),
  deliver: channel("myelin:client:deliver"),
  request: channel("myelin:client:request"),
  connect: channel("myelin:client:connect"),
};

/** Makes the platform for one connection. */
export function createNodeRuntime(): Runtime {
  const clock = new NodeClock();
  return {
    clock,
    random: new NodeRandom(),
    text: nodeTextBytes,
    dialer: new NodeDialer(clock),
    diagnostics,
    endOfTurn: (run) => {
      setImmediate(run);
    },
    resolveHost: async (host) => {
      const found = await lookup(host, { all: true });
      return [...new Set(found.map(({ address }) => address))];
    },
  };
}
