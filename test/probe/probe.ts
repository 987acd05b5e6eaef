// Asks a server that runs with a configuration: who gets in, what each may publish and subscribe to, what reaches whom.

import { CellBook, type Cells } from "./cells.ts";
import { attemptsOf, fieldsOf, type Identity, nameOf, proxiedAttempts, rightAttempts } from "./identity.ts";
import { OK, ProbeClient, publishOf, subscribeOf } from "./probe-client.ts";
import type { Door, ProbeFile, Wanted } from "./probe-file.ts";
import { logIn, type Probe } from "./probe-parts.ts";
import { probeRequests, probeService } from "./probe-requests.ts";
import { type ProbeCertificates, ProbeServer } from "./probe-server.ts";
import type { ProbeTarget } from "./probe-target.ts";

/** Messages to a group: with three members, the chance that one gets none of them is below 10^-10. */
const GROUP_ROUNDS = 64;
const FIRST_OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["PING", "PING\r\n"],
  ["PONG", "PONG\r\n"],
  ["SUB foo", "SUB foo 1\r\n"],
  ["SUB >", "SUB > 1\r\n"],
  ["PUB foo", "PUB foo 0\r\n\r\n"],
  ["PUB bar", "PUB bar 0\r\n\r\n"],
  ["HPUB foo", "HPUB foo 12 12\r\nNATS/1.0\r\n\r\n\r\n"],
  ["UNSUB", "UNSUB 1\r\n"],
  ["+OK", "+OK\r\n"],
  ["INFO", "INFO {}\r\n"],
  ["nonsense", "NONSENSE\r\n"],
]);

/** Starts a server with a file, and asks everything that the file wants to know. */
export async function probeWith(file: ProbeFile, start: ProbeTarget, certificates: ProbeCertificates): Promise<Cells> {
  const server = await start(certificates.placed(file.text));
  try {
    return await probe(file, new ProbeServer(server, certificates, file.doors[0] as Door));
  } finally {
    await server.stop();
  }
}

async function probe(file: ProbeFile, server: ProbeServer): Promise<Cells> {
  const book = new CellBook();
  for (const [at, door] of file.doors.entries()) {
    const by = at === 0 ? "" : ` by ${door}`;
    await probeInfo(server.by(door), book, `first INFO${by}`, door !== "tcp" || at > 0);
    await probeLogins(file, server.by(door), book, `logins${by}`);
  }
  if (!file.triesFewLogins) await probeFirstOperations(file, server, book);
  const members = file.identities.filter((identity) =>
    book.cells.get("logins")?.get(nameOf(identity))?.startsWith("in "),
  );
  const all: Probe = { file, server, book, members };
  await probeRights(all);
  await probeDelivery(all);
  for (const group of file.groups) await probeGroup(all, group);
  await probeRequests(all);
  if (file.service !== null) await probeService(all, file.service);
  await probeChange(all);
  return book.cells;
}

async function probeInfo(server: ProbeServer, book: CellBook, section: string, hasTls: boolean): Promise<void> {
  const client = await ProbeClient.open(server);
  const { auth_required: auth, nonce, tls_available: offered, tls_required: tls, tls_verify: verifies } = client.info;
  book.add(section, "auth_required", flagText(auth));
  book.add(section, "tls_required", flagText(tls));
  if (hasTls) {
    book.add(section, "tls_verify", flagText(verifies));
    book.add(section, "tls_available", flagText(offered));
  }
  book.add(section, "nonce", typeof nonce === "string" ? `of ${nonce.length} letters` : "absent");
  client.destroy();
}

function flagText(flag: unknown): string {
  return flag === undefined ? "absent" : JSON.stringify(flag);
}

async function probeLogins(file: ProbeFile, server: ProbeServer, book: CellBook, section: string): Promise<void> {
  const attempts = file.triesFewLogins ? rightAttempts(file.identities) : attemptsOf(file.identities);
  if (file.proxy !== null) attempts.push(...proxiedAttempts(file.identities, file.proxy));
  const answers = await Promise.all(
    attempts.map(async ({ fields, of = null }) => {
      const client = await ProbeClient.open(server, of);
      const answer = await client.logIn(fields(client.nonce));
      client.destroy();
      return answer;
    }),
  );
  for (const [index, { name }] of attempts.entries()) book.add(section, name, answers[index] as string);
}

async function probeFirstOperations(file: ProbeFile, server: ProbeServer, book: CellBook): Promise<void> {
  const isWebSocket = ["websocket", "wss"].includes(file.doors[0] as Door);
  for (const [name, bytes] of FIRST_OPERATIONS) {
    // What the reference says of it by WebSocket gets lost now and then: it ends the connection at once.
    if (isWebSocket && name === "nonsense") continue;
    const client = await ProbeClient.open(server);
    book.add("first operations", name, await client.say(bytes));
    client.destroy();
  }
}

async function probeRights({ book, file, members, server }: Probe): Promise<void> {
  for (const identity of members) {
    const client = await logIn(server, identity);
    const published = await client.ask(file.literals.map((subject) => publishOf(subject)));
    for (const [index, subject] of file.literals.entries()) {
      book.add(`${nameOf(identity)} publishes`, subject, published[index] as string);
    }
    const wanted = wantedOf(file);
    const subscribed = await client.ask(wanted.map(({ queue, subject }, sid) => subscribeOf(subject, queue, `${sid}`)));
    for (const [index, { queue, subject }] of wanted.entries()) {
      const section = `${nameOf(identity)} subscribes${queue === null ? "" : ` in ${queue}`}`;
      book.add(section, subject, subscribed[index] as string);
    }
    client.destroy();
  }
}

