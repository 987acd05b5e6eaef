import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_CONNECT_OPTIONS } from "@myelin/protocol";
import { identityLabel } from "./client-label.ts";

for (const [connect, admitted, label] of [
  [{}, "", ""],
  [{ user: "ann" }, "", "user:ann"],
  [{ user: "ann" }, "ann", "user:ann"],
  // A certificate stands for somebody else than CONNECT names.
  [{ user: "ann" }, "bob", "user:bob"],
  [{}, "bob", "user:bob"],
  [{ nkey: "UX" }, "UX", "nkey:UX"],
  [{ auth_token: "secret" }, "", "token"],
] as const) {
  test(`a client with ${JSON.stringify(connect)}, let in as "${admitted}", is called "${label}"`, () => {
    assert.equal(identityLabel({ ...DEFAULT_CONNECT_OPTIONS, ...connect }, admitted), label);
  });
}
