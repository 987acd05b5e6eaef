import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { latin1Bytes, viewOf } from "@myelin/protocol";
import { Sublist } from "./sublist.ts";
import type { Subscriber } from "./subscriber.ts";
import { Subscription } from "./subscription.ts";

const nobody: Subscriber = { kind: "client", deliver: () => true };

function subscription(subject: string, queue: string | null = null): Subscription {
  return new Subscription(nobody, subject, queue, "1");
}

function insert(sublist: Sublist, subject: string, queue: string | null = null): Subscription {
  const made = subscription(subject, queue);
  const bytes = latin1Bytes(subject);
  assert.ok(sublist.insert(made, viewOf(bytes), 0, bytes.length), subject);
  return made;
}

/** The subjects of all subscriptions that a match finds, queue members as `subject/queue`, sorted. */
function match(sublist: Sublist, subject: string): string[] {
  const bytes = latin1Bytes(subject);
  const count = sublist.match(viewOf(bytes), 0, bytes.length);
  const subjects: string[] = [];
  for (const node of sublist.found.slice(0, count)) {
    for (const plain of node.plain) subjects.push(plain.subject);
    for (const group of node.groups)
      for (const member of group.members) subjects.push(`${member.subject}/${group.name}`);
  }
  return subjects.sort();
}

/** The plain twin: token by token, no index. */
function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  if (tokens.includes("")) return false;
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === ">") return i < tokens.length;
    if (i >= tokens.length || (wanted[i] !== "*" && wanted[i] !== tokens[i])) return false;
  }
  return wanted.length === tokens.length;
}

for (const [subject, wanted] of [
  ["foo", ["*", ">", "foo"]],
  ["foo.bar", [">", "foo.*", "foo.>", "foo.bar"]],
  ["foo.bar.baz", [">", "foo.*.baz", "foo.>"]],
  ["fo*", ["*", ">", "fo*"]],
  ["foo.*", [">", "foo.*", "foo.>"]],
  ["foo.", []],
  [".foo", []],
  ["foo..bar", []],
  ["foo.bar..x", []],
  ["nix..x", []],
  ["", []],
] as const) {
  test(`match() of ${JSON.stringify(subject)}`, () => {
    const sublist = new Sublist(1);
    for (const pattern of ["foo", "*", ">", "foo.bar", "foo.*", "foo.>", "foo.*.baz", "fo*"]) insert(sublist, pattern);
    assert.deepEqual(match(sublist, subject), [...wanted].sort());
  });
}

test("match() finds plain subscriptions and queue groups side by side", () => {
  const sublist = new Sublist(1);
  insert(sublist, "a");
  insert(sublist, "a", "q");
  insert(sublist, "a", "q");
  insert(sublist, "a", "r");
  insert(sublist, "*", "q");
  assert.deepEqual(match(sublist, "a"), ["*/q", "a", "a/q", "a/q", "a/r"]);
});

for (const subject of ["", ".", "a.", ".a", "a..b", ">.a", "a.>.b"]) {
  test(`insert() refuses ${JSON.stringify(subject)} and changes nothing`, () => {
    const sublist = new Sublist(1);
    const bytes = latin1Bytes(subject);
    assert.equal(sublist.insert(subscription(subject), viewOf(bytes), 0, bytes.length), false);
    assert.equal(sublist.count, 0);
    assert.equal(sublist.generation, 1);
  });
}

test("remove() of one that is not in does nothing", () => {
  const sublist = new Sublist(1);
  const made = insert(sublist, "a.b");
  sublist.remove(made);
  sublist.remove(made);
  assert.equal(sublist.count, 0);
  assert.equal(sublist.removes, 1);
});

test("remove() from another account's sublist is found out instead of looking for ever", () => {
  const one = new Sublist(1);
  const other = new Sublist(1);
  const made = insert(one, "a.b");
  insert(other, "a.c");
  assert.throws(() => other.remove(made), /another sublist/);
});

