import { strict as assert } from "node:assert";
import { bench } from "@myelin/platform/bench";
import { latin1Bytes, viewOf } from "@myelin/protocol";
import { Sublist } from "./sublist.ts";
import type { Subscriber } from "./subscriber.ts";
import { Subscription } from "./subscription.ts";

const nobody: Subscriber = { kind: "client", deliver: () => true };

function insert(sublist: Sublist, subject: string): Subscription {
  const made = new Subscription(nobody, subject, null, "1");
  const bytes = latin1Bytes(subject);
  assert.ok(sublist.insert(made, viewOf(bytes), 0, bytes.length));
  return made;
}

/** The plain twin: a Map of literal subjects, which is what one would write first; it knows no wildcards. */
function mapCase(subjects: readonly string[]) {
  const map = new Map(subjects.map((subject) => [subject, 1]));
  const keys = subjects.map((subject) => latin1Bytes(subject));
  const decoder = new TextDecoder("latin1");
  return {
    name: "a Map keyed by strings (no wildcards)",
    operations: keys.length,
    run: () => keys.reduce((sum, key) => sum + (map.get(decoder.decode(key)) ?? 0), 0),
  };
}

function matchCase(name: string, patterns: readonly string[], subjects: readonly string[]) {
  const sublist = new Sublist(0x1234);
  for (const pattern of patterns) insert(sublist, pattern);
  const joined = latin1Bytes(subjects.join(""));
  const view = viewOf(joined);
  const ends: number[] = [];
  let end = 0;
  for (const subject of subjects) ends.push((end += subject.length));
  return {
    name,
    operations: subjects.length,
    run(): number {
      let found = 0;
      let start = 0;
      for (const stop of ends) {
        found += sublist.match(view, start, stop);
        start = stop;
      }
      return found;
    },
  };
}

const literals = Array.from({ length: 10_000 }, (_, i) => `bench.t${(i * 7919) % 10_000}.x`);
const inboxes = Array.from({ length: 2_000 }, (_, i) => `_INBOX.ABCDEFGHIJKLMNOPQRSTUV.${i}`);
const churn = new Sublist(1);
const matched = bench("Sublist, per call", [
  matchCase("match: one of 10,000 literals", literals, literals),
  mapCase(literals),
  matchCase("match: one wildcard subscription", ["bench.>"], literals),
  matchCase("match: 10,000 literals and three wildcards", [...literals, "bench.*.x", "bench.>", "*.*.x"], literals),
  matchCase("match: inboxes under one wildcard", ["_INBOX.ABCDEFGHIJKLMNOPQRSTUV.*"], inboxes),
  matchCase("match: nobody interested", ["a.b"], literals),
  {
    name: "insert and remove an inbox",
    operations: inboxes.length,
    run: () => inboxes.reduce((sum, inbox) => (churn.remove(insert(churn, inbox)), sum + 1), 0),
  },
]);
assert.equal(matched, 10_000 * 3 + 4 * 10_000 + 2 * 2_000);
assert.equal(churn.nodeCount, 1);
