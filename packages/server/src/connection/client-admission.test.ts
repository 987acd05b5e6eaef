// What a reload asks of clients, with answers that come when the test wants it, and time that it holds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { latin1Bytes } from "@myelin/protocol";
import type { Admission } from "../auth/admission.ts";
import { TooManyLoginsError } from "../auth/bcrypt-queue.ts";
import type { PermissionOptions } from "../auth/permission-options.ts";
import { Permissions } from "../auth/permissions.ts";
import { completeOptions } from "../options.ts";
import { Account } from "../routing/account.ts";
import type { Authenticator } from "./context.ts";
import { settle, startLoneConnection } from "./fixtures/lone-connection.ts";

const ACCOUNT = new Account("A", 1);
const GLOBAL = new Account("$G", 1);
const QUIET = 'CONNECT {"verbose":false,"pedantic":false,"user":"u","pass":"p"}\r\n';

function admission(more: Partial<Admission> = {}): Admission {
  return { account: ACCOUNT, userName: "u", permissions: null, deadlineMs: null, ...more };
}

function permissions(options: Partial<PermissionOptions>): Permissions | null {
  return Permissions.of({ publish: null, subscribe: null, responses: null, ...options }, new SimRandom(1));
}

/** Answers when it is told to. */
class Oracle implements Authenticator {
  readonly asks: boolean;
  readonly required: boolean;
  readonly usesNonce: boolean = false;
  /** How often it was asked by a CONNECT, and again. */
  asked = 0;
  askedAgain = 0;
  assumed: Admission | null;
  names: Account | null = ACCOUNT;
  /** Null: it answers by {@link say}. */
  readonly #answer: { readonly now: Admission | null } | null;
  #say!: (answer: Admission | null) => void;

  /** @param asks - False: it takes everybody for somebody of the global account. */
  constructor(answer: { readonly now: Admission | null } | null, asks = true) {
    this.#answer = answer;
    this.asks = this.required = asks;
    this.assumed = asks ? null : admission({ account: GLOBAL, userName: "" });
  }

  assume(): Admission | null {
    return this.assumed;
  }

  authenticate(): Admission | null | Promise<Admission | null> {
    this.asked++;
    return this.#reply();
  }

  authenticateAgain(): Admission | null | Promise<Admission | null> {
    this.askedAgain++;
    return this.#reply();
  }

  knows(_identity: string, account: Account): boolean {
    return account === this.names;
  }

  /** Answers the last question, and lets everything that follows happen. */
  async say(answer: Admission | null): Promise<void> {
    this.#say(answer);
    await settle();
  }

  #reply(): Admission | null | Promise<Admission | null> {
    if (this.#answer !== null) return this.#answer.now;
    return new Promise((resolve) => {
      this.#say = resolve;
    });
  }
}

const lets = (more: Partial<Admission> = {}): Oracle => new Oracle({ now: admission(more) });
const refuses = (): Oracle => new Oracle({ now: null });
const waits = (): Oracle => new Oracle(null);

function connect(authenticator: Authenticator) {
  const options = completeOptions({ authTimeoutMs: 2_000 });
  const lone = startLoneConnection({ options, authenticator, globalAccount: GLOBAL });
  const { clock, connection, context, gone, peer, published } = lone;
  /** Replaces who says who may come in, where the turn of the connection has not come. */
  const reloadLater = (next: Authenticator): void => {
    connection.authorizeLater(context.authenticator);
    Object.assign(context, { authenticator: next });
  };
  /** The same, and its turn comes. Gives what the client is sent at once. */
  const reload = (next: Authenticator): Promise<string> =>
    peer.during(() => {
      reloadLater(next);
      connection.authorizeAgain();
    });
  const send = (text: string): Promise<string> => peer.send(text);
  return { clock, connection, gone, published, reload, reloadLater, send, said: () => peer.text };
}

const VIOLATION = "-ERR 'Authorization Violation'\r\n";

