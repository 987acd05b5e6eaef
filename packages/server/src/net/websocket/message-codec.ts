// Compression of WebSocket messages (RFC 7692), through the permessage-deflate of the library `ws`.
//
// Neither side keeps a context from one message to the next, so a codec belongs to a connection only while it works on a
// message: a connection that says nothing holds no memory for it. The work is done off the loop.

import * as ws from "ws";

const EXTENSION = "permessage-deflate";
/** What is said in the answer to a handshake. */
export const COMPRESSION_ANSWER: string = `${EXTENSION}; server_no_context_takeover; client_no_context_takeover`;
/** Pieces on which codecs of all connections work at the same time: as many as libuv has threads. */
const CONCURRENT_MAX = 4;
/** Codecs that are kept for the next message. Each holds some 300 KB. */
const CODECS_KEPT_MAX = 4;
/** Quick rather than small, as the reference has it. */
const LEVEL = 1;

type Done = (error: Error | null, bytes: Buffer) => void;

/** Compresses and decompresses. One piece at a time. */
export interface MessageCodec {
  /** @param isLast - Whether the message ends with this piece. */
  decompress(bytes: Uint8Array, isLast: boolean, done: Done): void;
  /** Compresses a whole message. */
  compress(bytes: Uint8Array, isLast: boolean, done: Done): void;
  /** Frees what it holds. Not while it works. */
  cleanup(): void;
}

type Offers = Record<string, Record<string, (string | true)[]>[]>;

interface LibraryCodec extends MessageCodec {
  accept(offers: Record<string, unknown>[]): unknown;
}

/** The parts of `ws` that its type package does not have. */
interface LibraryParts {
  readonly PerMessageDeflate: new (options: object) => LibraryCodec;
  readonly extension: { parse(header: string): Offers };
}

const { PerMessageDeflate, extension } = ws as unknown as LibraryParts;

/** The codecs of one server. */
export class CodecPool {
  #maxMessageBytes: number;
  readonly #free: MessageCodec[] = [];
  /** The limit that each codec was made for. */
  readonly #limits: WeakMap<MessageCodec, number> = new WeakMap();

  /** @param maxMessageBytes - What a message may come to when it is decompressed; a piece of more is an error of status 1009. */
  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** What a message may come to when it is decompressed. */
  get maxMessageBytes(): number {
    return this.#maxMessageBytes;
  }

  /** Holds from now on. A codec that is at work goes on to the end of its message, whose pieces the lower of both limits holds for. */
  set maxMessageBytes(bytes: number) {
    if (bytes === this.#maxMessageBytes) return;
    this.#maxMessageBytes = bytes;
    this.close();
  }

  take(): MessageCodec {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const codec = createCodec(this.#maxMessageBytes, [{}]);
    this.#limits.set(codec, this.#maxMessageBytes);
    return codec;
  }

  /** Takes a codec back, whose last message is complete. */
  give(codec: MessageCodec): void {
    const isCurrent = this.#limits.get(codec) === this.#maxMessageBytes;
    if (isCurrent && this.#free.length < CODECS_KEPT_MAX) this.#free.push(codec);
    else codec.cleanup();
  }

  /** Frees those that are not at work. */
  close(): void {
    for (const codec of this.#free.splice(0)) codec.cleanup();
  }
}

/** Whether a handshake's `Sec-WebSocket-Extensions` offers compression in a form that we can do. What cannot be read is no offer. */
export function offersCompression(header: string | undefined): boolean {
  if (header === undefined) return false;
  try {
    const offers = extension.parse(header)[EXTENSION];
    if (offers === undefined) return false;
    createCodec(0, offers).cleanup();
    return true;
  } catch {
    return false; // `ws` says by exceptions what it cannot do
  }
}

function createCodec(maxPayload: number, offers: Record<string, unknown>[]): LibraryCodec {
  const codec = new PerMessageDeflate({
    isServer: true,
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    // The client could not read what is made with a larger window than it asks for.
    serverMaxWindowBits: false,
    concurrencyLimit: CONCURRENT_MAX,
    maxPayload,
    zlibDeflateOptions: { level: LEVEL },
  });
  codec.accept(offers);
  return codec;
}
