// Browsers and workers as a platform for the client.

import type { Clock, Random, Timer } from "@myelin/platform";
import { NO_DIAGNOSTICS } from "./diagnostics.ts";
import { ConnectionError } from "./errors.ts";
import type { Runtime } from "./runtime.ts";
import { hostPort } from "./servers/address.ts";
import { webTextBytes } from "./text-bytes-web.ts";
import type { Dialer, WebSocketLike } from "./transport/dialer.ts";
import { openWebSocket } from "./transport/web-socket.ts";

/** The longest delay that `setTimeout` keeps. */
const DELAY_MS_MAX = 0x7fffffff;

/** Timers and clocks of the platform. */
export class WebClock implements Clock {
  wallMs(): number {
    return Date.now();
  }

  turnMs(): number {
    return this.wallMs();
  }

  wallNs(): bigint {
    return BigInt(Date.now()) * 1_000_000n;
  }

  monotonicMs(): number {
    return performance.now();
  }

  setTimer(delayMs: number, run: () => void): Timer {
    let handle: ReturnType<typeof setTimeout>;
    const wait = (leftMs: number): void => {
      handle = setTimeout(
        () => (leftMs > DELAY_MS_MAX ? wait(leftMs - DELAY_MS_MAX) : run()),
        Math.min(leftMs, DELAY_MS_MAX),
      );
    };
    wait(delayMs);
    return { cancel: () => clearTimeout(handle) };
  }
}

/** Chance of WebCrypto. */
export class WebRandom implements Random {
  uint32(): number {
    return crypto.getRandomValues(new Uint32Array(1))[0] as number;
  }

  fillSecret(bytes: Uint8Array): Uint8Array {
    bytes.set(crypto.getRandomValues(new Uint8Array(bytes.length)));
    return bytes;
  }
}

function webDialer(clock: Clock): Dialer {
  return {
    async dial(address, _host, options, signal) {
      if (address.scheme !== "ws" && address.scheme !== "wss") {
        throw new ConnectionError(`${address.listen} cannot be reached: this platform has WebSocket only`, {
          retryable: false,
        });
      }
      const url = `${address.scheme}://${hostPort(address.hostname, address.port)}${address.path}`;
      const factory = options.webSocketFactory ?? ownSocket;
      const made = await factory(url);
      return openWebSocket(made.socket, url, made.encrypted, clock, signal);
    },
  };
}

async function ownSocket(url: string): Promise<{ socket: WebSocketLike; encrypted: boolean }> {
  const own = (globalThis as { WebSocket?: new (url: string) => WebSocketLike }).WebSocket;
  if (own === undefined) {
    throw new ConnectionError("This platform has no WebSocket: give one by the option 'wsFactory'", {
      retryable: false,
    });
  }
  return { socket: new own(url), encrypted: url.startsWith("wss:") };
}

/** Makes the platform for one connection. */
export function createWebRuntime(): Runtime {
  const clock = new WebClock();
  return {
    clock,
    random: new WebRandom(),
    text: webTextBytes,
    dialer: webDialer(clock),
    diagnostics: NO_DIAGNOSTICS,
    endOfTurn: (run) => queueMicrotask(run), // browsers insist on being called plainly
    resolveHost: null,
  };
}