/** Each subscription that is allowed, on a connection of its own; those of groups one after the other. */
async function probeDelivery(all: Probe): Promise<void> {
  const { book, file, members, server } = all;
  const publishers = await Promise.all(members.map((identity) => logIn(server, identity)));
  const plain: Array<{ section: string; client: ProbeClient }> = [];
  const publishAll = async (): Promise<void> => {
    await Promise.all(
      publishers.map((publisher, index) => {
        const name = nameOf(members[index] as Identity);
        return publisher.ask(file.literals.map((subject) => publishOf(subject, `${name}`)));
      }),
    );
  };
  const tell = async (section: string, client: ProbeClient): Promise<void> => {
    await client.settle();
    const senders = sendersBySubject(client);
    for (const subject of file.literals) {
      const from = senders.get(Buffer.from(subject).toString("latin1"));
      if (from !== undefined) book.add(section, subject, `from ${from.join(" and ")}`);
    }
    client.destroy();
  };
  for (const identity of members) {
    for (const wanted of wantedOf(file).filter(({ queue }) => queue === null)) {
      const client = await subscriber(server, identity, wanted);
      if (client !== null) plain.push({ section: `${nameOf(identity)} receives on ${wanted.subject}`, client });
    }
  }
  await publishAll();
  for (const { client, section } of plain) await tell(section, client);
  for (const identity of members) {
    for (const wanted of wantedOf(file).filter(({ queue }) => queue !== null)) {
      const client = await subscriber(server, identity, wanted);
      if (client === null) continue;
      await publishAll();
      await tell(`${nameOf(identity)} receives on ${wanted.subject} in ${wanted.queue}`, client);
    }
  }
  for (const publisher of publishers) publisher.destroy();
}

/** Everybody in one group; the last user publishes. */
async function probeGroup({ book, file, members, server }: Probe, group: Wanted): Promise<void> {
  const joined: Array<readonly [name: string, client: ProbeClient]> = [];
  for (const identity of members) {
    const client = await subscriber(server, identity, group);
    if (client !== null) joined.push([nameOf(identity), client]);
  }
  const publisher = await logIn(server, members.at(-1) as Identity);
  const round = file.literals.map((subject) => publishOf(subject, "x"));
  await publisher.ask(Array.from({ length: GROUP_ROUNDS }, () => round).flat());
  const takers = new Map<string, string[]>(file.literals.map((subject) => [subject, []]));
  for (const [name, client] of joined) {
    await client.settle();
    for (const subject of sendersBySubject(client).keys()) takers.get(subject)?.push(name);
    client.destroy();
  }
  publisher.destroy();
  for (const [subject, names] of takers) {
    const answer = names.length === 0 ? "to nobody" : `to ${names.join(" or ")}`;
    book.add(`group ${group.queue} on ${group.subject}`, subject, answer);
  }
}

/** A connection that has been one user becomes another. */
async function probeChange({ book, file, members, server }: Probe): Promise<void> {
  const [first, second] = members;
  if (first === undefined || second === undefined) return;
  for (const [from, to] of [
    [first, second],
    [second, first],
  ] as const) {
    const section = `${nameOf(from)} becomes ${nameOf(to)}`;
    const client = await logIn(server, from);
    const wanted = wantedOf(file).filter(({ queue }) => queue === null);
    await client.ask(wanted.map(({ subject }, sid) => subscribeOf(subject, null, `${sid}`)));
    book.add(section, "CONNECT", await client.logIn(fieldsOf(to, client.nonce)));
    if (!client.wire.closed) {
      const published = await client.ask(file.literals.map((subject) => publishOf(subject, "x")));
      for (const [at, subject] of file.literals.entries()) book.add(section, `PUB ${subject}`, published[at] as string);
      book.add(section, "messages for what it had subscribed to", String(client.messages.length));
      const subscribed = await client.ask(wanted.map(({ subject }, sid) => subscribeOf(subject, null, `${sid}`)));
      for (const [at, { subject }] of wanted.entries()) book.add(section, `SUB ${subject}`, subscribed[at] as string);
    }
    client.destroy();
  }
}

/** A connection with one subscription; null where that is refused. */
async function subscriber(server: ProbeServer, identity: Identity, wanted: Wanted): Promise<ProbeClient | null> {
  const client = await logIn(server, identity);
  const [answer] = await client.ask([subscribeOf(wanted.subject, wanted.queue, "1")]);
  if (answer === OK) return client;
  client.destroy();
  return null;
}

function wantedOf({ literals, patterns, queues }: ProbeFile): Wanted[] {
  const subjects = new Set([...literals, ...patterns]);
  return [null, ...queues].flatMap((queue) => [...subjects].map((subject) => ({ subject, queue })));
}

/** Subjects that came with a payload of the probe, and who sent them; the servers' own messages are no matter. */
function sendersBySubject(client: ProbeClient): Map<string, string[]> {
  const senders = new Map<string, string[]>();
  for (const { text, words } of client.messages) {
    const subject = words[1] ?? "";
    const payload = /"(.*)"$/.exec(text)?.[1] ?? "";
    if (payload === "" || payload.startsWith("{")) continue;
    const known = senders.get(subject) ?? [];
    if (!known.includes(payload)) known.push(payload);
    senders.set(subject, known.toSorted());
  }
  return senders;
}
