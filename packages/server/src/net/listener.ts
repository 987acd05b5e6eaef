// Where clients come in: binds, listens, and hands each accepted duplex on. The only user of the network in the server.

import type { Duplex, Listener, Network } from "@myelin/platform";
import type { Logger } from "../logger.ts";

/** The listener for clients. */
export class ClientListener {
  readonly #network: Network;
  readonly #logger: Logger;
  #listener: Listener | null = null;

  constructor(network: Network, logger: Logger) {
    this.#network = network;
    this.#logger = logger;
  }

  /** Whether it listens now. */
  get isOpen(): boolean {
    return this.#listener !== null;
  }

  /**
   * Binds and listens.
   *
   * @param port - -1 or 0 for a free one.
   * @returns The real port. Rejects with the platform's error when the address cannot be had.
   */
  async open(host: string, port: number, readBuffer: Uint8Array, accept: (duplex: Duplex) => void): Promise<number> {
    this.#listener = await this.#network.listen({ host, port: Math.max(0, port), readBuffer }, accept);
    const bound = this.#listener.local.port;
    this.#logger.info(`Listening for client connections on ${hostPort(host, bound)}`);
    return bound;
  }

  /** Stops listening; resolves when the port is free. @param isLast - Whether the server ends; lame duck mode says so itself. */
  async close(isLast: boolean): Promise<void> {
    const listener = this.#listener;
    this.#listener = null;
    if (listener === null) return;
    if (isLast) this.#logger.debug("Client accept loop exiting..");
    await listener.close();
  }
}

/** `host:port`, with brackets round an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
