// What each operation of a client does. Called by the parser, one operation at a time; calls the account's sublist and the router.
// A message's way goes through `publish`: look the subject up (or remember it from the message before), then deliver.

import {
  type Arguments,
  type ClientSink,
  ConnectSyntaxError,
  countTokens,
  isInfoJson,
  isLiteral,
  latin1,
  type ProtocolErrorCode,
  type Publication,
  parseConnect,
  parseSize,
  quote,
} from "@myelin/protocol";
import { isReservedReply, isReservedSubject, SYSTEM_QUEUE } from "../routing/reserved.ts";
import type { SublistNode } from "../routing/sublist-node.ts";
import { Subscription } from "../routing/subscription.ts";
import type { ClientConnection } from "./client-connection.ts";
import { redact } from "./client-trace.ts";
import type { CloseReason } from "./close-reasons.ts";
import type { ConnectionContext } from "./context.ts";

/** `NATS/1.0 503\r\nNats-Subject: ` and the two line ends behind it. */
const NO_RESPONDERS_FIXED_BYTES = 32;

/** A read may hold thousands of SUBs, each of which costs what a hundred messages cost; after so many others have their turn. */
const CHANGES_PER_TURN_MAX = 512;

/** How a broken protocol is told in the table of close reasons. */
const CLOSE_REASON_OF: Readonly<Partial<Record<ProtocolErrorCode, CloseReason>>> = Object.freeze({
  CONTROL_LINE: "MAX_CONTROL_LINE",
  MAX_PAYLOAD: "MAX_PAYLOAD",
});

const utf8 = new TextDecoder("utf-8");

/** Takes the operations of one client. */
export class ClientDispatch implements ClientSink {
  /** Messages and bytes published in the read that is under way; the connection adds them up behind it. */
  turnMsgs = 0;
  turnBytes = 0;
  /** Subscriptions made and ended in the read that is under way. */
  turnChanges = 0;
  /** Whether anything in the read that is under way counts as activity. */
  active = false;

  readonly #context: ConnectionContext;
  readonly #connection: ClientConnection;
  /** What the sublist found for the last subject published to, under which generation, and whether it may be published to. */
  readonly #nodes: SublistNode[] = [];
  #nodeCount = 0;
  #generation = 0;
  #reserved = false;
  #allowed = false;

  constructor(context: ConnectionContext, connection: ClientConnection) {
    this.#context = context;
    this.#connection = connection;
  }

  /** Forgets what was looked up: the account has changed. */
  forget(): void {
    this.#generation = 0;
    this.#nodes.length = 0;
  }

