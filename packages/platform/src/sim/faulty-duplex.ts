// A duplex with a bad wire behind it: wraps the server's end of a connection, and does to the bytes what the faults say.
//
//   client  <== wire ==>  inner  <->  FaultyDuplex: toServer lane ->  owner (the server, or a proxy before it)
//                                                   toClient lane <-
//
// While nothing is wrong bytes go straight through. Ends of the connection travel through the lanes too: over a wire that
// carries nothing, neither side learns that the other has gone.

import type { Clock } from "../clock.ts";
import type { Duplex, DuplexSink, Endpoint } from "../network.ts";
import type { Random } from "../random.ts";
import { FaultLane, type LaneConditions } from "./fault-lane.ts";

/** As much as a kernel's socket buffers take before a write blocks. */
const BUFFER_BYTES_MAX = 256 * 1024;

/** The wire was cut: what an owner gets as the reason of the end. `code` is that of a reset connection. */
export class WireCutError extends Error {
  override readonly name = "WireCutError";
  readonly code = "ECONNRESET";

  constructor() {
    super("The connection was cut by a fault of the test");
  }
}

/** A duplex whose bytes pass two lanes; made by `Faults.wrap`. */
export class FaultyDuplex implements Duplex, DuplexSink {
  readonly remote: Endpoint | null;
  readonly local: Endpoint | null;
  readonly transport: Duplex["transport"];
  /** Of the duplex inside, where it has them: faults act on what TLS carries. */
  readonly peek?: NonNullable<Duplex["peek"]>;
  readonly startTls?: NonNullable<Duplex["startTls"]>;
  readonly #inner: Duplex;
  readonly #toServer: FaultLane;
  readonly #toClient: FaultLane;
  readonly #gone: (duplex: FaultyDuplex) => void;
  #sink: DuplexSink | null = null;
  #ownerPaused = false;
  #innerPaused = false;
  /** A write of the owner returned false, and `written` has not come yet. */
  #owesWritten = false;
  /** The owner has closed or destroyed its side, and is to be told so whatever the lanes carry. */
  #ownerEnds = false;
  /** The owner has been told of the end, or is about to be. */
  #ownerGone = false;
  #innerGone = false;
  /** One side is gone and the other is not to know; see {@link halfOpen}. */
  #halfOpen = false;

  /** @param gone - Called when both sides are gone. */
  constructor(inner: Duplex, clock: Clock, random: Random, gone: (duplex: FaultyDuplex) => void) {
    this.remote = inner.remote;
    this.local = inner.local;
    this.transport = inner.transport;
    if (inner.peek !== undefined) this.peek = (look, done) => inner.peek?.(look, done);
    if (inner.startTls !== undefined) this.startTls = (server, handshake) => inner.startTls?.(server, handshake);
    this.#inner = inner;
    this.#gone = gone;
    this.#toServer = new FaultLane(clock, random, (bytes) => this.#toOwner(bytes));
    this.#toClient = new FaultLane(clock, random, (bytes) => this.#toPeer(bytes));
  }

  // For the owner.

