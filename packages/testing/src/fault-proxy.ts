// A way to a server with faults of its own: a port that passes everything on, and breaks it when told to. Works before any
// server, also one in another process. A test that wants trouble for one client only gives that client a proxy.

import { type Duplex, duplexPair, type Listener } from "@myelin/platform";
import { NodeNetwork, NodeRandom } from "@myelin/platform/node";
import { Faults, type TestClock } from "@myelin/platform/sim";
import { bridge } from "./bridge.ts";
import { type Credentials, urlWithCredentials } from "./client-url.ts";

const LOOPBACK = "127.0.0.1";

/** What a proxy leads to. */
export interface ProxyTarget {
  readonly host: string;
  /** The port of the moment: a server keeps it over a restart. */
  readonly port: number;
  urlWith(credentials?: Credentials): string;
  connectInProcess(): Duplex;
}

/** A proxy before a server; made by `TestServer.proxy()`. */
export class FaultProxy implements AsyncDisposable {
  /** The faults of this way. */
  readonly faults: Faults;
  readonly port: number;
  readonly #target: ProxyTarget;
  readonly #listener: Listener;

  private constructor(target: ProxyTarget, listener: Listener, faults: Faults) {
    this.#target = target;
    this.#listener = listener;
    this.faults = faults;
    this.port = listener.local.port;
  }

  /** Opens a proxy on a free port of loopback. @param clock - By which its faults go. */
  static async open(target: ProxyTarget, clock: TestClock): Promise<FaultProxy> {
    const network = new NodeNetwork();
    const faults = new Faults(clock, new NodeRandom());
    const listener = await network.listen({ host: LOOPBACK, port: 0 }, (duplex) => {
      const host = target.host === "0.0.0.0" || target.host === "::" ? LOOPBACK : target.host;
      void bridge(faults.wrap(duplex), network.connect({ host, port: target.port }));
    });
    return new FaultProxy(target, listener, faults);
  }

  /** As the server's URL, by way of this proxy. */
  get url(): string {
    return this.urlWith();
  }

  /** As the server's `urlWith`, by way of this proxy; without credentials when none are given. */
  urlWith(credentials: Credentials | null = null): string {
    const scheme = new URL(this.#target.urlWith()).protocol;
    return urlWithCredentials(`${scheme}//${LOOPBACK}:${this.port}`, credentials);
  }

  /** Attaches a client without a socket, by way of this proxy. @throws NotSupportedError for a child process. */
  connectInProcess(): Duplex {
    const far = this.#target.connectInProcess();
    const [theirs, ours] = duplexPair();
    void bridge(this.faults.wrap(ours), far);
    return theirs;
  }

  /** Resets the connections that go this way, and frees the port. */
  async close(): Promise<void> {
    this.faults.clear();
    this.faults.cut();
    await this.#listener.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