test("an answer that comes after a reload does not count: the new rules are asked", async () => {
  const [before, after] = [waits(), refuses()];
  const client = connect(before);
  await client.send(`${QUIET}PUB a 1\r\nx\r\n`);
  await client.reload(after);
  assert.deepEqual([client.gone, after.asked], [[], 0], "who waits is not asked for twice");
  await before.say(admission());
  assert.deepEqual([client.gone, after.asked, client.published], [["AUTHENTICATION_FAILURE"], 1, []]);
  assert.equal(client.said(), VIOLATION);
});

test("a rejection that comes after a reload does not count either", async () => {
  const [before, after] = [waits(), waits()];
  const client = connect(before);
  await client.send(`${QUIET}SUB a 1\r\n`);
  await client.reload(after);
  await before.say(null);
  assert.deepEqual(client.gone, []);
  assert.equal(client.connection.subscriptions.size, 0, "nothing is read before the second answer");
  await after.say(admission());
  assert.equal(client.connection.subscriptions.size, 1);
  assert.equal(client.connection.userName, "u");
});

test("a client that is asked for again is read no further until the answer is there, and goes on where it was", async () => {
  const client = connect(lets());
  await client.send(`${QUIET}SUB a 1\r\n`);
  const after = waits();
  await client.reload(after);
  await client.send("PUB a 1\r\nx\r\nPING\r\n");
  assert.deepEqual(client.published, []);
  await after.say(admission());
  assert.deepEqual(client.published, ["a"]);
  assert.match(client.said(), /^PONG\r\n/);
  assert.deepEqual([client.gone, client.connection.subscriptions.size], [[], 1]);
});

test("a client is not asked for longer than authentication may take", async () => {
  const client = connect(lets());
  await client.send(QUIET);
  const after = waits();
  await client.reload(after);
  client.clock.advance(1_999);
  assert.deepEqual(client.gone, []);
  client.clock.advance(1);
  assert.deepEqual(client.gone, ["AUTHENTICATION_TIMEOUT"]);
  await after.say(admission());
  assert.deepEqual(client.gone, ["AUTHENTICATION_TIMEOUT"]);
});

test("a client that cannot be checked in time, since too many others wait, hears just that", async () => {
  const crowded = waits();
  crowded.authenticate = () => Promise.reject(new TooManyLoginsError());
  const client = connect(crowded);
  // Not that its credentials were wrong: who hears that twice may not come back.
  assert.equal(await client.send(`${QUIET}PUB a 1\r\nx\r\n`), "-ERR 'Authentication Timeout'\r\n");
  assert.deepEqual([client.gone, client.published], [["AUTHENTICATION_TIMEOUT"], []]);
});

test("reloads that come faster than answers: the last one counts", async () => {
  const client = connect(lets());
  await client.send(QUIET);
  const [first, second, third] = [waits(), waits(), lets()];
  await client.reload(first);
  await client.reload(second);
  await client.reload(third);
  assert.deepEqual([first.askedAgain, second.asked + second.askedAgain, third.asked + third.askedAgain], [1, 0, 0]);
  await first.say(null);
  assert.deepEqual([client.gone, second.asked, third.asked], [[], 0, 1]);
  // The time for the answer is over with it.
  client.clock.advance(10_000);
  assert.deepEqual(client.gone, []);
});

test("a wait for the next turn does not end the wait for an answer", async () => {
  const client = connect(lets());
  await client.send(QUIET);
  const after = waits();
  client.connection.yieldTurn();
  await client.reload(after);
  await client.send("PUB a 1\r\nx\r\n");
  assert.deepEqual(client.published, []);
  await after.say(admission());
  assert.equal(client.connection.traffic.inMsgs, 1);
});

