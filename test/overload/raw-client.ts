// A client for tests of overload: a socket that counts what comes, keeps the end of it, and can stop reading.

import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** As much of what came as is kept. */
const TAIL_BYTES = 4096;
const QUIET = { verbose: false, pedantic: false, protocol: 1, headers: true };

/** One socket to a server. */
export class RawClient {
  readonly socket: Socket;
  receivedBytes = 0;
  /** The last bytes that came. */
  tail = "";
  closed = false;
  readonly #watchers = new Set<() => void>();

  private constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port, noDelay: true });
    this.socket.on("data", (chunk: Buffer) => {
      this.receivedBytes += chunk.length;
      this.tail = (this.tail + chunk.toString("latin1")).slice(-TAIL_BYTES);
      this.#look();
    });
    this.socket.on("error", () => {}); // a reset shows as closed
    this.socket.on("close", () => {
      this.closed = true;
      this.#look();
    });
  }

  /** Connects; the server has answered the first PING when this resolves. */
  static async open(
    port: number,
    more = "",
    connectOptions: Readonly<Record<string, string>> = {},
  ): Promise<RawClient> {
    const client = new RawClient(port);
    await once(client.socket, "connect");
    client.socket.write(`CONNECT ${JSON.stringify({ ...QUIET, ...connectOptions })}\r\n${more}PING\r\n`);
    await client.until(() => client.tail.includes("PONG\r\n"));
    return client;
  }

  /** Connects a socket that says nothing. */
  static async openSilent(port: number): Promise<RawClient> {
    const client = new RawClient(port);
    await once(client.socket, "connect");
    return client;
  }

  /** Writes, and waits while the socket is full. */
  async write(bytes: string | Uint8Array): Promise<void> {
    if (!this.socket.write(bytes) && !this.closed) {
      await Promise.race([once(this.socket, "drain"), once(this.socket, "close")]);
    }
  }

  /** Waits until the server has read everything that was written so far. */
  async settle(): Promise<void> {
    this.tail = "";
    await this.write("PING\r\n");
    await this.until(() => this.tail.includes("PONG\r\n"));
  }

  /** Resolves when `condition` holds, looked at whenever something came; the runner's time limit is the deadline. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #look(): void {
    for (const look of [...this.#watchers]) look();
  }
}
