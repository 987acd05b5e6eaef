import assert from "node:assert/strict";
import { test } from "node:test";
import { completePermissions, completeUser } from "./user-given.ts";

test("a user needs no more than a name", () => {
  assert.deepEqual(completeUser({ user: "a" }), {
    user: "a",
    pass: "",
    nkey: null,
    account: "$G",
    connectionTypes: null,
    permissions: null,
    proxyRequired: false,
  });
});

test("permissions may be written short", () => {
  assert.equal(completePermissions(null), null);
  assert.deepEqual(completePermissions({}), { publish: null, subscribe: null, responses: null });
  assert.deepEqual(completePermissions({ publish: "a", subscribe: ["b", "c q"], responses: true }), {
    publish: { allow: ["a"], deny: [] },
    subscribe: { allow: ["b", "c q"], deny: [] },
    responses: { max: 1, expiresMs: 120_000 },
  });
  assert.deepEqual(completePermissions({ publish: { deny: "a" }, subscribe: { allow: [] }, responses: { max: -1 } }), {
    publish: { allow: null, deny: ["a"] },
    subscribe: { allow: [], deny: [] },
    responses: { max: -1, expiresMs: 120_000 },
  });
  assert.deepEqual(completePermissions({ responses: false })?.responses, null);
});

test("what is complete stays as it is", () => {
  const user = completeUser({ user: "a", permissions: { publish: { allow: ["a"], deny: ["b"] }, responses: true } });
  assert.deepEqual(completeUser(user), user);
});
