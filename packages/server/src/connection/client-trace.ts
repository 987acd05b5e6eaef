// The protocol trace of one client: a log line for each operation, in the reference's form, secrets hidden.

import { latin1, type Publication, quote } from "@myelin/protocol";
import type { Logger } from "../logger.ts";

/**
 * What stands behind a key: a string, whatever is escaped in it, up to its quote; a bare word; and of what is neither all there is.
 * Keys count in any case, as they do in CONNECT.
 */
const VALUE = String.raw`("(?:[^"\\]|\\.)*|[[{].*|[^",\r\n}]*)`;
/**
 * Matches `pass`, `password` or `auth_token` with its value, in JSON or in anything that looks like it. Each attempt begins at the
 * key and looks at nothing twice, so that a line made to be slow is not.
 */
const PASSWORD = new RegExp(String.raw`((?:auth_token|pass)[^\s:="]{0,32}"?\s*[:=]\s*)${VALUE}`, "gis");
/** Matches `sig`, `proxy_sig`, `nkey` or `jwt` with its value. */
const SIGNATURE = new RegExp(String.raw`((?<![a-z0-9_])(?:proxy_sig|nkey|sig|jwt)"?\s*[:=]\s*)${VALUE}`, "gis");

/** A CONNECT line without its secrets. */
export function redact(line: string): string {
  return line.replace(PASSWORD, cover).replace(SIGNATURE, cover);
}

function cover(_all: string, key: string, value: string): string {
  return `${key}${value.startsWith('"') ? '"' : ""}[REDACTED]`;
}

/** Writes the trace of one connection; made only when tracing is on. */
export class ClientTrace {
  readonly #logger: Logger;
  readonly #label: () => string;

  constructor(logger: Logger, label: () => string) {
    this.#logger = logger;
    this.#label = label;
  }

  /** An operation that came in; `args` as they stood in the line. */
  in(operation: string, args: string | null = null): void {
    this.#write("<<-", operation, args);
  }

  out(operation: string, args: string | null = null): void {
    this.#write("->>", operation, args);
  }

  /** A subscription that ended. */
  ended(sid: string): void {
    this.#write("<->", "DELSUB", sid);
  }

  /** A message that came in: its line was told when it arrived, this is what it carries. */
  payload(direction: "<<-" | "->>", message: Publication, withHeaders: boolean): void {
    const start = message.payloadStart + (withHeaders ? 0 : Math.max(0, message.headerSize));
    const end = message.end - 2;
    if (end > start) {
      this.#logger.trace(`${this.#label()} - ${direction} MSG_PAYLOAD: [${quote(message.bytes, start, end)}]`);
    }
  }

  /** A message that went out, as its receiver gets it. */
  delivery(message: Publication, sid: string, withHeaders: boolean): void {
    const { bytes, headerSize, payloadStart, subjectEnd, subjectStart, tailStart } = message;
    const subject = latin1(bytes, subjectStart, subjectEnd);
    const stripped = headerSize >= 0 && !withHeaders;
    const reply =
      message.replyEnd > message.replyStart ? `${latin1(bytes, message.replyStart, message.replyEnd)} ` : "";
    const rest = stripped ? `${reply}${message.size - headerSize}` : latin1(bytes, tailStart, payloadStart - 2);
    this.out(withHeaders ? "HMSG" : "MSG", `${subject} ${sid} ${rest}`);
    this.payload("->>", message, withHeaders);
  }

  /** The line of a publish that came in. */
  publishLine(message: Publication): void {
    const operation = message.headerSize < 0 ? "PUB" : "HPUB";
    this.in(operation, latin1(message.bytes, message.subjectStart, message.payloadStart - 2));
  }

  #write(direction: string, operation: string, args: string | null): void {
    const text = args === null ? operation : `${operation} ${args}`;
    this.#logger.trace(`${this.#label()} - ${direction} [${text}]`);
  }
}
