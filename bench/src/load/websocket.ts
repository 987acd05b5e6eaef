// The load generator's side of a WebSocket: the handshake, frames with a mask out, and the payload of the server's frames in.
//
// Writes are prepared bytes that are sent over and over, so each buffer is framed and masked once and then kept.

const HANDSHAKE_END = "\r\n\r\n";
const BINARY = 0x82;
const PONG = 0x8a;
const OPCODE = 0x0f;
const OPCODE_PING = 9;
const OPCODE_CLOSE = 8;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MASKED = 0x80;
/** Not at random: nobody between us and the server has to be kept from guessing. */
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
const HEADER_BYTES_MAX = 10;

/** The request that asks for a WebSocket. */
export function handshakeRequest(host: string, port: number): string {
  const lines = [
    "GET / HTTP/1.1",
    `Host: ${host}:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: bXllbGluLWJlbmNoLWtleQ==",
    "Sec-WebSocket-Version: 13",
  ];
  return `${lines.join("\r\n")}${HANDSHAKE_END}`;
}

/** A frame with `payload`, masked. */
export function maskedFrame(payload: Uint8Array, first: number = BINARY): Buffer {
  const size = payload.length;
  const extra = size < LENGTH_16 ? 0 : size < 65_536 ? 2 : 8;
  const start = 2 + extra + MASK.length;
  const frame = Buffer.allocUnsafe(start + size);
  frame[0] = first;
  frame[1] = MASKED | (extra === 0 ? size : extra === 2 ? LENGTH_16 : LENGTH_64);
  if (extra === 2) frame.writeUInt16BE(size, 2);
  if (extra === 8) frame.writeBigUInt64BE(BigInt(size), 2);
  frame.set(MASK, 2 + extra);
  for (let i = 0; i < size; i++) frame[start + i] = payload[i]! ^ MASK[i & 3]!;
  return frame;
}

/** Frames that were made of buffers which do not change any more. */
export class FrameCache {
  readonly #frames: WeakMap<Uint8Array, Buffer> = new WeakMap();

  frameOf(payload: Uint8Array): Buffer {
    let frame = this.#frames.get(payload);
    if (frame === undefined) {
      frame = maskedFrame(payload);
      this.#frames.set(payload, frame);
    }
    return frame;
  }
}

/** Takes the server's frames apart. */
export class FrameStripper {
  readonly #taken: (payload: Buffer) => void;
  readonly #answer: (frame: Buffer) => void;
  #handshake: string | null = "";
  #header = Buffer.alloc(HEADER_BYTES_MAX);
  #have = 0;
  #left = 0;
  #control: number[] | null = null;

  /**
   * @param taken - Gets the next bytes of the stream, borrowed.
   * @param answer - Gets frames to send back: pongs.
   */
  constructor(taken: (payload: Buffer) => void, answer: (frame: Buffer) => void) {
    this.#taken = taken;
    this.#answer = answer;
  }

  /** @throws Error when the server does not take the handshake, or closes. */
  feed(chunk: Buffer): void {
    let at = this.#handshake === null ? 0 : this.#takeHandshake(chunk);
    while (at < chunk.length) {
      if (this.#left === 0) at = this.#takeHeader(chunk, at);
      const size = Math.min(this.#left, chunk.length - at);
      if (size === 0) continue;
      const payload = chunk.subarray(at, at + size);
      this.#left -= size;
      at += size;
      if (this.#control === null) this.#taken(payload);
      else this.#takeControl(payload);
    }
  }

  /** @returns Where the first frame begins. */
  #takeHandshake(chunk: Buffer): number {
    const before = this.#handshake?.length ?? 0;
    const text = this.#handshake + chunk.toString("latin1");
    const end = text.indexOf(HANDSHAKE_END);
    if (end === -1) {
      this.#handshake = text;
      return chunk.length;
    }
    if (!text.startsWith("HTTP/1.1 101 ")) throw new Error(`no WebSocket: ${text.slice(0, text.indexOf("\r\n"))}`);
    this.#handshake = null;
    return end + HANDSHAKE_END.length - before;
  }

  #takeHeader(chunk: Buffer, start: number): number {
    const header = this.#header;
    let at = start;
    while (at < chunk.length) {
      header[this.#have++] = chunk[at++]!;
      if (this.#have < 2) continue;
      const short = header[1]!;
      if (this.#have < (short === LENGTH_64 ? 10 : short === LENGTH_16 ? 4 : 2)) continue;
      this.#have = 0;
      this.#left =
        short === LENGTH_64 ? Number(header.readBigUInt64BE(2)) : short === LENGTH_16 ? header.readUInt16BE(2) : short;
      const isControl = (header[0]! & OPCODE) >= OPCODE_CLOSE;
      this.#control = isControl ? [] : null;
      if (isControl && this.#left === 0) this.#takeControl(chunk.subarray(at, at));
      break;
    }
    return at;
  }

  #takeControl(payload: Buffer): void {
    const control = this.#control!;
    control.push(...payload);
    if (this.#left > 0) return;
    this.#control = null;
    const opcode = this.#header[0]! & OPCODE;
    if (opcode === OPCODE_PING) this.#answer(maskedFrame(Uint8Array.from(control), PONG));
    else if (opcode === OPCODE_CLOSE) throw new Error(`the server closes: ${Buffer.from(control.slice(2)).toString()}`);
  }
}