test("subjects are bytes: invalid UTF-8 and magic names are tokens like any other", () => {
  const sublist = new Sublist(1);
  for (const token of ["__proto__", "constructor", "toString", "\u00ff\u00fe", "\u00c3\u00a4", "\u0001"]) {
    insert(sublist, `x.${token}`);
    assert.deepEqual(match(sublist, `x.${token}`), [`x.${token}`]);
  }
  assert.deepEqual(match(sublist, "x.\u00ff"), []);
});

test("match() agrees with the plain twin while subscriptions come and go", () => {
  const random = new SimRandom(0x5eed);
  const below = (limit: number): number => random.uint32() % limit;
  const token = (wild: boolean): string =>
    (wild ? ["a", "b", "c", "longer-token", "*", "*"] : ["a", "b", "c", "longer-token"])[below(wild ? 6 : 4)] as string;
  const literal = (): string => Array.from({ length: 1 + below(5) }, () => token(false)).join(".");
  const pattern = (): string => {
    const tokens = Array.from({ length: 1 + below(5) }, () => token(true));
    if (below(4) === 0) tokens.push(">");
    return tokens.join(".");
  };
  for (let round = 0; round < 20; round++) {
    const sublist = new Sublist(random.uint32());
    const live: Subscription[] = [];
    for (let step = 0; step < 300; step++) {
      if (below(3) > 0 || live.length === 0) {
        live.push(insert(sublist, pattern(), below(4) === 0 ? `q${below(2)}` : null));
      } else {
        sublist.remove(live.splice(below(live.length), 1)[0] as Subscription);
      }
      const subject = literal();
      const wanted = live
        .filter((candidate) => matches(candidate.subject, subject))
        .map((candidate) => (candidate.queue === null ? candidate.subject : `${candidate.subject}/${candidate.queue}`));
      assert.deepEqual(match(sublist, subject), wanted.sort(), `${subject} in round ${round}, step ${step}`);
    }
    for (const gone of live) sublist.remove(gone);
    assert.equal(sublist.count, 0);
    assert.equal(sublist.nodeCount, 1, "nothing but the root is left");
  }
});

test("inboxes that come and go leave no nodes and no bytes behind", () => {
  const sublist = new Sublist(7);
  for (let i = 0; i < 20_000; i++) sublist.remove(insert(sublist, `_INBOX.${i}.${i * 7919}`));
  assert.equal(sublist.nodeCount, 1);
  assert.ok(sublist.keyBytes <= 1024, `${sublist.keyBytes} bytes of keys are kept`);
});

/** How many nodes a match may look at, at worst, stays in proportion to what there is to find: counted, not timed. */
test("adversarial wildcards cost in proportion to the subscriptions, not exponentially", () => {
  const sublist = new Sublist(3);
  const depth = 64;
  for (let stars = 0; stars < depth; stars++) {
    insert(sublist, Array.from({ length: depth }, (_, i) => (i === stars ? "*" : "a")).join("."));
  }
  insert(sublist, Array.from({ length: depth }, () => "*").join("."));
  assert.equal(match(sublist, Array.from({ length: depth }, () => "a").join(".")).length, depth + 1);
  assert.ok(sublist.widestFrontier <= depth + 2, `the walk was ${sublist.widestFrontier} nodes wide`);
});

test("256 tokens and 100,000 overlapping subscriptions match", () => {
  const sublist = new Sublist(3);
  const many = 100_000;
  for (let i = 0; i < many; i++) insert(sublist, i % 2 === 0 ? `a.*.${i}` : `a.b.${i}`);
  assert.deepEqual(match(sublist, "a.b.4"), ["a.*.4"]);
  assert.deepEqual(match(sublist, "a.b.5"), ["a.b.5"]);
  const deep = Array.from({ length: 256 }, (_, i) => `t${i}`).join(".");
  insert(sublist, deep);
  assert.deepEqual(match(sublist, deep), [deep]);
});
