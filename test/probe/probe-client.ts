// A client that asks: each operation goes out, and what the server says to it comes back as one short answer.
//
// CONNECT and what follows go out in separate writes: the reference settles who a client is once per read.

import type { ServerLine } from "../support/server-lines.ts";
import { WireClient } from "../support/wire-client.ts";
import type { Fields, Identity } from "./identity.ts";
import type { ProbeServer } from "./probe-server.ts";

/** What is said of an operation that was confirmed, refused as it should be, or followed by the end. */
export const OK = "ok";
export const REFUSED = "refused";
const CLOSED = "closed";
const VIOLATION = /^-ERR 'Permissions Violation for (?:Publish|Subscription) to (.*)'$/;

/** One connection that is logged in, or not. */
export class ProbeClient {
  readonly wire: WireClient;

  private constructor(wire: WireClient) {
    this.wire = wire;
  }

  /** Connects; INFO is there. */
  static async open(server: ProbeServer, identity: Identity | null = null): Promise<ProbeClient> {
    return new ProbeClient(await WireClient.connect("probe", server.wires(identity)));
  }

  /** What INFO said first. */
  get info(): Readonly<Record<string, unknown>> {
    return this.wire.received.lines[0]?.info ?? {};
  }

  get nonce(): string {
    return typeof this.info["nonce"] === "string" ? this.info["nonce"] : "";
  }

  /** Messages received, all of them. */
  get messages(): readonly ServerLine[] {
    return this.wire.received.lines.filter((line) => line.kind === "msg");
  }

  /**
   * Sends CONNECT: in verbose mode, with headers.
   *
   * @returns `in ACCOUNT`, or why not.
   */
  async logIn(fields: Fields): Promise<string> {
    const base = { verbose: true, pedantic: false, protocol: 1, headers: true, no_responders: true };
    const from = this.wire.received.lines.length;
    await this.wire.send(Buffer.from(`CONNECT ${JSON.stringify({ ...base, ...fields })}\r\n`));
    await this.wire.until(() => this.wire.closed || this.#saidSince(from).length > 0, "the answer to CONNECT");
    // The first PONG is followed by INFO, and the second tells that it has come.
    await this.wire.settle();
    await this.wire.settle();
    if (this.wire.closed) return this.#endSince(from);
    const info = this.wire.received.lines.slice(from).find((line) => line.kind === "info")?.info;
    // A later CONNECT is not followed by INFO.
    if (info === undefined) return this.#saidSince(from).join(" ");
    return `in ${String(info?.["remote_account"])}${info?.["acc_is_sys"] === true ? " (system)" : ""}`;
  }

  /** Sends bytes and tells everything that was said to them. */
  async say(bytes: string): Promise<string> {
    const from = this.wire.received.lines.length;
    await this.wire.send(Buffer.from(bytes));
    await this.wire.settle();
    if (this.wire.closed) return this.#endSince(from);
    const said = this.#saidSince(from);
    return said.length === 0 ? "silence" : said.join(" ");
  }

  /** Sends operations of a client that is in verbose mode; tells the answer to each. */
  async ask(operations: readonly string[]): Promise<string[]> {
    const from = this.wire.received.lines.length;
    await this.wire.send(Buffer.from(operations.join("")));
    await this.wire.settle();
    const said = this.#saidSince(from);
    return operations.map((operation, index) => answerTo(operation, said[index]));
  }

  settle(): Promise<void> {
    return this.wire.settle();
  }

  async close(): Promise<void> {
    await this.wire.close();
  }

  destroy(): void {
    this.wire.destroy();
  }

  #saidSince(from: number): string[] {
    const lines = this.wire.received.lines.slice(from);
    return lines.filter((line) => line.kind === "other").map((line) => line.text);
  }

  #endSince(from: number): string {
    return [...this.#saidSince(from), CLOSED].join(" ").replaceAll(", ", ",");
  }
}

/** The operation that publishes an empty message, or one with a payload. */
export function publishOf(subject: string, payload = "", reply: string | null = null): string {
  const size = Buffer.byteLength(payload);
  return `PUB ${subject} ${reply === null ? "" : `${reply} `}${size}\r\n${payload}\r\n`;
}

/** The operation that subscribes. */
export function subscribeOf(subject: string, queue: string | null, sid: string): string {
  return `SUB ${subject} ${queue === null ? "" : `${queue} `}${sid}\r\n`;
}

/** Short for what says exactly what it should; else the server's own words. */
function answerTo(operation: string, said: string | undefined): string {
  if (said === undefined) return CLOSED;
  if (said === "+OK") return OK;
  const [op, subject, queue] = operation.split(/\s+/);
  const quoted = VIOLATION.exec(said)?.[1];
  const isQueue = op === "SUB" && operation.trim().split(" ").length === 4;
  const expected = `"${escaped(subject)}"${isQueue ? ` using queue "${escaped(queue)}"` : ""}`;
  return quoted === expected ? REFUSED : said;
}

/** As a transcript shows the bytes of a line. */
function escaped(text: string | undefined): string {
  const latin1 = Buffer.from(text ?? "").toString("latin1");
  return latin1.replace(/[^\x20-\x7e]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`);
}
