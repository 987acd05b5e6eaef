// A server as a child process, in the form that tests of several servers take.

import { type ChildOptions, startServer } from "@myelin/testing";
import type { RunningServer } from "./target.ts";
import { overTcp } from "./wire.ts";

/** Starts a program, and waits until it is ready. */
export async function startChild(options: ChildOptions): Promise<RunningServer> {
  const server = await startServer({ run: "child", ...options });
  const address = { host: server.host, port: server.port };
  const stop = async (): Promise<void> => {
    await server.kill(); // nothing of it is kept, and an orderly stop takes its time
    await server.close();
  };
  const webSocketPort = server.ports.websocket[0] ?? null;
  return { ...address, webSocketPort, wires: overTcp(address), stop };
}
