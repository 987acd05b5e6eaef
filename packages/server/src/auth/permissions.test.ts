import assert from "node:assert/strict";
import { test } from "node:test";
import { SimRandom } from "@myelin/platform/sim";
import { latin1Bytes, viewOf } from "@myelin/protocol";
import { type PermissionOptions, problemOfPermissions } from "./permission-options.ts";
import { Permissions } from "./permissions.ts";

const NOTHING_SAID: PermissionOptions = { publish: null, subscribe: null, responses: null };

function compiled(options: Partial<PermissionOptions>): Permissions {
  return new Permissions({ ...NOTHING_SAID, ...options }, new SimRandom(1));
}

function asked(subject: string): [DataView, number, number] {
  // Surrounded by other bytes, as on the wire.
  const bytes = latin1Bytes(`x ${subject} x`);
  return [viewOf(bytes), 2, 2 + subject.length];
}

function assertPublish(permissions: Permissions, expected: Readonly<Record<string, boolean>>): void {
  for (const [subject, may] of Object.entries(expected)) {
    assert.equal(permissions.mayPublish(...asked(subject)), may, `PUB ${subject}`);
  }
}

/** Keys are `subject` or `subject queue`. */
function assertSubscribe(permissions: Permissions, expected: Readonly<Record<string, boolean>>): void {
  for (const [key, may] of Object.entries(expected)) {
    const [subject = "", queue = null] = key.split(" ");
    assert.equal(permissions.maySubscribe(...asked(subject), queue), may, `SUB ${key}`);
  }
}

test("without lists everything is allowed, and of() makes nothing of that", () => {
  assert.equal(Permissions.of(null, new SimRandom(1)), null);
  assert.equal(Permissions.of(NOTHING_SAID, new SimRandom(1)), null);
  assertPublish(compiled({}), { a: true, "$SYS.x": true });
  assertSubscribe(compiled({}), { ">": true, "a q": true });
});

test("what may be published is allowed and not forbidden", () => {
  const permissions = compiled({ publish: { allow: ["a.*", "b.>", "c"], deny: ["a.x", "b.*.y"] } });
  assertPublish(permissions, {
    "a.b": true,
    "a.x": false,
    a: false,
    "a.b.c": false,
    "b.1": true,
    "b.1.y": false,
    "b.1.y.z": true,
    b: false,
    c: true,
    d: false,
    "": false,
    "a.": false,
  });
});

test("an empty list of what is allowed allows nothing", () => {
  assertPublish(compiled({ publish: { allow: [], deny: [] } }), { a: false });
  assertSubscribe(compiled({ subscribe: { allow: [], deny: [] } }), { a: false, ">": false });
});

test("who may only answer may publish nothing, unless a list says so", () => {
  const responses = { max: 1, expiresMs: 1000 };
  assertPublish(compiled({ responses }), { a: false });
  assertPublish(compiled({ responses, publish: { allow: null, deny: ["b"] } }), { a: false });
  assertPublish(compiled({ responses, publish: { allow: ["a"], deny: [] } }), { a: true, b: false });
});

test("what is allowed has to cover all of a subscription", () => {
  const permissions = compiled({ subscribe: { allow: ["a.*", "b.>", "c.*.d"], deny: [] } });
  assertSubscribe(permissions, {
    "a.b": true,
    "a.*": true,
    // The reference lets this one in, and with it everything below a.
    "a.>": false,
    "b.>": true,
    "b.*.>": true,
    "b.x.>": true,
    "*.b": false,
    ">": false,
    "c.*.d": true,
    "c.>": false,
    "c.*.>": false,
    "c.x.d q": true,
  });
});

test("what is forbidden refuses a subscription that it covers, and is kept back from others", () => {
  const permissions = compiled({ subscribe: { allow: null, deny: ["a.b", "c.>"] } });
  assertSubscribe(permissions, { "a.b": false, "a.b q": false, "a.*": true, ">": true, "c.x": false, "c.>": false });
  const filters = { "a.*": true, ">": true, "*.b": true, "a.c": false, "b.>": false, "c.x": true };
  for (const [subject, needs] of Object.entries(filters)) {
    assert.equal(permissions.needsFilter(subject), needs, subject);
  }
  assert.equal(permissions.mayNotReceive(...asked("a.b"), null), true);
  assert.equal(permissions.mayNotReceive(...asked("a.c"), null), false);
  assert.equal(permissions.mayNotReceive(...asked("c.x.y"), "q"), true);
});

test("entries with a queue speak of members of that queue group", () => {
  const permissions = compiled({
    subscribe: { allow: ["a", "b v1", "b v2.*", "c", "c v1"], deny: ["a bad", "d.> v1"] },
  });
  assertSubscribe(permissions, {
    a: true,
    "a q": true,
    "a bad": false,
    b: false,
    "b v1": true,
    "b v2": false,
    "b v2.x": true,
    "b v2.x.y": false,
    // Where a group is named, others may not be joined.
    c: true,
    "c v1": true,
    "c v2": false,
    "d.x": false,
  });
  assert.equal(permissions.mayNotReceive(...asked("d.x"), "v1"), true);
  assert.equal(permissions.mayNotReceive(...asked("d.x"), "v2"), false);
  assert.equal(permissions.mayNotReceive(...asked("d.x"), null), false);
});

test("patterns are bytes: names beyond ASCII and magic names are tokens like any other", () => {
  const permissions = compiled({ publish: { allow: ["straße.*", "__proto__", "constructor.>"], deny: [] } });
  const wire = Buffer.from("straße.x").toString("latin1");
  assertPublish(permissions, { [wire]: true, "stra\u00dfe.x": false, toString: false, "constructor.a": true });
  assert.equal(permissions.mayPublish(...asked("__proto__")), true);
});

test("permissions that cannot be meant are named", () => {
  const bad: Array<[Partial<PermissionOptions>, RegExp]> = [
    [{ publish: { allow: ["a q"], deny: [] } }, /publish: subject "a q" is not a valid subject/],
    [{ publish: { allow: null, deny: ["a..b"] } }, /publish: subject "a\.\.b"/],
    [{ subscribe: { allow: ["a q r"], deny: [] } }, /subscribe: subject "a q r"/],
    [{ subscribe: { allow: ["a q."], deny: [] } }, /subscribe: queue "q\."/],
    [{ subscribe: { allow: ["a.> >.b"], deny: [] } }, /subscribe: queue ">\.b"/],
    [{ subscribe: { allow: [""], deny: [] } }, /subscribe: subject ""/],
    [{ responses: { max: 0, expiresMs: 1 } }, /responses: max 0/],
    [{ responses: { max: 1.5, expiresMs: 1 } }, /responses: max 1\.5/],
    [{ responses: { max: 1, expiresMs: Number.NaN } }, /responses: expiresMs NaN/],
  ];
  for (const [options, expected] of bad)
    assert.match(problemOfPermissions({ ...NOTHING_SAID, ...options }) ?? "", expected);
  assert.equal(problemOfPermissions({ ...NOTHING_SAID, responses: { max: -1, expiresMs: -1 } }), null);
});

test("isLike() compares what was given, whatever was compared before", () => {
  const [one, same] = [1, 2].map(() => compiled({ publish: { allow: ["a.>"], deny: [] } }));
  const other = compiled({ publish: { allow: ["a.>"], deny: ["a.b"] } });
  assert.ok(one && same);
  assert.deepEqual(
    [one.isLike(same), one.isLike(same), one.isLike(other), one.isLike(same)],
    [true, true, false, true],
  );
  assert.deepEqual([other.isLike(one), same.isLike(one)], [false, true]);
});
