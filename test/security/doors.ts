// The ways into a server under attack here: each listener with a way to open a connection to it. A new listener gets a line
// here, and every test of this folder then knocks at it too.

import { type InProcessOptions, InProcessServer } from "@myelin/testing";
import { overWebSocket } from "../support/websocket-opener.ts";
import { inProcess, overTcp, type WireOpener } from "../support/wire.ts";

/** A way in. */
export interface Door {
  readonly name: string;
  /** What a user has to be allowed to come this way (`allowed_connection_types`). */
  readonly connectionType: string;
  readonly open: (server: InProcessServer) => WireOpener;
}

/** Every way in that there is. */
export const DOORS: readonly Door[] = [
  { name: "TCP", connectionType: "STANDARD", open: (server) => overTcp(server) },
  { name: "WebSocket", connectionType: "WEBSOCKET", open: (server) => overWebSocket(server.ports.websocket[0] ?? 0) },
  {
    name: "in-process",
    connectionType: "IN_PROCESS",
    open: (server) => inProcess(() => server.server.connectInProcess()),
  },
];

/** Starts a server whose inner faults are kept: they are what must not happen. */
export async function startAttacked(options: InProcessOptions): Promise<{ server: InProcessServer; faults: string[] }> {
  const faults: string[] = [];
  const logger = {
    info: () => {},
    warn: () => {},
    debug: () => {},
    trace: () => {},
    error: (text: string) => void (text.includes("internal error") && faults.push(text)),
  };
  // Every listener that there is.
  const configText = `${options.configText ?? ""}\nwebsocket { listen: "127.0.0.1:-1", no_tls: true }`;
  const server = new InProcessServer({ port: -1, logger, keepLog: false, ...options, configText });
  await server.start();
  return { server, faults };
}
