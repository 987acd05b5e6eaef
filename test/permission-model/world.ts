// Makes up users with permissions, and what they do. The same seed gives the same world. A world is one configuration for many
// scenarios, each in an account of its own, so that one start of a server serves them all.

import type { Random } from "@myelin/platform";

/** An entry of a subscribe list, or of a publish list, which has no queue. */
export interface Entry {
  readonly subject: string;
  readonly queue: string | null;
}

/** Null: nothing is said. */
export interface List {
  readonly allow: readonly Entry[] | null;
  readonly deny: readonly Entry[];
}

/** What one user may do. */
export interface Rules {
  readonly publish: List | null;
  readonly subscribe: List | null;
  /** Responses to each request; null: none are allowed beside what `publish` says. */
  readonly responses: number | null;
}

/** A subscription that a user asks for; its number is its sid. */
export interface Wanted {
  readonly user: number;
  readonly subject: string;
  readonly queue: string | null;
}

/** A message that a user publishes; its number is its payload. */
export interface Published {
  readonly user: number;
  readonly subject: string;
  /** Whether it asks for replies. */
  readonly isRequest: boolean;
}

/** Users of one account, and what they do. */
export interface Scenario {
  readonly account: string;
  readonly users: readonly Rules[];
  /** Users whose connection was somebody else's before, with subscriptions of his. */
  readonly turncoats: readonly number[];
  readonly wanted: readonly Wanted[];
  readonly published: readonly Published[];
}

const TOKENS = ["a", "b", "c"];
const QUEUES = ["q", "q.a", "r"];
const QUEUE_PATTERNS = [...QUEUES, "q.*", "*", ">"];
const USERS = 3;

/** Makes scenarios. */
export class WorldMaker {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  scenarios(count: number): Scenario[] {
    return Array.from({ length: count }, (_, number) => this.#scenario(`A${number}`));
  }

  #scenario(account: string): Scenario {
    const users = Array.from({ length: USERS }, () => this.#rules());
    const anybody = (): number => this.#below(USERS);
    return {
      account,
      users,
      turncoats: users.map((_, user) => user).filter(() => this.#rarely(5)),
      wanted: Array.from({ length: 3 + this.#below(10) }, () => ({
        user: anybody(),
        subject: this.#pattern(),
        queue: this.#rarely(3) ? this.#one(QUEUES) : null,
      })),
      published: Array.from({ length: 12 }, () => ({
        user: anybody(),
        subject: this.#literal(),
        isRequest: this.#rarely(3),
      })),
    };
  }

  #rules(): Rules {
    const publish = this.#rarely(3) ? null : this.#list(false);
    const subscribe = this.#rarely(4) ? null : this.#list(true);
    return { publish, subscribe, responses: this.#rarely(3) ? 1 + this.#below(2) : null };
  }

  #list(withQueues: boolean): List {
    const entries = (count: number): Entry[] => Array.from({ length: count }, () => this.#entry(withQueues));
    const kind = this.#below(4);
    return {
      allow: kind === 0 ? null : entries(this.#rarely(20) ? 0 : 1 + this.#below(4)),
      deny: kind === 1 ? [] : entries(1 + this.#below(3)),
    };
  }

  #entry(withQueues: boolean): Entry {
    return { subject: this.#pattern(), queue: withQueues && this.#rarely(3) ? this.#one(QUEUE_PATTERNS) : null };
  }

  #pattern(): string {
    const tokens = Array.from({ length: 1 + this.#below(3) }, () => (this.#rarely(3) ? "*" : this.#one(TOKENS)));
    if (this.#rarely(4)) tokens.push(">");
    if (this.#rarely(25)) return ">";
    return tokens.join(".");
  }

  #literal(): string {
    return Array.from({ length: 1 + this.#below(4) }, () => this.#one(TOKENS)).join(".");
  }

  #below(end: number): number {
    return this.#random.uint32() % end;
  }

  #rarely(times: number): boolean {
    return this.#below(times) === 0;
  }

  #one<T>(values: readonly T[]): T {
    return values[this.#below(values.length)] as T;
  }
}

/** The name, and password, of a user. */
export function userName({ account }: Scenario, user: number): string {
  return `${account}-${user}`;
}

/** The configuration of a server for scenarios. */
export function configurationOf(scenarios: readonly Scenario[]): string {
  const accounts = scenarios.map((scenario) => {
    const users = scenario.users.map((rules, user) => {
      const name = userName(scenario, user);
      return `    { user: ${name}, password: ${name}, permissions: ${permissionsText(rules)} }`;
    });
    return `  ${scenario.account} { users: [\n${users.join("\n")}\n  ] }`;
  });
  return `accounts {\n${accounts.join("\n")}\n}\n`;
}

function permissionsText({ publish, responses, subscribe }: Rules): string {
  const parts: string[] = [];
  if (publish !== null) parts.push(`publish: ${listText(publish)}`);
  if (subscribe !== null) parts.push(`subscribe: ${listText(subscribe)}`);
  if (responses !== null) parts.push(`allow_responses: { max: ${responses}, expires: "10m" }`);
  return `{ ${parts.join(", ")} }`;
}

function listText({ allow, deny }: List): string {
  const text = (entries: readonly Entry[]): string => {
    return `[ ${entries.map(({ queue, subject }) => JSON.stringify(queue === null ? subject : `${subject} ${queue}`)).join(", ")} ]`;
  };
  const allowText = allow === null ? "" : `allow: ${text(allow)}, `;
  return `{ ${allowText}deny: ${text(deny)} }`;
}
