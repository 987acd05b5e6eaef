// Myelin inside the test process: over TCP on a free loopback port, or without a listener at all.

import { type InProcessServer, startServer } from "@myelin/testing";
import { configurationOf } from "./configuration.ts";
import type { RunningServer, Target, TargetOptions } from "./target.ts";
import { inProcess, overTcp } from "./wire.ts";

/** Myelin in this process, reached over TCP. */
export class MyelinServer implements Target {
  readonly name = "myelin";

  async start(options: TargetOptions, port = -1): Promise<RunningServer> {
    const server = await startServer({ run: "in-process", configText: configurationOf(options), port });
    const address = { host: server.host, port: server.port };
    return { ...address, webSocketPort: null, wires: overTcp(address), stop: () => server.close() };
  }
}

/**
 * Myelin in this process, reached without sockets: every write of a client is one read of the server. It is started once
 * and serves one play after the other, as long as their options are the same; a play ends when its connections are gone.
 */
export class ReusedMyelinServer implements Target {
  readonly name = "myelin in-process";
  #server: InProcessServer | null = null;

  async start(options: TargetOptions): Promise<RunningServer> {
    this.#server ??= await startServer({ run: "in-process", configText: configurationOf(options), listen: false });
    const { server, host } = this.#server;
    const wires = inProcess(() => server.connectInProcess());
    const idle = async (): Promise<void> => {
      while (server.connectionCount > 0) await new Promise(setImmediate);
    };
    return { host, port: 0, webSocketPort: null, wires, stop: idle };
  }

  /** Ends the server. */
  async close(): Promise<void> {
    await this.#server?.close();
  }
}
