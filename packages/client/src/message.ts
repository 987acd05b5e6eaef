// A received message: where its parts lie in the block it came in. Everything is decoded when it is asked for.

import { headerStatus, type MessageLine, messageLine } from "@myelin/protocol/client";
import type { BlockViews } from "./block-views.ts";
import { InvalidOperationError, InvalidSubjectError } from "./errors.ts";
import { type HeadersInput, type MsgHdrs, MsgHdrsImpl, toHeaders } from "./headers.ts";
import { tokenCheck, tokenKey } from "./request/request-tokens.ts";
import type { TextBytes } from "./runtime.ts";

/** What a payload may be given as. Strings go out as UTF-8. */
export type Payload = Uint8Array | string;

/** Filters and changes what `JSON.parse` makes. */
export type ReviverFn = (key: string, value: unknown) => unknown;

/** Options that trace a message's way through the system (ADR-41). */
export interface TraceOptions {
  /** Subject to which servers report what they do with the message. */
  traceDestination?: string;
  /** The message is not delivered, only traced. */
  traceOnly?: boolean;
}

/** Options of `publish` and `respond`. */
export interface PublishOptions extends TraceOptions {
  /** Subject for an answer. */
  reply?: string;
  headers?: HeadersInput;
}

/** A message. */
export interface Msg {
  readonly subject: string;
  /** Number of the subscription that it was delivered to; 0 for messages that were made here. */
  readonly sid: number;
  /** Where an answer is expected. */
  readonly reply?: string;
  /**
   * The payload. For a received message a view of the block that it came in, up to 256 KiB with its neighbours:
   * copy it (`data.slice()`) to keep a few small ones for long.
   */
  readonly data: Uint8Array;
  readonly headers?: MsgHdrs | undefined;
  /** Publishes an answer to `reply`; false when there is none. */
  respond(payload?: Payload, options?: PublishOptions): boolean;
  /** The payload as JSON. Throws what `JSON.parse` throws. */
  json<T = unknown>(reviver?: ReviverFn): T;
  /** The payload as UTF-8. */
  string(): string;
  /** Bytes of subject, reply, headers and payload. */
  size(): number;
}

/** Who a message answers through. */
export interface Responder {
  publish(subject: string, payload?: Payload, options?: PublishOptions): void;
}

/** What received messages share: their connection's decoder and way out. */
export interface MessageContext extends Responder {
  readonly text: TextBytes;
  readonly views: BlockViews;
  /** Told when a header block cannot be read; the message is delivered without headers. */
  badHeaders(error: Error, subject: string): void;
}

/** No bytes: the payload of a message without one. */
export const Empty: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

const line: MessageLine = { subjectStart: 0, subjectEnd: 0, replyStart: 0, replyEnd: 0 };

/** A message that was received. Made once per delivery: its fields are few and are set at once. */
export class ReceivedMsg implements Msg {
  declare private readonly context: MessageContext;
  declare private readonly bytes: Uint8Array;
  declare private readonly lineStart: number;
  declare private readonly bodyStart: number;
  declare private readonly payloadStart: number;
  declare private readonly end: number;
  declare readonly sid: number;
  declare private parsedHeaders: MsgHdrs | undefined;

  constructor(
    context: MessageContext,
    bytes: Uint8Array,
    lineStart: number,
    bodyStart: number,
    payloadStart: number,
    end: number,
    sid: number,
  ) {
    this.context = context;
    this.bytes = bytes;
    this.lineStart = lineStart;
    this.bodyStart = bodyStart;
    this.payloadStart = payloadStart;
    this.end = end;
    this.sid = sid;
    this.parsedHeaders = undefined;
  }

  get subject(): string {
    messageLine(this.bytes, this.lineStart, line);
    return this.context.text.decode(this.bytes, line.subjectStart, line.subjectEnd);
  }

  get reply(): string {
    messageLine(this.bytes, this.lineStart, line);
    // Empty and not undefined where there is none, as in the official client: `if (m.reply)` is the test.
    if (line.replyEnd === line.replyStart) return "";
    return this.context.text.decode(this.bytes, line.replyStart, line.replyEnd);
  }

  get data(): Uint8Array {
    return this.context.views.of(this.bytes, this.payloadStart, this.end);
  }