test("what a client sends before it is asked for again is judged by the new rules", async () => {
  const client = connect(lets());
  await client.send(`${QUIET}SUB a 1\r\nPUB a 1\r\nx\r\n`);
  const narrow = lets({
    permissions: permissions({ publish: { allow: ["b"], deny: [] }, subscribe: { allow: ["b"], deny: [] } }),
  });
  client.reloadLater(narrow);
  assert.equal(client.connection.subscriptions.size, 1, "its turn has not come");
  assert.equal(
    await client.send("SUB c 2\r\nPUB a 1\r\nx\r\nPUB b 1\r\nx\r\n"),
    `-ERR 'Permissions Violation for Subscription to "a" (sid "1")'\r\n` +
      `-ERR 'Permissions Violation for Subscription to "c"'\r\n-ERR 'Permissions Violation for Publish to "a"'\r\n`,
  );
  assert.equal(client.connection.subscriptions.size, 0);
  assert.deepEqual([narrow.askedAgain, client.connection.authorizeAgain()], [1, false], "it is asked for once");
});

test("nothing is read of a client that would not be let in any more, before it is asked for again", async () => {
  const refused = connect(lets());
  await refused.send(`${QUIET}SUB a 1\r\n`);
  refused.reloadLater(refuses());
  assert.equal(await refused.send("PUB a 1\r\nx\r\n"), VIOLATION);
  assert.deepEqual([refused.gone, refused.published], [["AUTHENTICATION_FAILURE"], []]);

  const waiting = connect(lets());
  await waiting.send(`${QUIET}SUB a 1\r\n`);
  const after = waits();
  waiting.reloadLater(after);
  await waiting.send("PUB a 1\r\nx\r\n");
  assert.deepEqual(waiting.published, []);
  await after.say(admission());
  assert.deepEqual(waiting.published, ["a"]);
});

test("what is left of a read that gave others their turn is judged by the new rules", async () => {
  const client = connect(lets());
  await client.send(QUIET);
  const subs = Array.from({ length: 600 }, (_, at) => `SUB a.${at} ${at}\r\n`).join("");
  const bytes = latin1Bytes(`${subs}PUB a.1 1\r\nx\r\n`);
  client.connection.received(bytes, 0, bytes.length);
  client.reloadLater(refuses());
  await settle();
  assert.deepEqual([client.gone, client.published], [["AUTHENTICATION_FAILURE"], []]);
});

test("a client whose turn did not come between two reloads is asked for once, by the later rules", async () => {
  const first = lets();
  const client = connect(first);
  await client.send(QUIET);
  const [second, third] = [refuses(), lets()];
  let previous: Authenticator | null = null;
  third.authenticateAgain = (_connect?: unknown, _connection?: unknown, from?: Authenticator) => {
    previous = from ?? null;
    return admission();
  };
  client.reloadLater(second);
  client.reloadLater(third);
  assert.equal(client.connection.authorizeAgain(), true);
  assert.equal(previous, first, "the second has let nobody in");
  assert.deepEqual([client.gone, second.askedAgain], [[], 0]);
});

test("a client that waits for an answer when the rules change is asked for when that comes, and not again", async () => {
  const [before, after] = [waits(), lets()];
  const client = connect(before);
  await client.send(`${QUIET}PUB a 1\r\nx\r\n`);
  client.reloadLater(after);
  await before.say(admission());
  assert.deepEqual([client.connection.authorizeAgain(), after.asked, after.askedAgain], [false, 1, 0]);
});

test("an authentication that throws costs the client, and nothing else", async () => {
  const client = connect(lets());
  await client.send(QUIET);
  const broken = lets();
  broken.authenticateAgain = () => {
    throw new Error("a bug");
  };
  await client.reload(broken);
  assert.deepEqual(client.gone, ["INTERNAL_ERROR"]);
});

