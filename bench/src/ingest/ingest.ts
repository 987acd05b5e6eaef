// What stands between the router and a store in this benchmark: streams as subscribers. A message is appended from where the
// parser left it, and its acknowledgement goes out when the store calls it durable. As little of a stream's intake as can
// be measured: no deduplication, no expectations, no consumers. It is not part of the product.

import type { Arena } from "@myelin/platform";
import { latin1, Publication } from "@myelin/protocol";
import type { Server } from "@myelin/server";
import { MessageDraft, NO_LIMITS, type Store, type StreamLog, type SyncMode } from "@myelin/store";
import { type AckHead, AckQueue } from "./ack-queue.ts";
import { IntakeRoom, type WaitingMessage, WaitingStream } from "./intake-room.ts";

/** Streams are made by a request to `$JS.API.STREAM.CREATE.<name>`, as in the reference. */
const CREATE = "$JS.API.STREAM.CREATE.*";
/**
 * Where acknowledgements do not wait for a sync, and reads bring few messages, the publisher waits for acknowledgements: it gets those of
 * the first few messages while the others are still being stored. Otherwise one side would sleep while the other works.
 */
const EARLY_MESSAGES = 4;
const FEW_MESSAGES = 32;

type Account = Parameters<Server["accounts"]["forEach"]>[0] extends (account: infer A, ...rest: never[]) => void
  ? A
  : never;
type Sublist = Account["sublist"];
type Subscription = Parameters<Sublist["insert"]>[0];
type Subscriber = Subscription["subscriber"];

/** Takes messages for streams. */
export class Ingest implements Subscriber {
  readonly kind = "system";
  readonly #server: Server;
  readonly #account: Account;
  readonly #store: Store;
  readonly #acks: AckQueue;
  readonly #draft: MessageDraft = new MessageDraft();
  readonly #room: IntakeRoom;
  /** Acknowledgements do not wait for a sync. */
  readonly #isLazy: boolean;
  readonly #answerEarly: () => void;
  #releasePlanned = false;

  constructor(server: Server, arena: Arena, store: Store, sync: SyncMode) {
    this.#server = server;
    this.#account = server.accounts.get("$G")!;
    this.#store = store;
    this.#acks = new AckQueue(arena, (ack) => this.#route(ack));
    this.#room = new IntakeRoom(arena, (message, stream) => this.#append(message, stream));
    this.#isLazy = sync !== "always";
    this.#answerEarly = () => {
      this.#room.drain();
      this.#store.endTurn();
      this.#release();
    };
    store.onDurable = () => this.#planRelease();
    this.#subscribe(this, CREATE);
  }

  /** A request to make a stream: its name is the last token, its subjects are in the JSON. */
  deliver(message: Publication): boolean {
    const name = latin1(message.bytes, message.subjectStart, message.subjectEnd).split(".").at(-1)!;
    const reply = latin1(message.bytes, message.replyStart, message.replyEnd);
    const { payloadStart, size } = message;
    const config: unknown = JSON.parse(latin1(message.bytes, payloadStart, payloadStart + size));
    const subjects = subjectsOf(config);
    this.#create(name, subjects).then(
      () => this.#answer(reply, { type: "io.nats.jetstream.api.v1.stream_create_response", config }),
      (error: unknown) => this.#answer(reply, { error: { code: 500, description: String(error) } }),
    );
    return true;
  }

  /** Stores a message of a stream before the read that brought it is over. */
  take(message: Publication, stream: WaitingStream): void {
    const room = this.#room;
    room.take(message, stream);
    if (room.readCount === EARLY_MESSAGES && this.#isLazy && room.readBefore <= FEW_MESSAGES)
      this.#account.afterDelivery(this.#answerEarly);
  }

  #append(message: WaitingMessage, stream: WaitingStream): void {
    const draft = this.#draft;
    draft.subjectBytes = message.bytes;
    draft.subjectStart = message.subjectStart;
    draft.subjectEnd = message.subjectEnd;
    draft.bodyBytes = message.bytes;
    draft.headersStart = message.headersStart;
    draft.payloadStart = message.payloadStart;
    draft.bodyEnd = message.payloadEnd;
    const seq = stream.log.append(draft);
    if (message.replyEnd === message.replyStart) return;
    const ticket = this.#store.ticket();
    this.#acks.add(message, stream, seq, ticket);
    // Without waiting for a sync, a turn that has grown large is durable before its acknowledgement is queued.
    if (ticket <= this.#store.durableTicket) this.#planRelease();
  }

  async #create(name: string, subjects: readonly string[]): Promise<void> {
    const log = await this.#store.createStream(name, NO_LIMITS, new Uint8Array(0));
    const head = this.#acks.makeHead(name);
    const intake = new StreamIntake(this, log, head);
    for (const subject of subjects) this.#subscribe(intake, subject);
  }

  #subscribe(subscriber: Subscriber, subject: string): void {
    const bytes = Buffer.from(subject, "latin1");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (!this.#account.sublist.insert(subscription(subscriber, subject), view, 0, bytes.length))
      throw new Error(`Cannot subscribe to ${JSON.stringify(subject)}: it is no subject`);
  }

  #answer(reply: string, value: unknown): void {
    const text = JSON.stringify(value);
    const ack = new Publication(Buffer.from(`${reply} ${Buffer.byteLength(text)}\r\n${text}\r\n`));
    ack.subjectEnd = reply.length;
    ack.tailStart = reply.length + 1;
    ack.end = ack.bytes.length;
    ack.size = Buffer.byteLength(text);
    ack.payloadStart = ack.end - 2 - ack.size;
    this.#route(ack);
  }

  /** Not from inside `append`, which may call a turn durable: routing is walking over the subscriptions then. */
  #planRelease(): void {
    if (this.#releasePlanned) return;
    this.#releasePlanned = true;
    queueMicrotask(() => {
      this.#releasePlanned = false;
      this.#release();
    });
  }

  #release(): void {
    this.#acks.release(this.#store.durableTicket);
    this.#server.flush();
  }

  #route(message: Publication): void {
    const { sublist } = this.#account;
    const count = sublist.match(message.view, message.subjectStart, message.subjectEnd);
    if (count === 0) return;
    this.#server.deliver(message, sublist.found, count, this);
    this.#account.sweep();
  }
}

/** One stream as a subscriber. */
class StreamIntake extends WaitingStream implements Subscriber {
  readonly kind = "system";
  readonly #ingest: Ingest;

  constructor(ingest: Ingest, log: StreamLog, head: AckHead) {
    super(log, head);
    this.#ingest = ingest;
  }

  deliver(message: Publication): boolean {
    this.#ingest.take(message, this);
    return true;
  }
}

/** What the sublist holds; the server's own class for it is not public. */
function subscription(subscriber: Subscriber, subject: string): Subscription {
  return {
    subscriber,
    subject,
    queue: null,
    sid: "1",
    sidHead: 0,
    sidTail: 0,
    sidPacked: false,
    delivered: 0,
    max: 0,
    filtered: false,
    closed: false,
    node: null,
    position: -1,
  };
}

function subjectsOf(config: unknown): string[] {
  const { subjects } = config as { subjects?: unknown };
  if (!Array.isArray(subjects) || subjects.some((subject) => typeof subject !== "string"))
    throw new Error("A stream's configuration needs subjects");
  return subjects as string[];
}
