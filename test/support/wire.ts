// What carries a test client's bytes: a TCP socket, or an in-process connection, on which every write arrives as one
// read of its own.

import { connect as connectSocket } from "node:net";
import type { Duplex } from "@myelin/platform";

/** What a wire tells its owner. */
export interface WireSink {
  /** Bytes came; they are the receiver's. */
  received(bytes: Buffer): void;
  /** The server has closed, in whatever way. Comes once or more. */
  closed(): void;
}

/** A connection, seen from its client. */
export interface Wire {
  /** Hands bytes on; resolves when they have been passed to the other side as far as this side can tell. */
  send(bytes: Uint8Array): Promise<void>;
  /** Ends this side; the server is to end its own. */
  end(): void;
  /** Drops the connection. */
  destroy(): void;
}

/** Opens a wire to some server. */
export type WireOpener = (sink: WireSink) => Wire;

/** Opens TCP connections to an address. */
export function overTcp(to: { readonly host: string; readonly port: number }): WireOpener {
  return (sink) => {
    const socket = connectSocket({ host: to.host, port: to.port, noDelay: true, allowHalfOpen: true });
    socket.on("data", (chunk: Buffer) => sink.received(chunk));
    for (const event of ["end", "close", "error"]) socket.on(event, () => sink.closed()); // a reset is a way to close
    return {
      send: (bytes) => new Promise((resolve) => socket.write(bytes, () => setImmediate(resolve))),
      end: () => void socket.end(),
      destroy: () => void socket.destroy(),
    };
  };
}

/** Takes the client's end of an in-process connection. */
export function inProcess(open: () => Duplex): WireOpener {
  return (sink) => {
    const duplex = open();
    duplex.open({
      received: (bytes, start, end) => sink.received(Buffer.from(bytes.subarray(start, end))),
      written: () => {},
      ended: () => {
        sink.closed();
        duplex.close();
      },
      closed: () => sink.closed(),
    });
    return {
      send(bytes) {
        duplex.write(bytes); // copies, and keeps writes apart
        return Promise.resolve();
      },
      end: () => duplex.close(),
      destroy: () => duplex.destroy(),
    };
  };
}
