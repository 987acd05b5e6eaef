// A WebSocket as bytes: the handshake, frames of any kind, right or wrong, and what the server sends, taken apart. For tests that
// say what no library would.

import { connect, type Socket } from "node:net";

const DEADLINE_MS = 10_000;
const HEAD_END = "\r\n\r\n";
const MASK = Buffer.from([0x11, 0x22, 0x33, 0x44]);

/** The first byte of a frame. */
export const TEXT = 0x81;
export const BINARY = 0x82;
export const CLOSE = 0x88;
export const PING = 0x89;
export const PONG = 0x8a;
/** Bits of it. */
export const FINAL = 0x80;
export const COMPRESSED = 0x40;

/** What may be wrong with a frame. */
export interface FrameOptions {
  /** False: no mask, which a client must not leave out. */
  readonly masked?: boolean;
  /** The length that the header tells, where it is not that of the payload. */
  readonly length?: number | bigint;
}

/** A client's frame. */
export function clientFrame(first: number, payload: Uint8Array | string, options: FrameOptions = {}): Buffer {
  const content = Buffer.from(payload as Uint8Array);
  const { masked = true, length = content.length } = options;
  const mask = masked ? 0x80 : 0;
  let head: Buffer;
  if (length < 126) head = Buffer.from([first, mask | Number(length)]);
  else if (length < 65_536) head = Buffer.from([first, mask | 126, Number(length) >> 8, Number(length) & 0xff]);
  else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = mask | 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return masked
    ? Buffer.concat([head, MASK, content.map((byte, at) => byte ^ MASK[at & 3]!)])
    : Buffer.concat([head, content]);
}

/** A frame of the server. */
export interface ServerFrame {
  readonly first: number;
  readonly payload: Buffer;
  /** Where it ends. */
  readonly end: number;
}

/** The server's frame that begins at a place; null while it is not whole. */
export function frameAt(bytes: Buffer, at: number): ServerFrame | null {
  if (at + 2 > bytes.length) return null;
  let length = bytes[at + 1]!;
  let start = at + 2;
  if (length === 126) {
    if (at + 4 > bytes.length) return null;
    length = bytes.readUInt16BE(at + 2);
    start = at + 4;
  } else if (length === 127) {
    if (at + 10 > bytes.length) return null;
    length = Number(bytes.readBigUInt64BE(at + 2));
    start = at + 10;
  }
  const end = start + length;
  return end > bytes.length ? null : { first: bytes[at]!, payload: bytes.subarray(start, end), end };
}

/** The request that asks for a WebSocket. @param headers - More of them, each line closed by CRLF. */
export function upgradeRequest(port: number, headers = "", path = "/"): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
  ];
  return `${lines.join("\r\n")}\r\n${headers}\r\n`;
}

/** One connection to a WebSocket port. */
export class WebSocketWire {
  readonly socket: Socket;
  /** The server has closed the connection. */
  closed = false;
  /** The answer to the handshake, its end included. */
  head = "";
  readonly #port: number;
  #bytes: Buffer = Buffer.alloc(0);
  readonly #watchers: Set<() => void> = new Set();

  private constructor(port: number) {
    this.#port = port;
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("error", () => {}); // a reset is an end like any other
    this.socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#takeHead();
      this.#changed();
    });
    this.socket.on("close", () => {
      this.closed = true;
      this.#changed();
    });
  }

  /** Connects, and does nothing else. */
  static async open(port: number): Promise<WebSocketWire> {
    const wire = new WebSocketWire(port);
    await new Promise<void>((resolve) => wire.socket.once("connect", resolve));
    return wire;
  }

  /**
   * Connects and asks for a WebSocket; waits for the answer, and for INFO when it is a good one.
   *
   * @param headers - More headers, each line closed by CRLF.
   */
  static async upgrade(port: number, headers = "", path = "/"): Promise<WebSocketWire> {
    const wire = await WebSocketWire.open(port);
    wire.socket.write(wire.request(headers, path));
    await wire.until(() => wire.closed || (wire.head !== "" && (wire.status !== 101 || wire.frames.length > 0)));
    return wire;
  }

  /** A request that any server takes. */
  request(headers = "", path = "/"): string {
    return upgradeRequest(this.#port, headers, path);
  }

  /** The status of the answer; 0 before it. */
  get status(): number {
    return Number(/^HTTP\/1\.[01] (\d+)/.exec(this.head)?.[1] ?? 0);
  }

  /** The whole frames that came, in order. */
  get frames(): ServerFrame[] {
    const frames: ServerFrame[] = [];
    if (this.head === "") return frames;
    for (let frame = frameAt(this.#bytes, 0); frame !== null; frame = frameAt(this.#bytes, frame.end))
      frames.push(frame);
    return frames;
  }

  /** The payload of the binary frames behind INFO's. */
  get text(): string {
    const [, ...rest] = this.frames.filter(({ first }) => (first & 0x0f) <= 2);
    return Buffer.concat(rest.map(({ payload }) => payload)).toString("latin1");
  }

  /** The same without the server's own PINGs, the first of which comes after two seconds. */
  get said(): string {
    return this.text.replaceAll("PING\r\n", "");
  }

  /** What the close frame says: `1002 text`; null without one. */
  get farewell(): string | null {
    const frame = this.frames.find(({ first }) => first === CLOSE);
    if (frame === undefined) return null;
    const { payload } = frame;
    return payload.length < 2 ? "" : `${payload.readUInt16BE(0)} ${payload.toString("utf8", 2)}`;
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Sends an operation or more in one frame. */
  say(text: string): void {
    this.send(clientFrame(BINARY, text));
  }

  /** Waits for a condition, or fails with what came. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        const came = `${JSON.stringify(this.text)}, ${JSON.stringify(this.farewell)}, closed: ${this.closed}`;
        reject(new Error(`Waited ${DEADLINE_MS} ms in vain; came ${JSON.stringify(this.head)}, ${came}`));
      }, DEADLINE_MS);
      const look = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Waits until the server has closed the connection. */
  ended(): Promise<void> {
    return this.until(() => this.closed);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #takeHead(): void {
    if (this.head !== "") return;
    const end = this.#bytes.indexOf(HEAD_END);
    if (end === -1) return;
    this.head = this.#bytes.toString("latin1", 0, end + HEAD_END.length);
    this.#bytes = this.#bytes.subarray(end + HEAD_END.length);
  }

  #changed(): void {
    for (const look of [...this.#watchers]) look();
  }
}
