// Why the server could not listen, in the words that the reference has for it: launchers and people know them.

import { hostPort } from "../net/listener.ts";
import type { WebSocketListenError } from "../net/websocket/service.ts";
import { systemErrorText } from "../system-error.ts";

const LOOKUP_CODES = ["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NONAME", "EAI_NODATA"];

/** The largest port there is. */
export const PORT_MAX = 65_535;

/** The line for a port that no socket can have. */
export function badPortText(host: string, port: number): string {
  return listeningText(host, port, `listen tcp: address ${port}: invalid port`);
}

/**
 * The line for an address that could not be listened on.
 *
 * @param port - As asked for; -1 is shown as the 0 that was asked of the platform.
 * @param error - The platform's error.
 */
export function listenErrorText(host: string, port: number, error: Error): string {
  const shownPort = Math.max(0, port);
  return listeningText(host, shownPort, listenReason(host, shownPort, error));
}

/** The same for the listener for WebSockets. */
export function webSocketListenErrorText({ cause, host, port }: WebSocketListenError): string {
  return `Unable to listen for websocket connections: ${listenReason(host, Math.max(0, port), cause)}`;
}

function listenReason(host: string, port: number, error: Error): string {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (LOOKUP_CODES.includes(code)) return `listen tcp: lookup ${host}: no such host`;
  const text = systemErrorText(error);
  return text === undefined ? error.message : `listen tcp ${hostPort(host, port)}: bind: ${text}`;
}

function listeningText(host: string, port: number, reason: string): string {
  return `Error listening on port: ${hostPort(host, port)}, ${JSON.stringify(reason)}`;
}

/** What to do about it; null when the error itself says it. */
export function listenErrorHint(port: number, error: Error): string | null {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE") {
    return `Another program listens on port ${port}. Stop it, or choose a port with -p <port>; -p -1 picks a free one`;
  }
  if (code === "EACCES") return `Port ${port} needs more rights than this process has. Choose another with -p <port>`;
  if (code === "EADDRNOTAVAIL" || LOOKUP_CODES.includes(code ?? "")) {
    return "Choose an address of this machine with -a <host>; without -a the server listens on every address";
  }
  return null;
}
