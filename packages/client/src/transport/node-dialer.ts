// How Node, Deno and Bun get to a server: TCP, TLS, WebSocket.

import type { ServerAddress } from "../servers/address.ts";
import type { Dialer, DialOptions, Link } from "./dialer.ts";
import { dialTcp } from "./node-socket.ts";

export class NodeDialer implements Dialer {
  async dial(address: ServerAddress, host: string, options: DialOptions, signal: AbortSignal): Promise<Link> {
    const link = await dialTcp(host, address.port, options.localAddress, signal);
    if (!options.tlsFirst || link.startTls === undefined) return link;
    return link.startTls(options.tls ?? {}, address.tlsName, signal);
  }
}