  publish(message: Publication): void {
    const connection = this.#connection;
    this.turnMsgs++;
    this.turnBytes += message.size;
    if (!message.sameSubject || this.#generation !== connection.account.sublist.generation) this.#lookUp(message);
    if (connection.trace !== null) connection.trace.payload("<<-", message, true);
    if (!this.#allowed && !this.#mayRespond(message)) {
      connection.refusePublish(quote(message.bytes, message.subjectStart, message.subjectEnd));
      return;
    }
    const hasReply = message.replyEnd > message.replyStart;
    if (hasReply && isReservedReply(message.bytes, message.replyStart, message.replyEnd)) {
      connection.refuseReply(quote(message.bytes, message.replyStart, message.replyEnd));
      return;
    }
    if (connection.verbose) connection.sendOk();
    if (this.#nodeCount > 0) {
      const taken = this.#context.router.deliver(message, this.#nodes, this.#nodeCount, connection);
      connection.account.sweep();
      if (taken) return;
    }
    if (hasReply && connection.wantsNoResponders) this.#tellNoResponders(message);
  }

  publishLine(message: Publication): void {
    const connection = this.#connection;
    connection.trace?.publishLine(message);
    if (connection.pedantic && !isLiteral(message.bytes, message.subjectStart, message.subjectEnd)) {
      connection.sendError("INVALID_PUBLISH_SUBJECT");
    }
  }

  subscribe(args: Arguments): void {
    const connection = this.#connection;
    const { bytes, ranges } = args;
    this.#countChange();
    const start = ranges[0] as number;
    const end = ranges[1] as number;
    const sidAt = args.count === 3 ? 4 : 2;
    const sid = latin1(bytes, ranges[sidAt] as number, ranges[sidAt + 1] as number);
    const queue = args.count === 3 ? latin1(bytes, ranges[2] as number, ranges[3] as number) : null;
    const subject = latin1(bytes, start, end);
    connection.trace?.in("SUB", queue === null ? `${subject} ${sid}` : `${subject} ${queue} ${sid}`);
    if (!this.#maySubscribe(args, queue, sid)) return;

    if (!connection.subscriptions.has(sid)) {
      const subscription = new Subscription(connection, subject, queue, sid);
      if (!connection.account.sublist.insert(subscription, args.view, start, end)) {
        connection.sendError("INVALID_SUBJECT");
        return;
      }
      subscription.filtered = connection.rights?.permissions.needsFilter(subject) ?? false;
      connection.subscriptions.set(sid, subscription);
    }
    if (connection.verbose) connection.sendOk();
  }

  unsubscribe(args: Arguments): void {
    const connection = this.#connection;
    const { bytes, ranges } = args;
    this.#countChange();
    const sid = latin1(bytes, ranges[0] as number, ranges[1] as number);
    const max = args.count === 2 ? parseSize(bytes, ranges[2] as number, ranges[3] as number) : -1;
    connection.trace?.in("UNSUB", args.count === 2 ? `${sid} ${max}` : sid);
    const subscription = connection.subscriptions.get(sid);
    if (connection.verbose) connection.sendOk();
    if (subscription === undefined) return;
    if (max > subscription.delivered) {
      subscription.max = max;
      return;
    }
    connection.dropSubscription(subscription);
    connection.account.sublist.remove(subscription);
  }

  connect(bytes: Uint8Array, start: number, end: number): void {
    const connection = this.#connection;
    const json = utf8.decode(bytes.subarray(start, end));
    connection.trace?.in("CONNECT", redact(json));
    try {
      connection.connected(parseConnect(json, connection.connect));
    } catch (error) {
      if (!(error instanceof ConnectSyntaxError)) throw error;
      this.failed("BAD_CONNECT", error.message);
    }
  }

  info(bytes: Uint8Array, start: number, end: number): void {
    const json = utf8.decode(bytes.subarray(start, end));
    this.#connection.trace?.in("INFO", json);
    // A client's INFO has no meaning, but the reference reads it all the same.
    if (!isInfoJson(json)) this.failed("BAD_ARGUMENTS", "INFO of a client is not a JSON object of the known form");
  }

  ping(): void {
    this.active = true;
    this.#connection.trace?.in("PING");
    this.#connection.answerPing();
  }

  pong(): void {
    this.#connection.trace?.in("PONG");
    this.#connection.pings.answered();
  }

  peerError(bytes: Uint8Array, start: number, end: number): void {
    const text = utf8.decode(bytes.subarray(start, end));
    this.#connection.trace?.in("-ERR", text);
    this.#connection.logError(`Client Error ${text}`);
    this.#connection.close("PARSE_ERROR");
  }

  failed(code: ProtocolErrorCode, detail: string): void {
    const connection = this.#connection;
    if (code === "AUTHORIZATION_VIOLATION") {
      connection.refuseAuthentication();
      return;
    }
    connection.logError(detail);
    connection.sendError(code);
    connection.close(CLOSE_REASON_OF[code] ?? "PROTOCOL_VIOLATION");
  }

  #countChange(): void {
    this.active = true;
    if (++this.turnChanges === CHANGES_PER_TURN_MAX) this.#connection.yieldTurn();
  }

  /** Looks the subject up, once for as long as the connection keeps publishing to it and nobody subscribes. */
  #lookUp(message: Publication): void {
    const { account } = this.#connection;
    const { sublist } = account;
    const { bytes, subjectStart, subjectEnd } = message;
    const { rights } = this.#connection;
    this.#reserved = isReservedSubject(bytes, subjectStart, subjectEnd, account.isSystem);
    this.#allowed =
      !this.#reserved && (rights === null || rights.permissions.mayPublish(message.view, subjectStart, subjectEnd));
    const count = sublist.match(message.view, subjectStart, subjectEnd);
    const nodes = this.#nodes;
    for (let i = 0; i < count; i++) nodes[i] = sublist.found[i] as SublistNode;
    this.#nodeCount = count;
    this.#generation = sublist.generation;
  }

  /** Whether a message that its subject does not allow is a response that the client owes. */
  #mayRespond(message: Publication): boolean {
    const { rights } = this.#connection;
    return rights !== null && !this.#reserved && rights.mayRespond(message);
  }

  #maySubscribe(args: Arguments, queue: string | null, sid: string): boolean {
    const connection = this.#connection;
    const { options } = this.#context;
    const { rights } = connection;
    const { bytes, ranges } = args;
    const start = ranges[0] as number;
    const end = ranges[1] as number;
    if (queue === SYSTEM_QUEUE || (rights !== null && !rights.permissions.maySubscribe(args.view, start, end, queue))) {
      const quotedQueue = queue === null ? null : quote(bytes, ranges[2] as number, ranges[3] as number);
      connection.refuseSubscription(quote(bytes, start, end), quotedQueue, sid);
      return false;
    }
    if (options.maxSubscriptionTokens > 0 && countTokens(bytes, start, end) > options.maxSubscriptionTokens) {
      connection.refuseTokens(quote(bytes, start, end), sid);
      return false;
    }
    if (options.maxSubscriptions > 0 && connection.subscriptions.size >= options.maxSubscriptions) {
      connection.logError("maximum subscriptions exceeded");
      connection.sendError("MAX_SUBSCRIPTIONS");
      return false;
    }
    return true;
  }

  /** A request that nobody took: tells its own plain subscription for the reply, if there is one (ADR-4, client.go). */
  #tellNoResponders(message: Publication): void {
    const connection = this.#connection;
    const { bytes, replyStart, replyEnd, subjectStart, subjectEnd } = message;
    const { sublist } = connection.account;
    const count = sublist.match(message.view, replyStart, replyEnd);
    for (let n = 0; n < count; n++) {
      const own = (sublist.found[n] as SublistNode).plain.find((candidate) => candidate.subscriber === connection);
      if (own === undefined) continue;
      const subject = latin1(bytes, subjectStart, subjectEnd);
      const size = NO_RESPONDERS_FIXED_BYTES + subject.length;
      const reply = latin1(bytes, replyStart, replyEnd);
      connection.send(
        `HMSG ${reply} ${own.sid} ${size} ${size}\r\nNATS/1.0 503\r\nNats-Subject: ${subject}\r\n\r\n\r\n`,
      );
      return;
    }
  }
}
