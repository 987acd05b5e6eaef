// Carries a test client's bytes by WebSocket: each write is one frame, and what comes is taken out of its frames.

import { connect } from "node:net";
import { type ConnectionOptions, connect as connectSecure } from "node:tls";
import { BINARY, CLOSE, clientFrame, frameAt, upgradeRequest } from "./websocket-wire.ts";
import type { WireOpener } from "./wire.ts";

const HEAD_END = "\r\n\r\n";
/** 1000: an orderly end. */
const NORMAL = Buffer.from([0x03, 0xe8]);
/** Opcodes up to this one carry data. */
const DATA_MAX = 2;

/** How a WebSocket is asked for. */
export interface WebSocketOpenOptions {
  /** More headers, each line closed by CRLF. */
  readonly headers?: string;
  /** With TLS below. */
  readonly tls?: ConnectionOptions;
}

/** Opens WebSockets to a port of the loopback address. The first bytes may be sent when INFO has come. */
export function overWebSocket(port: number, { headers = "", tls }: WebSocketOpenOptions = {}): WireOpener {
  return (sink) => {
    const to = { host: "127.0.0.1", port };
    const socket = tls === undefined ? connect(to) : connectSecure({ ...to, servername: "localhost", ...tls });
    socket.setNoDelay(true);
    let bytes: Buffer = Buffer.alloc(0);
    let isOpen = false;
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!isOpen) {
        const end = bytes.indexOf(HEAD_END);
        if (end === -1) return;
        isOpen = true;
        bytes = bytes.subarray(end + HEAD_END.length);
      }
      for (let frame = frameAt(bytes, 0); frame !== null; frame = frameAt(bytes, 0)) {
        bytes = bytes.subarray(frame.end);
        if ((frame.first & 0x0f) <= DATA_MAX) sink.received(Buffer.from(frame.payload));
        else if (frame.first === CLOSE) socket.end();
      }
    });
    for (const event of ["end", "close", "error"]) socket.on(event, () => sink.closed()); // a reset is a way to close
    socket.write(upgradeRequest(port, headers));
    const write = (frame: Buffer): Promise<void> =>
      new Promise((resolve) => socket.write(frame, () => setImmediate(resolve)));
    return {
      send: (sent) => write(clientFrame(BINARY, sent)),
      end: () => void write(clientFrame(CLOSE, NORMAL)),
      destroy: () => void socket.destroy(),
    };
  };
}
