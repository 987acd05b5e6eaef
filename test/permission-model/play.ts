// Plays a scenario against a server, and compares everything that happened with what the oracle says must happen.

import type { RunningServer } from "../support/target.ts";
import { WireClient } from "../support/wire-client.ts";
import { isCoveredBySomething, matches, mayPublish, mayReceive, maySubscribe, type Reading } from "./oracle.ts";
import { type Published, type Rules, type Scenario, userName, type Wanted } from "./world.ts";

const OK = "+OK";

/** What a play found. */
export interface Outcome {
  /** Questions that were asked: may it be published, subscribed to, received. */
  readonly cases: number;
  /** Where server and oracle are not of one mind. */
  readonly faults: readonly string[];
}

interface Delivery {
  readonly sid: number;
  readonly message: number;
  readonly user: number;
}

/** Plays one scenario. */
export async function playScenario(scenario: Scenario, server: RunningServer, reading: Reading): Promise<Outcome> {
  const clients = await Promise.all(scenario.users.map((_, user) => logIn(scenario, server, user)));
  try {
    return await new Play(scenario, clients, reading).run();
  } finally {
    for (const client of clients) client.destroy();
  }
}

class Play {
  readonly #scenario: Scenario;
  readonly #clients: readonly WireClient[];
  readonly #reading: Reading;
  readonly #faults: string[] = [];
  #cases = 0;

  constructor(scenario: Scenario, clients: readonly WireClient[], reading: Reading) {
    this.#scenario = scenario;
    this.#clients = clients;
    this.#reading = reading;
  }

