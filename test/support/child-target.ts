// A server as a child process, in the form that tests of several servers take.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ChildOptions, startServer, waitFor } from "@myelin/testing";
import { configurationOf } from "./configuration.ts";
import type { ReloadableServer, TargetOptions } from "./target.ts";
import { overTcp } from "./wire.ts";

/** What a server says when it has reloaded, and when it has not: then with the first reason. */
const RELOADED = /Reloaded server configuration|Failed to reload server configuration: (.*)\n/;

/** Starts a program, and waits until it is ready. */
export async function startChild(options: ChildOptions): Promise<ReloadableServer> {
  const server = await startServer({ run: "child", ...options });
  const address = { host: server.host, port: server.port };
  const stop = async (): Promise<void> => {
    await server.kill(); // nothing of it is kept, and an orderly stop takes its time
    await server.close();
  };
  const reload = async (options: TargetOptions): Promise<string | null> => {
    const from = server.log.length;
    await writeFile(join(server.folder, "server.conf"), configurationOf(options));
    await server.signal("SIGHUP");
    const [, reason] = await waitFor(() => RELOADED.exec(server.log.slice(from)), { what: "the end of the reload" });
    return reason ?? null;
  };
  const webSocketPort = server.ports.websocket[0] ?? null;
  return { ...address, webSocketPort, wires: overTcp(address), reload, stop };
}
