// Makes random reloads: a server with users, clients of theirs who subscribe, and the configurations that it is given while they
// are there. Everything follows from the seed.
//
// Left out is what Myelin does otherwise on purpose (docs/compatibility.md): a single user instead of a list, a password of
// no_auth_user that changes, and `>` under what is allowed with `*` only.

import type { SimRandom } from "@myelin/platform/sim";

/** One client: what it says when it comes. */
export interface PairClient {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Publishes of clients, after the start or after a reload. */
export type Publishes = ReadonlyArray<{ readonly client: string; readonly subject: string }>;

/** A server and what is done to it. */
export interface ReloadPair {
  readonly before: string;
  readonly clients: readonly PairClient[];
  /** One after the other. */
  readonly reloads: ReadonlyArray<{ readonly configuration: string; readonly publishes: Publishes }>;
}

const USERS = ["u1", "u2", "u3", "u4"];
const PATTERNS = ["foo", "bar", "foo.*", "foo.a", "foo.a.b", "bar.b", "*.a"];
const SUBJECTS = ["foo", "bar", "foo.a", "bar.b"];
/** Of "hashed". */
const HASH = '"$2a$04$f9.SULZAKZaUbonuSr3Fb.hrHgvnIFANWFCjkBuxDtYC32LV8G4ji"';
const RELOADS = 3;

/** Makes one pair after the other. */
export class PairMaker {
  readonly #random: SimRandom;
  #noAuthUser: string | null = null;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  /** The next one. */
  pair(): ReloadPair {
    this.#noAuthUser = this.#chance(0.4) ? this.#pick(USERS) : null;
    const before = this.#configuration(this.#noAuthUser !== null);
    const names = ["a", "b", "c", "d", "e"].slice(0, 2 + this.#below(4));
    const clients = names.map((name) => ({ name, lines: this.#firstLines() }));
    const reloads = Array.from({ length: RELOADS }, () => ({
      configuration: `${this.#configuration(this.#noAuthUser !== null && this.#chance(0.85))}${this.#fault()}`,
      publishes: names.filter(() => this.#chance(0.7)).map((client) => ({ client, subject: this.#pick(SUBJECTS) })),
    }));
    return { before, clients, reloads };
  }

  /** What makes a configuration one that cannot be taken, now and then. */
  #fault(): string {
    return this.#chance(0.1) ? `\n${this.#pick(["server_name: other", "nonsense: 1", "max_pending: 2000000"])}` : "";
  }

  #firstLines(): string[] {
    const user = `,"user":"${this.#pick(USERS)}","pass":"${this.#chance(0.8) ? "p" : "hashed"}"`;
    const credentials = this.#chance(0.25) ? "" : this.#chance(0.1) ? ',"auth_token":"p"' : user;
    const connect = this.#chance(0.9) ? [`CONNECT {"verbose":false${credentials}}`] : [];
    return [...connect, `SUB ${this.#pick(PATTERNS)} ${this.#chance(0.2) ? "q " : ""}1`];
  }

  /** @param hasNoAuthUser - Whether `no_auth_user` is named, which is only right where he is among the users. */
  #configuration(hasNoAuthUser: boolean): string {
    const accounts = new Map<string, string[]>([
      ["$G", []],
      ["A", []],
      ["B", []],
    ]);
    const places = [...accounts.keys()];
    for (const name of USERS) {
      const isNeeded = hasNoAuthUser && name === this.#noAuthUser;
      if (isNeeded || this.#chance(0.8)) accounts.get(this.#pick(places))?.push(this.#user(name));
    }
    const global = accounts.get("$G") ?? [];
    accounts.delete("$G");
    const blocks = [...accounts].map(([name, users]) => `${name} { users: [ ${users.join(", ")} ] }`);
    const defaults = this.#chance(0.2) ? `default_permissions: ${this.#permissions()}, ` : "";
    const parts = [`accounts { ${blocks.join(", ")} }`];
    if (global.length > 0) parts.push(`authorization { ${defaults}users: [ ${global.join(", ")} ] }`);
    if (hasNoAuthUser) parts.push(`no_auth_user: ${this.#noAuthUser}`);
    if (this.#chance(0.2)) parts.push(`max_payload: ${this.#pick(["1", "3", "1000"])}`);
    return parts.join("\n");
  }

  #user(name: string): string {
    const isPlain = name === this.#noAuthUser || this.#chance(0.7);
    const password = isPlain ? "p" : this.#pick(["q", HASH]);
    const permissions = this.#chance(0.5) ? `, permissions: ${this.#permissions()}` : "";
    const types = name !== this.#noAuthUser && this.#chance(0.1) ? ", allowed_connection_types: [WEBSOCKET]" : "";
    return `{ user: ${name}, password: ${password}${permissions}${types} }`;
  }

  #permissions(): string {
    const subscribe = this.#chance(0.6) ? [`subscribe: ${this.#side()}`] : [];
    const publish = this.#chance(0.5) ? [`publish: ${this.#side()}`] : [];
    return `{ ${[...subscribe, ...publish].join(", ")} }`;
  }

  #side(): string {
    if (this.#chance(0.4)) return this.#patterns();
    const allow = this.#chance(0.5) ? `allow: ${this.#patterns()}, ` : "";
    return `{ ${allow}deny: ${this.#patterns()} }`;
  }

  #patterns(): string {
    return `[${Array.from({ length: 1 + this.#below(3) }, () => `"${this.#pick(PATTERNS)}"`).join(", ")}]`;
  }

  #chance(share: number): boolean {
    return this.#random.uint32() < share * 2 ** 32;
  }

  #below(end: number): number {
    return this.#random.uint32() % end;
  }

  #pick<Value>(from: readonly Value[]): Value {
    return from[this.#below(from.length)] as Value;
  }
}
