import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAdvertised, splitHostPort } from "./address.ts";

test("splitHostPort() splits at the one colon that counts", () => {
  assert.deepEqual(splitHostPort("a:1"), { host: "a", port: "1" });
  assert.deepEqual(splitHostPort(":1"), { host: "", port: "1" });
  assert.deepEqual(splitHostPort("a:"), { host: "a", port: "" });
  assert.deepEqual(splitHostPort("[::1]:1"), { host: "::1", port: "1" });
  for (const bad of ["", "a", "::1", "[::1]", "a:b:c", "[a:1", "a]:1"]) assert.equal(splitHostPort(bad), null, bad);
});

test("parseAdvertised() takes a host with or without a port", () => {
  assert.deepEqual(parseAdvertised("a", 9), { host: "a", port: 9 });
  assert.deepEqual(parseAdvertised("a:5", 9), { host: "a", port: 5 });
  assert.deepEqual(parseAdvertised("a:0", 9), { host: "a", port: 9 });
  assert.deepEqual(parseAdvertised("a:-1", 9), { host: "a", port: 9 });
  assert.deepEqual(parseAdvertised("[::1]:5", 9), { host: "::1", port: 5 });
  for (const bad of ["", ":5", "a:b", "a:70000", "::1", "a:1:2"]) assert.equal(parseAdvertised(bad, 9), null, bad);
});
