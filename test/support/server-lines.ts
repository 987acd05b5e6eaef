// Takes a server's byte stream apart into the lines of a transcript. Strict: what is not exactly as the protocol says
// (a line ended by a bare \n, a payload without CRLF) comes out quoted whole, so it can never pass for the right thing.

import { escapeBytes, escapeLine } from "./escape.ts";

/** One operation of the server. */
export interface ServerLine {
  readonly kind: "info" | "msg" | "ping" | "pong" | "other";
  /** As it stands in a transcript, without client and arrow. */
  readonly text: string;
  /** Of MSG and HMSG: the words of the line. */
  readonly words: readonly string[];
  /** Of INFO: its fields, with their real values. */
  readonly info: Readonly<Record<string, unknown>> | null;
}

/** INFO fields whose values differ from run to run; their places are kept, their values are not. */
const MASKED = new Set(["server_id", "version", "go", "git_commit", "port", "client_id", "nonce", "xkey"]);
const CR = 0x0d;
const LF = 0x0a;

/** Collects bytes and gives them out as lines. */
export class ServerLines {
  readonly lines: ServerLine[] = [];
  /** PONGs so far, those included that were taken out of {@link lines}. */
  pongs = 0;
  #rest: Buffer = Buffer.alloc(0);

  /** Bytes of an operation that has not come whole. */
  get rest(): Buffer {
    return this.#rest;
  }

  push(chunk: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let used = this.#take(); used > 0; used = this.#take()) this.#rest = this.#rest.subarray(used);
  }

  /** Takes one operation from the front; 0 when it has not come whole. */
  #take(): number {
    const bytes = this.#rest;
    const end = bytes.indexOf(LF);
    if (end === -1) return 0;
    if (end === 0 || bytes[end - 1] !== CR) return this.#add("other", quote(bytes.subarray(0, end + 1)), end + 1);
    const line = bytes.subarray(0, end - 1);
    const words = line.toString("latin1").split(" ");
    const op = words[0] ?? "";
    if (op === "MSG" || op === "HMSG") return this.#takeMessage(line, words, end + 1);
    if (op === "INFO") return this.#takeInfo(line, end + 1);
    const kind = op === "PING" && words.length === 1 ? "ping" : op === "PONG" && words.length === 1 ? "pong" : "other";
    return this.#add(kind, escapeLine(line), end + 1);
  }

  #takeMessage(line: Buffer, words: readonly string[], start: number): number {
    const size = Number(words.at(-1));
    const end = start + size + 2;
    if (!(this.#rest.length >= end)) return Number.isNaN(size) ? this.#add("other", quote(line), start) : 0;
    const payload = this.#rest.subarray(start, end - 2);
    const whole = this.#rest[end - 2] === CR && this.#rest[end - 1] === LF;
    if (!whole) return this.#add("other", quote(this.#rest.subarray(0, end)), end);
    return this.#add("msg", `${escapeLine(line)} ${quote(payload)}`, end, words);
  }

  #takeInfo(line: Buffer, used: number): number {
    const json = /^INFO (\{.*\}) $/s.exec(line.toString("utf8"))?.[1];
    const info = json === undefined ? null : (JSON.parse(json) as Record<string, unknown>);
    return this.#add("info", info === null ? quote(line) : infoText(info), used, [], info);
  }

  #add(
    kind: ServerLine["kind"],
    text: string,
    used: number,
    words: readonly string[] = [],
    info: ServerLine["info"] = null,
  ): number {
    if (kind === "pong") this.pongs++;
    this.lines.push({ kind, text, words, info });
    return used;
  }
}

/** INFO with its keys in the order they came and the values that differ from run to run masked. */
function infoText(fields: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(fields).map(([key, value]) => {
    const isMasked = MASKED.has(key) || (key === "server_name" && value === fields["server_id"]);
    const text = isMasked && value !== "" ? `<${key}>` : JSON.stringify(value);
    return `"${key}":${text}`;
  });
  return `INFO {${shown.join(",")}}`;
}

function quote(bytes: Uint8Array): string {
  return `"${escapeBytes(bytes)}"`;
}
