// Carries a test client's bytes over TLS: the handshake behind INFO, as every client does it, or before anything else.

import { connect as connectPlain, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectSecure } from "node:tls";
import type { Wire, WireOpener, WireSink } from "./wire.ts";

/** How TLS is begun. */
export interface TlsOpenOptions extends Pick<ConnectionOptions, "ca" | "cert" | "key"> {
  /** Whether the handshake comes before INFO. */
  readonly first: boolean;
}

/** Opens TLS connections to a port of the loopback address. What is sent before the handshake is done waits for it. */
export function overTls(port: number, { first, ...options }: TlsOpenOptions): WireOpener {
  return (sink) => {
    const socket = connectPlain({ host: "127.0.0.1", port, noDelay: true });
    const wire = new TlsWire(socket, { ...options, servername: "localhost" }, sink);
    if (first) wire.secure();
    else wire.secureBehindLine();
    return wire;
  };
}

class TlsWire implements Wire {
  readonly #plain: Socket;
  readonly #options: ConnectionOptions;
  readonly #sink: WireSink;
  #socket: Socket;
  #ready!: () => void;
  /** The handshake is done, or there will be none. */
  readonly #begun: Promise<void> = new Promise((resolve) => {
    this.#ready = resolve;
  });

  constructor(plain: Socket, options: ConnectionOptions, sink: WireSink) {
    this.#plain = plain;
    this.#options = options;
    this.#sink = sink;
    this.#socket = plain;
    this.#watch(plain);
  }

  secure(): void {
    const secure = connectSecure({ ...this.#options, socket: this.#plain });
    this.#socket = secure;
    this.#watch(secure);
    secure.on("data", (chunk: Buffer) => this.#sink.received(chunk));
    secure.once("secureConnect", this.#ready);
  }

  /** The server's first line is plain text, and nothing behind it is. */
  secureBehindLine(): void {
    const chunks: Buffer[] = [];
    const read = (chunk: Buffer): void => {
      chunks.push(chunk);
      if (!chunk.includes("\n")) return;
      this.#plain.off("data", read).pause();
      this.secure();
      this.#sink.received(Buffer.concat(chunks));
    };
    this.#plain.on("data", read);
  }

  async send(bytes: Uint8Array): Promise<void> {
    await this.#begun;
    await new Promise((resolve) => this.#socket.write(bytes, () => setImmediate(resolve)));
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#plain.destroy();
  }

  #watch(socket: Socket): void {
    for (const event of ["end", "close", "error"]) {
      socket.on(event, () => {
        this.#sink.closed(); // a reset is a way to close
        this.#ready();
      });
    }
  }
}
