// A client that speaks the protocol's own lines: for tests of what goes over the wire, over a socket or inside the process.

import type { Duplex, DuplexSink } from "@myelin/platform";
import { NodeNetwork } from "@myelin/platform/node";
import type { Duration } from "@myelin/platform/sim";
import { type WaitOptions, waitFor } from "./wait-for.ts";

/** Sends text and waits for text; every character is one byte (latin1). */
export class RawClient implements Disposable {
  /** Everything that came and was not taken by {@link expect}. */
  text = "";
  /** The peer has ended its side, or the connection is closed. */
  isEnded = false;
  readonly #duplex: Duplex;
  #unsent: Uint8Array[] = [];
  #blocked = false;

  /** @param duplex - Not opened yet: from `connectInProcess()`, or a network's `connect`. */
  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    const sink: DuplexSink = {
      received: (bytes, start, end) => {
        this.text += Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
      },
      written: () => {
        this.#blocked = false;
        this.#flush();
      },
      ended: () => {
        this.isEnded = true;
      },
      closed: () => {
        this.isEnded = true;
      },
    };
    duplex.open(sink);
  }

  /** Connects over TCP. @param url - `nats://host:port`. */
  static async connect(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    return new RawClient(await new NodeNetwork().connect({ host, port: Number(port) }));
  }

  /** Sends text as it is: line ends are the caller's. */
  send(text: string): void {
    this.#unsent.push(Buffer.from(text, "latin1"));
    this.#flush();
  }

  /** Sends `CONNECT {}` with these options, and a PING, and waits for the PONG. */
  async handshake(options: Readonly<Record<string, unknown>> = {}): Promise<void> {
    this.send(`CONNECT ${JSON.stringify({ verbose: false, pedantic: false, ...options })}\r\nPING\r\n`);
    await this.expect(/PONG\r\n/);
  }

  /** Waits until what came matches, and takes it away up to the end of the match. */
  async expect(pattern: RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    const match = await waitFor(
      () => {
        const found = pattern.exec(this.text);
        if (found === null && this.isEnded) throw new Error(`the connection ended after ${JSON.stringify(this.text)}`);
        return found;
      },
      { what: `${pattern} in what the server sends`, ...options },
    );
    this.text = this.text.slice(match.index + match[0].length);
    return match;
  }

  /** Waits until the server has ended the connection. */
  async ended(timeout: Duration = "5s"): Promise<void> {
    await waitFor(() => this.isEnded, { what: "the end of the connection", timeout });
  }

  pause(): void {
    this.#duplex.pause();
  }

  resume(): void {
    this.#duplex.resume();
  }

  close(): void {
    this.#duplex.close();
  }

  destroy(): void {
    this.#duplex.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  #flush(): void {
    while (!this.#blocked && this.#unsent.length > 0) {
      this.#blocked = !this.#duplex.write(this.#unsent.shift() as Uint8Array);
    }
  }
}
