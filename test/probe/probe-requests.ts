// The part of the probe that is about replies: who is told that nobody answers, and who may answer.

import { setTimeout as delay } from "node:timers/promises";
import { nameOf } from "./identity.ts";
import { OK, type ProbeClient, publishOf, REFUSED, subscribeOf } from "./probe-client.ts";
import type { Service } from "./probe-file.ts";
import { logIn, type Probe } from "./probe-parts.ts";

const EXPIRES_AFTER_MS_MAX = 10_000;
const TRY_EVERY_MS = 20;
const NO_RESPONDERS = "NATS/1.0 503";

/** Requests of everybody to every subject, while nobody subscribes, and while a user subscribes to everything he may. */
export async function probeRequests(all: Probe): Promise<void> {
  await askEverySubject(all, "no subscriber");
  const { file, members, server } = all;
  for (const identity of members) {
    const client = await logIn(server, identity);
    const subjects = [...file.literals, ...file.patterns];
    const answers = await client.ask(subjects.map((subject, sid) => subscribeOf(subject, null, `${sid}`)));
    if (answers.includes(OK)) await askEverySubject(all, `${nameOf(identity)} subscribed`);
    client.destroy();
    await untilGone(all);
  }
}

async function askEverySubject({ book, file, members, server }: Probe, when: string): Promise<void> {
  for (const identity of members) {
    const client = await logIn(server, identity);
    const [inbox] = await client.ask([subscribeOf("_INBOX.ask.*", null, "99")]);
    const section = `${nameOf(identity)} requests with ${when}`;
    if (inbox !== OK) book.add(section, "inbox", inbox as string);
    const requests = file.literals.map((subject, at) => publishOf(subject, "", `_INBOX.ask.${at}`));
    const answers = await client.ask(requests);
    await client.settle();
    for (const [at, subject] of file.literals.entries()) {
      const told = client.messages.some(
        ({ text, words }) => words[1] === `_INBOX.ask.${at}` && text.includes(NO_RESPONDERS),
      );
      book.add(section, subject, told ? `${answers[at]} and 503` : (answers[at] as string));
    }
    client.destroy();
  }
}

/** Closing is not confirmed: waits until a request of the first user finds nobody, or finds what is always there. */
async function untilGone({ server, members }: Probe): Promise<void> {
  // A connection that was opened later has been accepted after the end of the one before was read.
  const [identity] = members;
  if (identity === undefined) return;
  const client = await logIn(server, identity);
  await client.close();
}

/** Everybody answers requests that another user sends, more often than allowed perhaps. */
export async function probeService(all: Probe, service: Service): Promise<void> {
  const { members } = all;
  for (const [at, identity] of members.entries()) {
    const asker = members[(at + 1) % members.length];
    if (asker === undefined) continue;
    const responder = await logIn(all.server, identity);
    const requester = await logIn(all.server, asker);
    await answer(all, service, nameOf(identity), { responder, requester });
    responder.destroy();
    requester.destroy();
  }
}

async function answer(
  { book, file, server, members }: Probe,
  service: Service,
  name: string,
  { requester, responder }: { readonly requester: ProbeClient; readonly responder: ProbeClient },
): Promise<void> {
  const section = `${name} responds`;
  const [subscribed] = await responder.ask([subscribeOf(service.subject, service.queue, "1")]);
  book.add(section, "subscription", subscribed as string);
  const [inbox] = await requester.ask([subscribeOf("_INBOX.r.*", null, "1")]);
  book.add(section, "inbox of who asks", inbox as string);
  const before = await responder.ask([publishOf("_INBOX.r.1", "early")]);
  book.add(section, "before it is asked", before[0] as string);
  const [asked] = await requester.ask([
    publishOf(service.subject, "?", "_INBOX.r.1"),
    publishOf(service.subject, "?", "_INBOX.r.2"),
  ]);
  book.add(section, "request", asked as string);
  await responder.settle();
  for (const reply of ["_INBOX.r.1", "_INBOX.r.2", "_INBOX.r.3"]) {
    const answers = await responder.ask(
      Array.from({ length: service.answers }, (_, at) => publishOf(reply, `answer ${at + 1}`)),
    );
    for (const [at, said] of answers.entries()) book.add(section, `answer ${at + 1} to ${reply}`, said);
  }
  await requester.settle();
  for (const { text } of requester.messages) {
    if (text.includes("answer")) book.add(`${section} and this came`, text.replaceAll(", ", ","), "once");
  }
  // Another connection of the same user has not been asked.
  const identity = members.find((member) => nameOf(member) === name);
  if (identity !== undefined) {
    const other = await logIn(server, identity);
    const [said] = await other.ask([publishOf("_INBOX.r.2", "other")]);
    book.add(section, "from another connection", said as string);
    other.destroy();
  }
  if (file.expires) await untilRefused(section, { book, responder, requester, service });
}

async function untilRefused(
  section: string,
  use: {
    readonly book: Probe["book"];
    readonly responder: ProbeClient;
    readonly requester: ProbeClient;
    readonly service: Service;
  },
): Promise<void> {
  const { book, requester, responder, service } = use;
  await requester.ask([publishOf(service.subject, "?", "_INBOX.r.9")]);
  await responder.settle();
  const [first] = await responder.ask([publishOf("_INBOX.r.9", "x")]);
  book.add(section, "at once", first as string);
  if (first !== OK) return;
  const deadline = Date.now() + EXPIRES_AFTER_MS_MAX;
  let said: string | undefined = first;
  while (said === OK && Date.now() < deadline) {
    await delay(TRY_EVERY_MS);
    [said] = await responder.ask([publishOf("_INBOX.r.9", "x")]);
  }
  book.add(section, "in the end", said === REFUSED ? REFUSED : String(said));
}
