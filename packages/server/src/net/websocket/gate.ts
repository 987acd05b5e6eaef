// Where requests for a WebSocket are let in or turned away: those of the server's own listener, and those that a program's HTTP
// server passes on. Judged by upgrade.ts; who gets in is attached to the server as a client.

import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex, DuplexSink, TlsSession } from "@myelin/platform";
import type { Logger } from "../../logger.ts";
import type { WebSocketOptions } from "../../websocket-options.ts";
import { hostPort } from "../listener.ts";
import { STAGE_PAYLOAD_BYTES } from "./frame-writer.ts";
import { OriginRules } from "./origins.ts";
import { judgeUpgrade, type Upgrade, type UpgradeRefusal } from "./upgrade.ts";
import { WebSocketDuplex, type WebSocketForm, type WebSocketParts } from "./websocket-duplex.ts";

/** Browsers do better with frames of this size (websocket.go wsFrameSizeForBrowsers). */
const BROWSER_FRAME_BYTES_MAX = 4_096;

/** Takes a client that got in. */
export type Admit = (duplex: Duplex, cookies: ReadonlyMap<string, string>) => void;

/** Lets WebSockets in. One for each server. */
export class WebSocketGate {
  readonly #options: WebSocketOptions;
  readonly #origins: OriginRules;
  readonly #parts: WebSocketParts;
  readonly #logger: Logger;
  readonly #admit: Admit;

  constructor(options: WebSocketOptions, parts: WebSocketParts, logger: Logger, admit: Admit) {
    this.#options = options;
    this.#origins = new OriginRules(options.sameOrigin, options.allowedOrigins);
    this.#parts = parts;
    this.#logger = logger;
    this.#admit = admit;
  }

  /**
   * Answers a request to upgrade.
   *
   * @param inner - The connection that it came by, not opened yet.
   * @param head - What came behind the request; nobody may send before the answer.
   * @param isSecure - Whether the connection is TLS.
   * @param session - What TLS came to; null where that is the business of another server.
   */
  upgrade(
    request: IncomingMessage,
    inner: Duplex,
    head: Uint8Array,
    isSecure: boolean,
    session: TlsSession | null,
  ): void {
    const upgrade = this.#judge(request, isSecure);
    if ("status" in upgrade) {
      this.#logRefusal(inner, upgrade);
      inner.open(NOBODY);
      inner.write(refusalAnswer(upgrade.status));
      inner.close();
    } else if (head.length > 0) {
      this.#logRefusal(inner, { status: 400, problem: "client sent data before handshake is complete" });
      inner.open(NOBODY);
      inner.destroy();
    } else {
      this.#enter(inner, upgrade, session);
    }
  }

  /** Answers a request that does not ask for an upgrade, which is not what this port is for. @returns The status. */
  refuse(request: IncomingMessage, inner: Duplex, isSecure: boolean): number {
    const upgrade = this.#judge(request, isSecure);
    const refusal = "status" in upgrade ? upgrade : { status: 400, problem: "websocket upgrade not supported" };
    this.#logRefusal(inner, refusal);
    return refusal.status;
  }

  #judge(request: IncomingMessage, isSecure: boolean): Upgrade | UpgradeRefusal {
    const { compression, headers } = this.#options;
    return judgeUpgrade(request, { origins: this.#origins, compression, headers, isSecure });
  }

  #enter(inner: Duplex, upgrade: Upgrade, tls: TlsSession | null): void {
    const { answer, compression, cookies, forwardedFor, isLeafnode, userAgent } = upgrade;
    const form = { ...frameForm(userAgent), compression, forwardedFor, tls };
    const duplex = new WebSocketDuplex(inner, answer, form, this.#parts);
    if (!isLeafnode) {
      this.#admit(duplex, cookies);
      return;
    }
    this.#logger.error("Not configured to accept leaf node connections");
    duplex.open(NOBODY);
    duplex.close({ status: 1008, text: "Not configured to accept leaf node connections" });
  }

  #logRefusal(inner: Duplex, { problem }: UpgradeRefusal): void {
    this.#logger.error(`${peerLabel(inner)} - websocket handshake error: ${problem}`);
  }
}

/** Where a connection comes from, for the log. */
export function peerLabel({ remote }: Duplex): string {
  return remote === null ? "pipe" : hostPort(remote.host, remote.port);
}

/** The answer to a request that is turned away. */
export function refusalAnswer(status: number): Uint8Array {
  const text = STATUS_CODES[status] ?? "";
  const lines = [
    `HTTP/1.1 ${status} ${text}`,
    ...Object.entries(REFUSAL_HEADERS).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${text.length + 1}`,
    "Connection: close",
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${text}\n`);
}

/** Headers of every refusal. */
export const REFUSAL_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  "Content-Type": "text/plain; charset=utf-8",
  "Sec-Websocket-Version": "13",
  "X-Content-Type-Options": "nosniff",
});

/** Owns a connection that only waits for its end. */
const NOBODY: DuplexSink = Object.freeze({
  received: (): void => {},
  written: (): void => {},
  ended: (): void => {},
  closed: (): void => {},
});

/** Frames as the client takes them best: browsers small ones, and Safari no fragments of compressed messages. */
function frameForm(userAgent: string): Pick<WebSocketForm, "frameBytesMax" | "fragmentsCompressed"> {
  const isBrowser = userAgent.startsWith("Mozilla/");
  const isSafari = userAgent.includes("Version/") && userAgent.includes("Safari/");
  return {
    frameBytesMax: isBrowser ? BROWSER_FRAME_BYTES_MAX : STAGE_PAYLOAD_BYTES,
    fragmentsCompressed: isBrowser && !isSafari,
  };
}
