// Who a client says it is: the right ways of a configuration, and the wrong ones that belong to them.

import { signAsTestKey, TEST_USER_KEYS } from "../support/test-key.ts";

/** Somebody whom a configuration lets in. */
export type Identity =
  | { readonly kind: "nobody" }
  | { readonly kind: "user"; readonly user: string; readonly pass: string }
  | { readonly kind: "nkey"; readonly key: number }
  | { readonly kind: "token"; readonly token: string }
  | {
      readonly kind: "certificate";
      readonly certificate: string;
      /** Null: CONNECT says nothing. */
      readonly user: string | null;
      readonly pass: string;
    }
  | { readonly kind: "cookies"; readonly cookies: string };

/** Fields of CONNECT. */
export type Fields = Readonly<Record<string, unknown>>;

/** A way to log in; the nonce is what INFO gave. */
export interface Attempt {
  readonly name: string;
  /** Whose certificate or cookies come along; absent for nobody's. */
  readonly of?: Identity;
  readonly fields: (nonce: string) => Fields;
}

const STRANGER_KEY = 3;
const HASHED = "$2a$04$zsNfrs8L4JMakuPNGZ/8wepDkE2gN9Mq1M4QaGBi5Ca5gU.nbKYvK";

/** What an identity is called in the answers. */
export function nameOf(identity: Identity): string {
  if (identity.kind === "user") return identity.user;
  if (identity.kind === "nkey") return `nkey ${identity.key}`;
  if (identity.kind === "cookies") return `cookies ${identity.cookies}`;
  if (identity.kind === "certificate") {
    const { certificate, pass, user } = identity;
    return user === null ? `certificate ${certificate}` : `certificate ${certificate} and user ${user} with ${pass}`;
  }
  return identity.kind === "token" ? "token" : "nobody";
}

/** The fields that let an identity in. */
export function fieldsOf(identity: Identity, nonce: string): Fields {
  switch (identity.kind) {
    case "nobody":
      return {};
    case "user":
      return { user: identity.user, ...(identity.pass === "" ? {} : { pass: identity.pass }) };
    case "nkey":
      return signed(identity.key, nonce);
    case "token":
      return { auth_token: identity.token };
    case "certificate":
      return identity.user === null ? {} : { user: identity.user, pass: identity.pass };
    case "cookies":
      return {};
  }
}

/** Every way in that is tried on a server with these identities, right and wrong. */
export function attemptsOf(identities: readonly Identity[]): Attempt[] {
  const attempts: Attempt[] = rightAttempts(identities);
  for (const identity of identities) attempts.push(...wrongAttempts(identity));
  const always: ReadonlyArray<readonly [string, Fields]> = [
    ["nothing", {}],
    ["empty texts", { user: "", pass: "", auth_token: "", nkey: "", sig: "", jwt: "" }],
    ["a stranger", { user: "stranger", pass: "x" }],
    ["a stranger without a password", { user: "stranger" }],
    ["only a password", { pass: "a" }],
    ["a strange token", { auth_token: "x" }],
    ["a token that is a user", { auth_token: "a" }],
    ["a jwt", { jwt: "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.e30.AA" }],
    ["a hash as the password", { user: "a", pass: HASHED }],
    ["constructor", { user: "constructor", pass: "x" }],
  ];
  for (const [name, fields] of always) attempts.push({ name, fields: () => fields });
  attempts.push({ name: "a strange nkey", fields: (nonce) => signed(STRANGER_KEY, nonce) });
  attempts.push({ name: "a strange nkey without a signature", fields: () => ({ nkey: TEST_USER_KEYS[2] }) });
  return attempts;
}

