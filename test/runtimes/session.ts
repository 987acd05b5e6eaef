// What a client does in every runtime, and what has to come of it. Imports no module of any runtime: browsers load it as it
// is, and the client comes in as a parameter, in whichever form the runtime has it.

import type { ConnectionOptions, Msg, NatsConnection } from "@myelin/client";

/** The part of `@myelin/client` that is used, in its Node form or its web form. */
export interface Client {
  connect(options: ConnectionOptions): Promise<NatsConnection>;
}

/** What a session saw; JSON. */
export interface Report {
  /** Which form the runtime was given: only Node's reads credentials from files. */
  readonly form: "node" | "web";
  readonly text: string;
  readonly requestsAnswered: number;
  readonly answerHeader: string;
  readonly receivedInOrder: number;
  readonly largeBytesIntact: number;
  readonly gathered: string[];
  readonly noResponders: string;
  readonly badSubject: string;
  readonly reconnects: number;
  readonly afterReconnect: string;
  readonly closed: boolean;
}

const REQUESTS = 500;
const MESSAGES = 5_000;
/** Some WebSocket frames and many socket reads long, and no multiple of either. */
const LARGE_BYTES = 500_001;
const TEXT = "grüße, 世界 🌍";

/** The report of a session that went well. */
export function expectedReport(form: Report["form"]): Report {
  return {
    form,
    text: TEXT,
    requestsAnswered: REQUESTS,
    answerHeader: "runtime.echo",
    receivedInOrder: MESSAGES,
    largeBytesIntact: LARGE_BYTES,
    gathered: ["a", "b", "c"],
    noResponders: "ERR_NATS_REQUEST",
    badSubject: "ERR_NATS_BAD_SUBJECT",
    reconnects: 1,
    afterReconnect: "here again",
    closed: true,
  };
}

/**
 * Connects, publishes, subscribes, requests, reconnects and drains.
 *
 * @param servers - One server's URL.
 * @throws what the client throws where nothing should fail.
 */
export async function runSession(client: Client, servers: string): Promise<Report> {
  const nc = await client.connect({ servers, name: "runtimes", reconnectTimeWait: 10, reconnectJitter: 0 });
  nc.subscribe("runtime.echo", { callback: (_error, msg) => void echo(msg) });
  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, (_, index) => nc.request("runtime.echo", `number ${index}`)),
  );
  const seen = {
    form: "credsFileAuthenticator" in client ? "node" : "web",
    text: (await nc.request("runtime.echo", TEXT)).string(),
    requestsAnswered: answers.filter((answer, index) => answer.string() === `number ${index}`).length,
    answerHeader: answers[0]?.headers?.get("Seen") ?? "",
    receivedInOrder: await receivedInOrder(nc),
    largeBytesIntact: await largeBytesIntact(nc),
    gathered: await gathered(nc),
    noResponders: await codeOf(() => nc.request("runtime.nobody")),
    badSubject: await codeOf(() => nc.publish("runtime.with space")),
  } as const;
  await reconnect(nc);
  const afterReconnect = (await nc.request("runtime.echo", "here again")).string();
  const { reconnects } = nc.stats();
  await nc.drain();
  return { ...seen, reconnects, afterReconnect, closed: (await nc.closed()) === undefined && nc.isClosed() };
}

function echo(msg: Msg): boolean {
  return msg.respond(msg.data, { headers: { Seen: msg.subject } });
}

/** How many of the messages came in the order in which they were published, until one did not. */
async function receivedInOrder(nc: NatsConnection): Promise<number> {
  const subscription = nc.subscribe("runtime.flow.*", { max: MESSAGES });
  for (let index = 0; index < MESSAGES; index++) nc.publish("runtime.flow.one", String(index));
  let next = 0;
  for await (const message of subscription) {
    if (message.string() !== String(next)) return next;
    next++;
  }
  return next;
}

async function largeBytesIntact(nc: NatsConnection): Promise<number> {
  const { data } = await nc.request(
    "runtime.echo",
    Uint8Array.from({ length: LARGE_BYTES }, (_, at) => at % 251),
  );
  return data.filter((byte, at) => byte === at % 251).length;
}

/** Three answers to one request, sorted. */
async function gathered(nc: NatsConnection): Promise<string[]> {
  for (const name of ["a", "b", "c"])
    nc.subscribe("runtime.many", { max: 1, callback: (_error, msg) => void msg.respond(name) });
  const found: string[] = [];
  for await (const answer of await nc.requestMany("runtime.many", "", { strategy: "count", maxMessages: 3 }))
    found.push(answer.string());
  return found.sort();
}

async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    const code = (error as { readonly code?: unknown }).code;
    return typeof code === "string" ? code : String(error);
  }
  return "no error";
}

/** Resolves when the connection has been given up and there is another. */
async function reconnect(nc: NatsConnection): Promise<void> {
  const stop = new AbortController();
  const statuses = nc.status({ signal: stop.signal })[Symbol.asyncIterator]();
  await nc.reconnect();
  for (;;) {
    const { done, value } = await statuses.next();
    if (done === true) throw new Error("the connection was closed instead of made anew");
    if (value.type === "reconnect") break;
  }
  stop.abort();
}
