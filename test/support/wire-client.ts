// A client that is only a connection: it sends bytes and keeps what comes back. Waits on conditions, with a deadline
// that only a broken server meets.

import { ClientBytes } from "./client-bytes.ts";
import { ServerLines } from "./server-lines.ts";
import type { Wire, WireOpener } from "./wire.ts";

const DEADLINE_MS = 10_000;
const PING = Buffer.from("PING\r\n");

/** One connection to the server under test. */
export class WireClient {
  /** For messages. */
  readonly name: string;
  /** What the server has sent. */
  readonly received: ServerLines = new ServerLines();
  /** What was sent by {@link send}. */
  readonly sent: ClientBytes = new ClientBytes();
  /** Positions among the server's PONGs of those that answer {@link settle}. */
  readonly ownPongs: Set<number> = new Set();
  /** True when the server has closed its side. */
  closed = false;
  readonly #wire: Wire;
  readonly #watchers = new Set<() => void>();
  #waitedFor = 0;
  #bytes: Buffer = Buffer.alloc(0);

  private constructor(name: string, open: WireOpener) {
    this.name = name;
    this.#wire = open({
      received: (bytes) => {
        this.#bytes = Buffer.concat([this.#bytes, bytes]);
        this.received.push(bytes);
        this.#changed();
      },
      closed: () => {
        this.closed = true;
        this.#changed();
      },
    });
  }

  /** Connects and waits for the first line of the server, or for its refusal. */
  static async connect(name: string, open: WireOpener): Promise<WireClient> {
    const client = new WireClient(name, open);
    await client.until(() => client.received.lines.length > 0 || client.closed, "the server's first line");
    return client;
  }

  /** Sends bytes; several buffers go out in several writes. */
  async send(...writes: readonly Uint8Array[]): Promise<void> {
    for (const bytes of writes) {
      this.sent.push(bytes);
      if (this.closed) continue;
      await this.#wire.send(bytes);
    }
  }

  /**
   * Waits until the server has worked off everything sent, by a PING of its own. Does nothing where a PING cannot be
   * sent: on a closed connection and in the middle of an operation.
   */
  async settle(): Promise<void> {
    if (this.closed || !this.sent.betweenOperations) return;
    this.ownPongs.add(this.sent.pings);
    await this.send(PING);
    const pongs = this.sent.pings;
    await this.until(() => this.closed || this.received.pongs >= pongs, "the PONG that ends this step");
  }

  /** Waits until `bytes` have come, past those of the call before. */
  async untilReceived(bytes: Uint8Array): Promise<void> {
    await this.until(
      () => {
        const at = this.#bytes.indexOf(bytes, this.#waitedFor);
        if (at !== -1) this.#waitedFor = at + bytes.length;
        return at !== -1;
      },
      JSON.stringify(Buffer.from(bytes).toString("latin1")),
    );
  }

  /** Waits until the server has closed. */
  untilClosed(): Promise<void> {
    return this.until(() => this.closed, "the server to close the connection");
  }

  /** Resolves as soon as `condition` holds; looked at whenever something has come. */
  until(condition: () => boolean, what: string): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#watchers.delete(look);
        const came = this.received.lines.map((line) => `  ${line.text}`).join("\n");
        reject(new Error(`${this.name} waited ${DEADLINE_MS} ms for ${what}; what came:\n${came}`));
      }, DEADLINE_MS);
      const look = (): void => {
        if (!condition()) return;
        clearTimeout(deadline);
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  /** Ends this side and waits until the server has ended its own. */
  async close(): Promise<void> {
    if (!this.closed) {
      this.#wire.end();
      await this.untilClosed();
    }
    this.#wire.destroy();
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#wire.destroy();
  }

  #changed(): void {
    for (const look of [...this.#watchers]) look();
  }
}