  open(sink: DuplexSink): void {
    this.#sink = sink;
    this.#inner.open(this);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#ownerGone || this.#innerGone) return true;
    const lane = this.#toClient;
    if (lane.isClear) {
      if (this.#inner.write(bytes)) return true;
      lane.blocked = true;
      this.#owesWritten = true;
      return false;
    }
    lane.push(new Uint8Array(bytes));
    if (lane.queuedBytes <= BUFFER_BYTES_MAX) return true;
    this.#owesWritten = true;
    return false;
  }

  pause(): void {
    this.#ownerPaused = true;
    this.#toServer.blocked = true;
    this.#innerPaused = true;
    this.#inner.pause();
  }

  resume(): void {
    this.#ownerPaused = false;
    // Not from inside the owner's call.
    queueMicrotask(() => {
      if (this.#ownerPaused || this.#ownerGone) return;
      this.#toServer.ready();
      this.#readOn();
    });
  }

  close(): void {
    if (this.#ownerGone) return;
    this.#ownerEnds = true;
    if (this.#innerGone) this.#tellOwner(null);
    else if (this.#toClient.isIdle) this.#inner.close();
    else {
      // As a kernel does: the owner is done with it, what it wrote is still on its way.
      this.#tellOwner(null);
      this.#toClient.pushEvent(() => this.#inner.close());
    }
  }

  destroy(): void {
    if (this.#ownerGone) return;
    this.#ownerEnds = true;
    if (this.#innerGone) this.#tellOwner(null);
    else if (!this.#toClient.isSilent) this.#inner.destroy();
    else {
      // The reset does not get through either.
      this.#tellOwner(null);
      this.#toClient.clear();
      this.#toClient.pushEvent(() => this.#inner.destroy());
    }
  }

  // From the inner duplex.

  received(bytes: Uint8Array, start: number, end: number): void {
    if (this.#ownerGone) return;
    const lane = this.#toServer;
    if (lane.isClear) {
      this.#sink?.received(bytes, start, end);
      return;
    }
    lane.push(new Uint8Array(bytes.subarray(start, end)));
    if (lane.queuedBytes <= BUFFER_BYTES_MAX) return;
    this.#innerPaused = true;
    this.#inner.pause();
  }

  written(): void {
    this.#toClient.ready();
    this.#tellWritten();
  }

  ended(): void {
    if (this.#ownerGone) return;
    if (this.#toServer.isClear) this.#tellEnded();
    else this.#toServer.pushEvent(() => this.#tellEnded());
  }

  closed(error: Error | null): void {
    this.#innerGone = true;
    if (this.#ownerGone) this.#gone(this);
    else if (this.#ownerEnds) this.#tellOwner(error);
    else if (this.#halfOpen) return;
    else if (this.#toServer.isIdle) this.#tellOwner(error);
    else this.#toServer.pushEvent(() => this.#tellOwner(error));
  }

  // From the faults.

  /** The conditions have changed. A stream that lost bytes cannot go on: it is cut as soon as bytes would get through again. */
  apply(toServer: LaneConditions, toClient: LaneConditions): void {
    if ((this.#toServer.hasGap && !toServer.drop) || (this.#toClient.hasGap && !toClient.drop)) {
      this.cut();
      return;
    }
    this.#toServer.apply(toServer);
    this.#toClient.apply(toClient);
  }

  /** Ends the connection for both sides, at once. */
  cut(): void {
    this.#halfOpen = false;
    this.#toServer.clear();
    this.#toClient.clear();
    if (!this.#innerGone) this.#inner.destroy();
    this.#tellOwner(new WireCutError());
  }

  /** Ends one side; the other goes on as if nothing had happened, hears nothing, and what it says goes nowhere. Ended by {@link cut}. */
  halfOpen(gone: "client" | "server"): void {
    this.#halfOpen = true;
    this.#toServer.clear();
    this.#toClient.clear();
    if (gone === "client") this.#inner.destroy();
    else this.#tellOwner(new WireCutError());
  }

  #toOwner(bytes: Uint8Array): boolean {
    if (!this.#ownerGone) this.#sink?.received(bytes, 0, bytes.length);
    this.#readOn();
    return !this.#ownerPaused;
  }

  #toPeer(bytes: Uint8Array): boolean {
    const taken = this.#inner.write(bytes);
    if (taken && this.#owesWritten) queueMicrotask(() => this.#tellWritten());
    return taken;
  }

  #readOn(): void {
    if (!this.#innerPaused || this.#ownerPaused || this.#toServer.queuedBytes > BUFFER_BYTES_MAX) return;
    this.#innerPaused = false;
    this.#inner.resume();
  }

  #tellWritten(): void {
    if (!this.#owesWritten || this.#toClient.blocked || this.#toClient.queuedBytes > BUFFER_BYTES_MAX) return;
    this.#owesWritten = false;
    if (!this.#ownerGone) this.#sink?.written();
  }

  #tellEnded(): void {
    if (!this.#ownerGone) this.#sink?.ended();
  }

  #tellOwner(error: Error | null): void {
    if (this.#ownerGone) return;
    this.#ownerGone = true;
    // Not from inside a call of the owner, or of a test that is in the middle of the owner's work.
    queueMicrotask(() => this.#sink?.closed(error));
    if (this.#innerGone) this.#gone(this);
  }
}
