// A WebSocket as a duplex. NATS sends its bytes in binary frames whose borders mean nothing.

import type { Clock, Duplex, DuplexSink, Timer } from "@myelin/platform";
import { ConnectionError } from "../errors.ts";
import type { Link, WebSocketLike } from "./dialer.ts";

const OPEN = 1;
/** Above this a write waits. There is no event for it: the amount is looked at again after a while. */
const BUFFERED_BYTES_MAX = 1024 * 1024;
const LOOK_AGAIN_MS = 2;
/** What may collect here while reading is paused, where the platform cannot pause a WebSocket. */
const PAUSED_BYTES_MAX = 64 * 1024 * 1024;

/** Sockets of the `ws` package have these too. */
interface Pausable {
  pause?(): void;
  resume?(): void;
  terminate?(): void;
}

export class WebSocketDuplex implements Duplex {
  readonly remote: null = null;
  readonly local: null = null;
  readonly transport = "tcp";
  readonly #socket: WebSocketLike & Pausable;
  readonly #clock: Clock;
  #sink: DuplexSink | null = null;
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #paused = false;
  #closed = false;
  #error: Error | null = null;
  #timer: Timer | null = null;

  constructor(socket: WebSocketLike, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.onmessage = (event: { data: unknown }) => this.#received(event.data);
    socket.onerror = (event: { message?: string; error?: Error }) => {
      this.#error ??=
        event.error ?? new ConnectionError(event.message ?? "The WebSocket failed", undefined, "ERR_NATS_TRANSPORT");
    };
    socket.onclose = () => this.#finish();
  }

  open(sink: DuplexSink): void {
    this.#sink = sink;
    this.#giveEarly();
    if (this.#closed) queueMicrotask(() => sink.closed(this.#error));
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed || this.#socket.readyState !== OPEN) return true;
    // A copy: what is sent may be compressed or masked later.
    this.#socket.send(Uint8Array.prototype.slice.call(bytes));
    if (this.#socket.bufferedAmount <= BUFFERED_BYTES_MAX) return true;
    this.#lookAgain();
    return false;
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause?.();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume?.();
    this.#giveEarly();
  }

  close(): void {
    this.#socket.close(1000);
  }

  destroy(): void {
    this.#timer?.cancel();
    if (this.#socket.terminate !== undefined) this.#socket.terminate();
    else this.#socket.close();
    // A browser may take its time over the closing handshake; nobody waits for it here.
    queueMicrotask(() => this.#finish());
  }

  #received(data: unknown): void {
    if (this.#closed) return;
    const bytes = toBytes(data);
    if (this.#sink !== null && !this.#paused && this.#early.length === 0) {
      this.#sink.received(bytes, 0, bytes.length);
      return;
    }
    this.#early.push(bytes);
    this.#earlyBytes += bytes.length;
    if (this.#earlyBytes <= PAUSED_BYTES_MAX) return;
    this.#error = new ConnectionError(
      `reading is paused, this platform cannot hold up a WebSocket, and more than ${PAUSED_BYTES_MAX} bytes have come`,
      undefined,
      "ERR_NATS_SLOW_CONSUMER",
    );
    this.destroy();
  }

  #giveEarly(): void {
    while (this.#early.length > 0 && this.#sink !== null && !this.#paused) {
      const bytes = this.#early.shift() as Uint8Array;
      this.#earlyBytes -= bytes.length;
      this.#sink.received(bytes, 0, bytes.length);
    }
  }

  #lookAgain(): void {
    this.#timer = this.#clock.setTimer(
      LOOK_AGAIN_MS,
      () => {
        if (this.#closed) return;
        if (this.#socket.bufferedAmount > BUFFERED_BYTES_MAX / 2) this.#lookAgain();
        else this.#sink?.written();
      },
      true,
    );
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#sink?.closed(this.#error);
  }
}

/** Waits until a socket is open. Aborting closes it and rejects with the signal's reason. */
export function openWebSocket(
  socket: WebSocketLike & Pausable,
  url: string,
  secure: boolean,
  clock: Clock,
  signal: AbortSignal,
): Promise<Link> {
  socket.binaryType = "arraybuffer";
  return new Promise((resolve, reject) => {
    const give = (): void => {
      signal.removeEventListener("abort", aborted);
      resolve({ duplex: new WebSocketDuplex(socket, clock), secure, kind: "websocket" });
    };
    const failed = (event: { message?: string; error?: Error & { code?: string }; reason?: string }): void => {
      signal.removeEventListener("abort", aborted);
      const why = event.message ?? event.reason ?? "";
      const refused = event.error?.code === "ECONNREFUSED";
      const shown = url.replace(/\?.*/s, ""); // a query may hold a token
      reject(
        new ConnectionError(
          refused
            ? `connection refused: ${shown}`
            : `Cannot open the WebSocket ${shown}${why === "" ? "" : `: ${why}`}`,
          { cause: event.error },
          refused ? "ERR_NATS_CONNECTION_REFUSED" : "ERR_NATS_TRANSPORT",
        ),
      );
    };
    const aborted = (): void => {
      socket.onerror = () => {}; // closing before it was open is reported as an error
      socket.onclose = () => {};
      if (socket.terminate !== undefined) socket.terminate();
      else socket.close();
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) return aborted();
    if (socket.readyState === OPEN) return give();
    socket.onopen = give;
    socket.onerror = failed;
    socket.onclose = failed;
  });
}

function toBytes(data: unknown): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new TextEncoder().encode(String(data)); // a text frame: the parser says whether it is NATS
}
