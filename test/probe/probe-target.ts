// Starts a server with a configuration of the probe: Myelin in this process, or the reference as a child.

import { startServer } from "@myelin/testing";
import { startChild } from "../support/child-target.ts";
import type { RunningServer } from "../support/target.ts";
import { overTcp } from "../support/wire.ts";

/** Starts a server with this configuration. */
export type ProbeTarget = (configText: string) => Promise<RunningServer>;

/** Myelin in this process, over sockets. */
export async function startMyelin(configText: string): Promise<RunningServer> {
  const server = await startServer({ run: "in-process", configText, port: -1 });
  const address = { host: server.host, port: server.port };
  const webSocketPort = server.ports.websocket[0] ?? null;
  return { ...address, webSocketPort, wires: overTcp(address), stop: () => server.close() };
}

/** The reference. */
export function startReference(program: string): ProbeTarget {
  return (configText) => startChild({ program, configText });
}