for (const { title, next, names, reason, said } of [
  {
    title: "one who is refused, and whose user is there, is told",
    next: refuses(),
    names: ACCOUNT,
    reason: "AUTHENTICATION_FAILURE",
    said: VIOLATION,
  },
  { title: "one whose user is gone is not told", next: refuses(), names: null, reason: "CLIENT_CLOSED", said: "" },
  {
    title: "one whose user is in another account is not told",
    next: refuses(),
    names: GLOBAL,
    reason: "CLIENT_CLOSED",
    said: "",
  },
  {
    title: "one who would be in another account is closed",
    next: lets({ account: GLOBAL }),
    names: GLOBAL,
    reason: "CLIENT_CLOSED",
    said: "",
  },
]) {
  test(`after a reload ${title}`, async () => {
    const client = connect(lets());
    await client.send(`${QUIET}SUB a 1\r\n`);
    next.names = names;
    assert.equal(await client.reload(next), said);
    assert.deepEqual(client.gone, [reason]);
    assert.equal(client.connection.subscriptions.size, 0);
  });
}

test("after a reload time that is over ends the connection, and time that is left ends it later", async () => {
  const client = connect(lets());
  await client.send(QUIET);
  await client.reload(lets({ deadlineMs: client.clock.wallMs() + 700 }));
  client.clock.advance(699);
  assert.deepEqual(client.gone, []);
  client.clock.advance(1);
  assert.deepEqual(client.gone, ["AUTHENTICATION_EXPIRED"]);

  const late = connect(lets({ deadlineMs: 1e15 }));
  await late.send(QUIET);
  assert.equal(await late.reload(lets({ deadlineMs: late.clock.wallMs() })), "-ERR 'User Authentication Expired'\r\n");
  assert.deepEqual(late.gone, ["AUTHENTICATION_EXPIRED"]);

  const freed = connect(lets({ deadlineMs: late.clock.wallMs() + 1_000 }));
  await freed.send(QUIET);
  await freed.reload(lets());
  freed.clock.advance(1_500);
  assert.deepEqual(freed.gone, []);
});

test("replies that a client owes stay owed while its permissions are the same", async () => {
  const responder = { subscribe: { allow: ["svc"], deny: [] }, responses: { max: 1, expiresMs: 60_000 } };
  const client = connect(lets({ permissions: permissions(responder) }));
  await client.send(`${QUIET}SUB svc 1\r\n`);
  const before = client.connection.rights;
  await client.reload(lets({ permissions: permissions(responder) }));
  assert.equal(client.connection.rights, before);
  await client.reload(lets({ permissions: permissions({ ...responder, publish: { allow: ["x"], deny: [] } }) }));
  assert.notEqual(client.connection.rights, before);
});

test("a client that has said nothing yet is held to the new rules when it does", async () => {
  const free = connect(new Oracle({ now: admission({ account: GLOBAL }) }, false));
  const strict = refuses();
  assert.equal(await free.reload(strict), "");
  assert.deepEqual(free.gone, []);
  assert.equal(await free.send("PING\r\n"), VIOLATION);

  const slow = connect(new Oracle({ now: admission({ account: GLOBAL }) }, false));
  await slow.reload(refuses());
  slow.clock.advance(2_000);
  assert.deepEqual(slow.gone, ["AUTHENTICATION_TIMEOUT"]);

  const freed = connect(refuses());
  await freed.reload(new Oracle({ now: admission({ account: GLOBAL }) }, false));
  freed.clock.advance(2_500);
  assert.match(await freed.send("PING\r\n"), /PONG\r\n$/);
  assert.deepEqual(freed.gone, []);
});

test("a client that has acted as nobody, or as somebody who is gone, does not stay", async () => {
  const nobody = connect(new Oracle({ now: null }, false));
  await nobody.send("SUB a 1\r\n");
  assert.equal(await nobody.reload(refuses()), VIOLATION);
  assert.deepEqual(nobody.gone, ["AUTHENTICATION_FAILURE"]);

  const open = (): Oracle => Object.assign(refuses(), { assumed: admission() });
  const somebody = connect(open());
  await somebody.send("SUB a 1\r\n");
  assert.equal(await somebody.reload(open()), "");
  assert.deepEqual(somebody.gone, []);
  assert.equal(await somebody.reload(refuses()), "");
  assert.deepEqual(somebody.gone, ["CLIENT_CLOSED"]);
  assert.equal(somebody.connection.subscriptions.size, 0);
});
