// What a reload asks of clients that are in: nothing that they have proven already, everything else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { type ConnectOptions, DEFAULT_CONNECT_OPTIONS } from "@myelin/protocol";
import { nkeys } from "@nats-io/transport-node";
import type { ClientConnection } from "../connection/client-connection.ts";
import { completeOptions, type PartialServerOptions } from "../options.ts";
import { Account } from "../routing/account.ts";
import { BcryptQueue } from "./bcrypt-queue.ts";
import { SingleUser } from "./single-user.ts";
import { UserList } from "./user-list.ts";

const ACCOUNTS: ReadonlyMap<string, Account> = new Map(["$G", "A"].map((name) => [name, new Account(name, 1)]));
const HASHED = "$2a$04$aaaaaaaaaaaaaaaaaaaaaa";
const OTHER = "$2a$04$bbbbbbbbbbbbbbbbbbbbbb";
const KEY = nkeys.createUser();
const NONCE = "nonce";
const SIGNED = {
  nkey: KEY.getPublicKey(),
  sig: Buffer.from(KEY.sign(Buffer.from(NONCE))).toString("base64url"),
};

/** Authenticators of one server, and the hashes that they had checked: of HASHED every password is right. */
function server() {
  const checked: string[] = [];
  const hashes = new BcryptQueue((_password, hash) => {
    checked.push(hash);
    return Promise.resolve(hash === HASHED);
  }, 1);
  const list = (given: PartialServerOptions): UserList =>
    new UserList(completeOptions(given), ACCOUNTS, hashes, new SimRandom(1));
  const single = (given: PartialServerOptions): SingleUser =>
    new SingleUser(completeOptions(given), ACCOUNTS.get("$G") as Account, hashes);
  return { checked, list, single };
}

const debugLines: string[] = [];
const CONNECTION = {
  nonce: NONCE,
  isClosed: false,
  duplex: { transport: "tcp" },
  logDebug: (text: string) => debugLines.push(text),
} as unknown as ClientConnection;
const connectAs = (given: Partial<ConnectOptions>): ConnectOptions => ({ ...DEFAULT_CONNECT_OPTIONS, ...given });

test("a password that is checked already is not checked again, and one that has changed is", async () => {
  const { checked, list } = server();
  const bob = connectAs({ user: "bob", pass: "p" });
  const first = list({ users: [{ user: "bob", pass: HASHED }] });
  assert.ok(await first.authenticate(bob, CONNECTION));
  assert.deepEqual(checked, [HASHED]);
  const moved = list({ users: [{ user: "bob", pass: HASHED, account: "A" }], accounts: ["A"] });
  const answer = moved.authenticateAgain(bob, CONNECTION, first);
  assert.ok(!(answer instanceof Promise));
  assert.deepEqual([answer?.account.name, checked], ["A", [HASHED]]);
  const changed = list({ users: [{ user: "bob", pass: OTHER }] });
  assert.equal(await changed.authenticateAgain(bob, CONNECTION, moved), null);
  assert.deepEqual(checked, [HASHED, OTHER]);
});

test("what another user, another kind of credentials, or nobody has proven does not count", async () => {
  const { list } = server();
  const ann = connectAs({ user: "ann", pass: "p" });
  const before = list({ users: [{ user: "bob", pass: "p" }] });
  assert.equal(await list({ users: [{ user: "ann", pass: "q" }] }).authenticateAgain(ann, CONNECTION, before), null);
  const { single } = server();
  const open = single({});
  assert.equal(await list({ users: [{ user: "ann", pass: "q" }] }).authenticateAgain(ann, CONNECTION, open), null);
  // The nkey let it in, not the name that stands beside it.
  const both = connectAs({ ...SIGNED, user: "ann", pass: "wrong" });
  const users = [{ nkey: SIGNED.nkey }, { user: "ann", pass: "p" }];
  const withKeys = list({ users });
  assert.ok(withKeys.authenticate(both, CONNECTION));
  assert.equal(await list({ users: users.slice(1) }).authenticateAgain(both, CONNECTION, withKeys), null);
});

test("an nkey that nobody had to sign for has to be signed for when it is no_auth_user's no more", () => {
  const { list } = server();
  const users = [{ nkey: SIGNED.nkey }];
  const unsigned = connectAs({ nkey: SIGNED.nkey });
  const open = list({ users, noAuthUser: SIGNED.nkey });
  assert.ok(open.authenticate(unsigned, CONNECTION));
  const strict = list({ users });
  assert.equal(strict.authenticateAgain(unsigned, CONNECTION, open), null);
  assert.ok(strict.authenticateAgain(connectAs(SIGNED), CONNECTION, open));
  assert.equal(strict.authenticate(connectAs({ ...SIGNED, sig: "c2ln" }), CONNECTION), null);
  assert.deepEqual(debugLines, ["Signature missing", "Signature not verified"]);
  // Signed once, it stays so, whatever the nonce is.
  assert.ok(list({ users }).authenticateAgain(connectAs({ ...SIGNED, sig: "" }), CONNECTION, strict));
});

test("a user who may not come by this kind of connection any more is refused, proof or not", () => {
  const { list } = server();
  const joe = connectAs({ user: "joe", pass: "p" });
  const before = list({ users: [{ user: "joe", pass: "p" }] });
  const after = list({ users: [{ user: "joe", pass: "p", connectionTypes: ["WEBSOCKET"] }] });
  assert.equal(after.authenticateAgain(joe, CONNECTION, before), null);
});

test("knows() tells whose user is there, in which account, and looks at no secret", () => {
  const { list, single } = server();
  const users = [{ user: "joe", pass: "p", account: "A" }, { nkey: SIGNED.nkey }];
  const some = list({ users, accounts: ["A"] });
  const [global, a] = [ACCOUNTS.get("$G") as Account, ACCOUNTS.get("A") as Account];
  assert.deepEqual([some.knows("joe", a), some.knows("joe", global)], [true, false]);
  assert.ok(some.knows(SIGNED.nkey, global));
  assert.ok(!some.knows("ann", global));
  assert.ok(!single({ user: "joe", pass: "p" }).knows());
});

test("the one user, or the one token, is not asked for again while it is the same", async () => {
  const { checked, single } = server();
  const before = single({ user: "joe", pass: HASHED });
  const joe = connectAs({ user: "joe", pass: "p" });
  assert.ok(await before.authenticate(joe, CONNECTION));
  assert.ok(single({ user: "joe", pass: HASHED }).authenticateAgain(joe, CONNECTION, before));
  assert.deepEqual(checked, [HASHED]);
  assert.equal(await single({ user: "joe", pass: OTHER }).authenticateAgain(joe, CONNECTION, before), null);
  assert.equal(await single({ token: "t" }).authenticateAgain(joe, CONNECTION, before), null);
  const open = single({});
  assert.equal(await single({ user: "joe", pass: "q" }).authenticateAgain(joe, CONNECTION, open), null);
});