/** The right ways, each with the word of a trusted proxy, and with words that do not count. */
export function proxiedAttempts(identities: readonly Identity[], proxy: number): Attempt[] {
  const words: ReadonlyArray<readonly [what: string, sig: (nonce: string) => string]> = [
    ["by the proxy", (nonce) => signAsTestKey(proxy, nonce)],
    ["by another proxy", (nonce) => signAsTestKey(STRANGER_KEY, nonce)],
    ["by the proxy of another nonce", () => signAsTestKey(proxy, "AAAAAAAAAAAAAAA")],
    ["by the proxy, padded", (nonce) => `${signAsTestKey(proxy, nonce)}==`],
    ["by the proxy, cut", (nonce) => signAsTestKey(proxy, nonce).slice(1)],
    ["by a word that is no signature", () => "x"],
  ];
  const known = identities.filter(({ kind }) => kind !== "nobody");
  const all: readonly Identity[] = [...known, { kind: "nobody" }];
  return all.flatMap((identity) => {
    return words.map(([what, sig]): Attempt => {
      const fields = (nonce: string): Fields => ({ ...fieldsOf(identity, nonce), proxy_sig: sig(nonce) });
      return { name: `${nameOf(identity)} ${what.replace(", ", " and ")}`, fields };
    });
  });
}

/** Only the right ways. */
export function rightAttempts(identities: readonly Identity[]): Attempt[] {
  return identities.map((identity) => ({
    name: nameOf(identity),
    of: identity,
    fields: (nonce) => fieldsOf(identity, nonce),
  }));
}

function wrongAttempts(identity: Identity): Attempt[] {
  const name = nameOf(identity);
  const make = (what: string, fields: (nonce: string) => Fields): Attempt => ({ name: `${name} ${what}`, fields });
  if (identity.kind === "user") {
    const { user, pass } = identity;
    return [
      make("with a wrong password", () => ({ user, pass: `${pass}x` })),
      make("without a password", () => ({ user })),
      make("in capitals", () => ({ user: user.toUpperCase(), pass })),
      make("with a blank behind", () => ({ user: `${user} `, pass })),
      make("with a token too", () => ({ user, pass, auth_token: "x" })),
      make("with a strange nkey too", (nonce) => ({ user, pass, ...signed(STRANGER_KEY, nonce) })),
      make("for another account", () => ({ user, pass, account: "B" })),
      make("for a new account", () => ({ user, pass, new_account: true })),
    ];
  }
  if (identity.kind === "nkey") {
    const nkey = TEST_USER_KEYS[identity.key - 1];
    return [
      make("without a signature", () => ({ nkey })),
      make("with an empty signature", () => ({ nkey, sig: "" })),
      make("with the signature of another", (nonce) => ({ nkey, sig: signAsTestKey(STRANGER_KEY, nonce) })),
      make("with the signature of another nonce", () => ({
        nkey,
        sig: signAsTestKey(identity.key, "AAAAAAAAAAAAAAA"),
      })),
      make("with the signature of nothing", () => ({ nkey, sig: signAsTestKey(identity.key, "") })),
      make("with a short signature", (nonce) => ({ nkey, sig: signAsTestKey(identity.key, nonce).slice(0, 40) })),
      make("with the signature in the other alphabet", (nonce) => ({
        nkey,
        sig: `${signAsTestKey(identity.key, nonce).replaceAll("-", "+").replaceAll("_", "/")}==`,
      })),
      make("and a wrong user", (nonce) => ({ ...signed(identity.key, nonce), user: "a", pass: "wrong" })),
      make("and a user", (nonce) => ({ ...signed(identity.key, nonce), user: "a", pass: "a" })),
    ];
  }
  if (identity.kind === "token") {
    const { token } = identity;
    return [
      make("with a letter more", () => ({ auth_token: `${token}x` })),
      make("as a password", () => ({ user: "a", pass: token })),
      make("as a user", () => ({ user: token })),
      make("with a user too", () => ({ auth_token: token, user: "a", pass: "x" })),
    ];
  }
  if (identity.kind === "certificate" || identity.kind === "cookies") {
    const also = (what: string, fields: Fields): Attempt => ({
      name: `${name} ${what}`,
      of: identity,
      fields: () => fields,
    });
    return [
      also("who says a stranger", { user: "stranger", pass: "x" }),
      also("who says a", { user: "a", pass: "a" }),
      also("who says a without a password", { user: "a" }),
      also("who says a with a wrong password", { user: "a", pass: "wrong" }),
      also("who says a strange token", { auth_token: "x" }),
    ];
  }
  return [];
}

function signed(key: number, nonce: string): Fields {
  return { nkey: TEST_USER_KEYS[key - 1], sig: signAsTestKey(key, nonce) };
}
