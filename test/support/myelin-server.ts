// Myelin inside the test process: over TCP on a free loopback port, or without a listener at all.

import type { EmbeddedServer } from "@myelin/server";
import { type InProcessServer, startServer } from "@myelin/testing";
import { configurationOf } from "./configuration.ts";
import type { ReloadableServer, Target, TargetOptions } from "./target.ts";
import { inProcess, overTcp } from "./wire.ts";

/** Myelin in this process, reached over TCP. */
export class MyelinServer implements Target {
  readonly name = "myelin";

  async start(options: TargetOptions, port = -1): Promise<ReloadableServer> {
    const server = await startServer({ run: "in-process", configText: configurationOf(options), port });
    const address = { host: server.host, port: server.port };
    const { server: embedded } = server;
    const reload = (changed: TargetOptions): Promise<string | null> => reloadEmbedded(embedded, changed);
    const webSocketPort = server.ports.websocket[0] ?? null;
    return { ...address, webSocketPort, wires: overTcp(address), reload, stop: () => server.close() };
  }
}

/**
 * Myelin in this process, reached without sockets: every write of a client is one read of the server. It is started once
 * and serves one play after the other, as long as their options are the same; a play ends when its connections are gone.
 */
export class ReusedMyelinServer implements Target {
  readonly name = "myelin in-process";
  #server: InProcessServer | null = null;

  async start(options: TargetOptions): Promise<ReloadableServer> {
    this.#server ??= await startServer({ run: "in-process", configText: configurationOf(options), listen: false });
    const { server, host } = this.#server;
    const wires = inProcess(() => server.connectInProcess());
    const idle = async (): Promise<void> => {
      while (server.connectionCount > 0) await new Promise(setImmediate);
    };
    const reload = (changed: TargetOptions): Promise<string | null> => reloadEmbedded(server, changed);
    return { host, port: 0, webSocketPort: null, wires, reload, stop: idle };
  }

  /** Ends the server. */
  async close(): Promise<void> {
    await this.#server?.close();
  }
}

async function reloadEmbedded(server: EmbeddedServer, options: TargetOptions): Promise<string | null> {
  try {
    await server.reload({ configText: configurationOf(options) });
    return null;
  } catch (error) {
    return (error as Error).message.split("\n")[0] ?? "";
  }
}