  get headers(): MsgHdrs | undefined {
    if (this.parsedHeaders === undefined && this.payloadStart > this.bodyStart) {
      try {
        this.parsedHeaders = MsgHdrsImpl.decode(this.bytes.subarray(this.bodyStart, this.payloadStart));
      } catch (error) {
        this.parsedHeaders = new MsgHdrsImpl();
        this.context.badHeaders(error as Error, this.subject);
      }
    }
    return this.parsedHeaders;
  }

  respond(payload?: Payload, options?: PublishOptions): boolean {
    const reply = this.reply;
    if (reply === "") return false;
    if (reply.includes("\ufffd")) this.#checkReply(reply);
    this.context.publish(reply, payload, options);
    return true;
  }

  /** Bytes that are no UTF-8 all read as U+FFFD: an answer would go to another subject than the one that was given. */
  #checkReply(reply: string): void {
    messageLine(this.bytes, this.lineStart, line);
    const sent = new TextEncoder().encode(reply);
    const given = this.bytes.subarray(line.replyStart, line.replyEnd);
    const isSame = sent.length === given.length && sent.every((byte, index) => byte === given[index]);
    if (!isSame) throw new InvalidSubjectError(reply, "the reply subject of the message is not UTF-8");
  }

  json<T = unknown>(reviver?: ReviverFn): T {
    return JSON.parse(this.string(), reviver) as T;
  }

  string(): string {
    return this.context.text.decode(this.bytes, this.payloadStart, this.end);
  }

  size(): number {
    messageLine(this.bytes, this.lineStart, line);
    return line.subjectEnd - line.subjectStart + (line.replyEnd - line.replyStart) + (this.end - this.bodyStart);
  }

  /** The status of the headers without decoding them; 0 without. */
  status(): number {
    return this.payloadStart > this.bodyStart ? headerStatus(this.bytes, this.bodyStart, this.payloadStart) : 0;
  }

  /** Bytes of headers and payload. */
  bodyBytes(): number {
    return this.end - this.bodyStart;
  }

  /**
   * Reads the token of a request behind `prefix` in the subject into `token`: how an answer finds its request without a
   * string being made.
   *
   * @returns Whether the subject begins with `prefix`.
   */
  readToken(prefix: Uint8Array, token: { key: number; check: number }): boolean {
    messageLine(this.bytes, this.lineStart, line);
    const start = line.subjectStart;
    const from = start + prefix.length;
    if (from > line.subjectEnd) return false;
    for (let i = 0; i < prefix.length; i++) if (this.bytes[start + i] !== prefix[i]) return false;
    token.key = tokenKey(this.bytes, from, line.subjectEnd);
    token.check = token.key < 0 ? -1 : tokenCheck(this.bytes, from);
    return true;
  }
}

/** What a message is made of by a program. */
export interface MsgInit {
  subject: string;
  reply?: string;
  data?: Payload;
  headers?: HeadersInput;
}

/**
 * Makes a message, for `publishMessage` and `respondMessage`.
 *
 * @example
 * nc.publishMessage(createMsg({ subject: "orders.new", data: JSON.stringify(order), headers: { "Nats-Msg-Id": "17" } }));
 */
export function createMsg(init: MsgInit): Msg {
  return new BuiltMsg(init);
}

class BuiltMsg implements Msg {
  readonly sid = 0;
  readonly subject: string;
  readonly reply: string;
  readonly data: Uint8Array;
  readonly headers?: MsgHdrs;

  constructor(init: MsgInit) {
    this.subject = init.subject;
    this.reply = init.reply ?? "";
    this.data = typeof init.data === "string" ? new TextEncoder().encode(init.data) : (init.data ?? Empty);
    if (init.headers !== undefined) this.headers = toHeaders(init.headers);
  }

  respond(): boolean {
    throw new InvalidOperationError(
      `Cannot respond to the message for '${this.subject}': it was made here, not received; use the connection's publish`,
      undefined,
      "ERR_NATS_MSG_NO_REPLY",
    );
  }

  json<T = unknown>(reviver?: ReviverFn): T {
    return JSON.parse(this.string(), reviver) as T;
  }

  string(): string {
    return new TextDecoder().decode(this.data);
  }

  size(): number {
    const headerBytes = this.headers === undefined ? 0 : toHeaders(this.headers).encode().length;
    const encoder = new TextEncoder();
    return encoder.encode(this.subject + this.reply).length + headerBytes + this.data.length;
  }
}
