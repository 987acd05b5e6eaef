// What no client can beat: a socket that sends prepared bytes, or counts the bytes that come and looks at none of them. It
// shows what the server, the feeder and the machine leave to a client.

import { once } from "node:events";
import { connect, type OnReadOpts, type Socket } from "node:net";
import { BATCH, CREDIT, CREDIT_SUBJECT, SUBJECT, WARM } from "./client-terms.bench.ts";

const PONG_LINE = "PONG\r\n";
/** Read into over and over again: a client cannot do that, its messages keep what was read. */
const READ_BYTES = 64 * 1024;

/** Publishes batches with a round trip behind each; calls `begin` when it is warm. */
export async function publishBare(url: string, messages: number, size: number, begin: () => void): Promise<number> {
  let answered = (): void => {};
  const socket = open(url, (bytes) => {
    if (bytes.toString("latin1").includes(PONG_LINE)) answered();
  });
  await once(socket, "connect");
  const batch = Buffer.from(`${`PUB ${SUBJECT} ${size}\r\n${"a".repeat(size)}\r\n`.repeat(BATCH)}PING\r\n`);
  for (let sent = -WARM; sent < messages; sent += BATCH) {
    if (sent === 0) begin();
    await new Promise<void>((resolve) => {
      answered = resolve;
      socket.write(batch);
    });
  }
  socket.destroy();
  return messages;
}

/** Counts what comes by its bytes; calls `ready` when it may be fed, and `begin` when it is warm. */
export async function receiveBare(
  url: string,
  messages: number,
  size: number,
  begin: () => void,
  ready: () => void,
): Promise<number> {
  const messageBytes = `MSG ${SUBJECT} 1 ${size}\r\n`.length + size + 2;
  const credit = `PUB ${CREDIT_SUBJECT} 0\r\n\r\n`;
  return new Promise((resolve) => {
    let greeting = "";
    let bytes = 0;
    let credited = 0;
    const socket = open(url, (read) => {
      if (!greeting.endsWith(PONG_LINE)) {
        greeting += read.toString("latin1");
        if (greeting.endsWith(PONG_LINE)) ready();
        return;
      }
      const before = bytes;
      bytes += read.length;
      if (before < WARM * messageBytes && bytes >= WARM * messageBytes) begin();
      for (; bytes >= (credited + CREDIT) * messageBytes; credited += CREDIT) socket.write(credit);
      if (bytes >= (messages + WARM) * messageBytes) {
        socket.destroy();
        resolve(messages);
      }
    });
    socket.write(`SUB ${SUBJECT} 1\r\nPING\r\n`);
  });
}

/** A connection with a read buffer of its own. `received` borrows what was read. */
function open(url: string, received: (bytes: Buffer) => void): Socket {
  const [host = "", port] = url.split(":");
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const onread: OnReadOpts = {
    buffer,
    callback: (length) => {
      received(buffer.subarray(0, length));
      return true;
    },
  };
  const socket = connect({ host, port: Number(port), noDelay: true, onread });
  socket.write('CONNECT {"verbose":false}\r\n');
  return socket;
}
