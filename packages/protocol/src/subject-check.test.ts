import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  hasWildcard,
  inboxPrefixProblem,
  publishSubjectProblem,
  queueGroupProblem,
  subscribeSubjectProblem,
} from "./subject-check.ts";

test("publishSubjectProblem() takes what the server takes and refuses what would inject", () => {
  for (const subject of ["a", "a.b", "a..b", "a.*", "ä.b", "😀.b", "$SYS.x"])
    assert.equal(publishSubjectProblem(subject), null);
  for (const subject of ["", "a b", "a\r\nPUB b 0", "a\t", "a\0", "a\x7f", "a\ud800", "a\udc00.b", "\ud800\ud800"]) {
    assert.notEqual(publishSubjectProblem(subject), null, JSON.stringify(subject));
  }
});

test("subscribeSubjectProblem() also refuses empty tokens and a misplaced '>'", () => {
  for (const subject of ["a", "*", ">", "a.*.b", "a.>", "a>b", "a.b>"])
    assert.equal(subscribeSubjectProblem(subject), null);
  for (const subject of ["", ".", "a.", ".a", "a..b", ">.a", "a.>.b", "a b"]) {
    assert.notEqual(subscribeSubjectProblem(subject), null, subject);
  }
});

test("queueGroupProblem() and inboxPrefixProblem() refuse by reason", () => {
  assert.equal(queueGroupProblem("workers"), null);
  assert.match(queueGroupProblem("a b") ?? "", /a blank at character 2/);
  assert.match(inboxPrefixProblem("a.") ?? "", /empty token/);
  assert.match(inboxPrefixProblem("a.*") ?? "", /wildcard/);
  assert.equal(inboxPrefixProblem("_INBOX.bob"), null);
});

test("a subject without a problem is one token of one line, whatever the string", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (subject) => {
      if (publishSubjectProblem(subject) !== null) return;
      assert.equal(`PUB ${subject} 0\r\n`.split(/[ \t\r\n]/).length, 5);
    }),
  );
});

test("hasWildcard() sees whole tokens only", () => {
  for (const subject of ["*", "a.*", "a.>", "*.a"]) assert.ok(hasWildcard(subject), subject);
  for (const subject of ["a", "a*", "a>b.c", "**"]) assert.ok(!hasWildcard(subject), subject);
});
