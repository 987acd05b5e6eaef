import assert from "node:assert/strict";
import { test } from "node:test";
import { startFlags } from "./start-flags.mjs";

test("startFlags() binds loopback when no address is given", () => {
  assert.deepEqual(startFlags([]), ["-a", "127.0.0.1"]);
  assert.deepEqual(startFlags(["-js", "-p", "4333", "--auth", "a"]), [
    "-a",
    "127.0.0.1",
    "-js",
    "-p",
    "4333",
    "--auth",
    "a",
  ]);
});

test("startFlags() leaves an address that was given", () => {
  for (const given of [["-a", "::"], ["--addr=0.0.0.0"], ["-addr", "::1"], ["--net", "localhost"], ["-a=::"]])
    assert.deepEqual(startFlags(given), given);
});
