// The ways into a server under attack here: each listener with a way to open a connection to it. A new listener gets a line
// here, and every test of this folder then knocks at it too.

import { type InProcessOptions, InProcessServer, TestAuthority } from "@myelin/testing";
import { overTls } from "../support/tls-opener.ts";
import { overWebSocket } from "../support/websocket-opener.ts";
import { inProcess, overTcp, type WireOpener } from "../support/wire.ts";

/** A way in. */
export interface Door {
  readonly name: string;
  /** What a user has to be allowed to come this way (`allowed_connection_types`). */
  readonly connectionType: string;
  readonly open: (server: InProcessServer) => WireOpener;
  /** What a server needs to be come to this way, which makes others impossible; absent where every server can be. */
  readonly options?: Pick<InProcessOptions, "tls" | "webSocket">;
}

const AUTHORITY = new TestAuthority();
/** A busy machine takes its time for a handshake. */
const TLS = { ...AUTHORITY.issue(), timeoutMs: 60_000 };

/** Every way in that there is. */
export const DOORS: readonly Door[] = [
  { name: "TCP", connectionType: "STANDARD", open: (server) => overTcp(server) },
  { name: "WebSocket", connectionType: "WEBSOCKET", open: (server) => overWebSocket(server.ports.websocket[0] ?? 0) },
  {
    name: "TLS",
    connectionType: "STANDARD",
    open: (server) => overTls(server.port, { ca: AUTHORITY.cert, first: false }),
    options: { tls: TLS },
  },
  {
    name: "WebSocket over TLS",
    connectionType: "WEBSOCKET",
    open: (server) => overWebSocket(server.ports.websocket[0] ?? 0, { tls: { ca: AUTHORITY.cert } }),
    options: { webSocket: { tls: TLS, handshakeTimeoutMs: 60_000 } },
  },
  {
    name: "in-process",
    connectionType: "IN_PROCESS",
    open: (server) => inProcess(() => server.server.connectInProcess()),
  },
];

/** Those that lead into one server side by side. */
export const PLAIN_DOORS: readonly Door[] = DOORS.filter(({ options }) => options === undefined);

/** Starts a server whose inner faults are kept: they are what must not happen. */
export async function startAttacked(
  options: InProcessOptions,
  door?: Door,
): Promise<{ server: InProcessServer; faults: string[] }> {
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
  const server = new InProcessServer({ port: -1, logger, keepLog: false, ...options, ...door?.options, configText });
  await server.start();
  return { server, faults };
}