  async run(): Promise<Outcome> {
    const { published, wanted } = this.#scenario;
    const subscribed = await this.#each(wanted, ({ queue, subject }, sid) => {
      return `SUB ${subject} ${queue === null ? "" : `${queue} `}${sid}\r\n`;
    });
    for (const [sid, one] of wanted.entries()) {
      const may = maySubscribe(this.#rules(one.user), one.subject, one.queue, this.#reading);
      this.#same(subscribed[sid] === OK, may, () => `${this.#nameOf(one)} was answered ${subscribed[sid]}`);
    }
    const accepted = await this.#each(published, ({ isRequest, subject }, number) => {
      const payload = `${number}`;
      return `PUB ${subject} ${isRequest ? `reply.${number} ` : ""}${payload.length}\r\n${payload}\r\n`;
    });
    await Promise.all(this.#clients.map((client) => client.settle()));
    const deliveries = this.#deliveries();
    for (const [number, message] of published.entries()) {
      const may = mayPublish(this.#rules(message.user), message.subject);
      this.#same(
        accepted[number] === OK,
        may,
        () => `${this.#nameOfMessage(message)} was answered ${accepted[number]}`,
      );
      this.#checkDeliveries(
        number,
        message,
        may,
        subscribed,
        deliveries.filter((one) => one.message === number),
      );
    }
    await this.#checkResponses(deliveries);
    return { cases: this.#cases, faults: this.#faults };
  }

  #checkDeliveries(
    number: number,
    message: Published,
    wasSent: boolean,
    subscribed: readonly string[],
    deliveries: readonly Delivery[],
  ): void {
    const { wanted } = this.#scenario;
    const eligible = new Map<string, number[]>();
    for (const [sid, one] of wanted.entries()) {
      const isAsked = wasSent && subscribed[sid] === OK && matches(one.subject, message.subject);
      const may = isAsked && mayReceive(this.#rules(one.user), message.subject, one.queue);
      const got = deliveries.filter((delivery) => delivery.sid === sid && delivery.user === one.user).length;
      const about = (): string => `${this.#nameOf(one)} got message ${number} (${message.subject}) ${got} times`;
      // Only what is allowed in so many words may arrive, whatever the subscription was taken for.
      const isCovered =
        this.#reading.starCoversRest || isCoveredBySomething(this.#rules(one.user), message.subject, one.queue);
      if (got > 0) this.#same(isCovered, true, about);
      if (one.queue === null) this.#same(got, may ? 1 : 0, about);
      else if (!may) this.#same(got, 0, about);
      else eligible.set(one.queue, [...(eligible.get(one.queue) ?? []), got]);
    }
    for (const [queue, got] of eligible) {
      const total = got.reduce((sum, count) => sum + count, 0);
      this.#same(total, 1, () => `the group ${queue} got message ${number} (${message.subject}) ${total} times`);
    }
  }

  /** Everybody responds to every request that reached him once: as often as he may, and once more. */
  async #checkResponses(deliveries: readonly Delivery[]): Promise<void> {
    const { published, users } = this.#scenario;
    const tries: Array<{ user: number; reply: string; attempt: number; wasAsked: boolean }> = [];
    for (const [number, { isRequest }] of published.entries()) {
      if (!isRequest) continue;
      for (const [user, { responses }] of users.entries()) {
        const times = deliveries.filter((one) => one.message === number && one.user === user).length;
        if (times > 1) continue; // one reply subject for several requests is another matter
        for (let attempt = 1; attempt <= (responses ?? 0) + 1; attempt++) {
          tries.push({ user, reply: `reply.${number}`, attempt, wasAsked: times === 1 });
        }
      }
    }
    const answers = await this.#each(tries, ({ reply }) => `PUB ${reply} 0\r\n\r\n`);
    for (const [at, { attempt, reply, user, wasAsked }] of tries.entries()) {
      const rules = this.#rules(user);
      const may = mayPublish(rules, reply) || (wasAsked && rules.responses !== null && attempt <= rules.responses);
      this.#same(answers[at] === OK, may, () => {
        return `response ${attempt} of ${this.#userText(user)} to ${reply} (asked: ${wasAsked}) was answered ${answers[at]}`;
      });
    }
  }

  /** Sends an operation for each item, on its user's connection; the answers in the order of the items. */
  async #each<T extends { readonly user: number }>(
    items: readonly T[],
    operation: (item: T, index: number) => string,
  ): Promise<string[]> {
    const answers: string[] = new Array<string>(items.length).fill("");
    await Promise.all(
      this.#clients.map(async (client, user) => {
        const own = [...items.entries()].filter(([, item]) => item.user === user);
        const from = client.received.lines.length;
        await client.send(Buffer.from(own.map(([index, item]) => operation(item, index)).join("")));
        await client.settle();
        const said = client.received.lines.slice(from).filter((line) => line.kind === "other");
        for (const [at, [index]] of own.entries()) answers[index] = said[at]?.text ?? "nothing";
        this.#same(said.length, own.length, () => `${own.length} operations had ${said.length} answers`);
      }),
    );
    return answers;
  }

  #deliveries(): Delivery[] {
    return this.#clients.flatMap((client, user) => {
      const messages = client.received.lines.filter((line) => line.kind === "msg" && /"\d+"$/.test(line.text));
      return messages.map(({ text, words }) => {
        return { sid: Number(words[2]), message: Number(/"(\d+)"$/.exec(text)?.[1]), user };
      });
    });
  }

  #rules(user: number): Rules {
    return this.#scenario.users[user] as Rules;
  }

  #nameOf({ queue, subject, user }: Wanted): string {
    return `SUB ${subject}${queue === null ? "" : ` ${queue}`} of ${this.#userText(user)}`;
  }

  #nameOfMessage({ subject, user }: Published): string {
    return `PUB ${subject} of ${this.#userText(user)}`;
  }

  #userText(user: number): string {
    return `${userName(this.#scenario, user)} ${JSON.stringify(this.#rules(user))}`;
  }

  #same<T>(actual: T, expected: T, about: () => string): void {
    this.#cases++;
    if (actual !== expected) this.#faults.push(`${about()}: ${String(actual)}, not ${String(expected)}`);
  }
}

async function logIn(scenario: Scenario, server: RunningServer, user: number): Promise<WireClient> {
  const client = await WireClient.connect(userName(scenario, user), server.wires);
  if (scenario.turncoats.includes(user)) {
    await connectAs(client, userName(scenario, (user + 1) % scenario.users.length));
    // With what he was he takes along whatever could be remembered: verdicts, filters, grants.
    await client.send(Buffer.from("SUB > 9001\r\nSUB a.* 9002\r\nSUB a.> q 9003\r\nPUB a.b 0\r\n\r\nPUB b 0\r\n\r\n"));
    await client.settle();
  }
  await connectAs(client, userName(scenario, user));
  return client;
}

async function connectAs(client: WireClient, name: string): Promise<void> {
  const connect = { verbose: true, pedantic: false, protocol: 0, user: name, pass: name };
  await client.send(Buffer.from(`CONNECT ${JSON.stringify(connect)}\r\n`));
  await client.settle();
  if (client.closed) throw new Error(`${name} was not let in`);
}
