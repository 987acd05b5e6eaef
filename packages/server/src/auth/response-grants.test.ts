import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "@myelin/platform/sim";
import { ResponseGrants } from "./response-grants.ts";

test("a request may be answered so often, and others not at all", () => {
  const grants = new ResponseGrants({ max: 2, expiresMs: 1000 }, new SimClock());
  grants.requested("r");
  assert.deepEqual(
    [grants.take("r"), grants.take("r"), grants.take("r"), grants.take("s")],
    [true, true, false, false],
  );
  assert.equal(grants.size, 0);
});

test("each request with the same reply subject adds its responses", () => {
  const grants = new ResponseGrants({ max: 1, expiresMs: 1000 }, new SimClock());
  grants.requested("r");
  grants.requested("r");
  assert.deepEqual([grants.take("r"), grants.take("r"), grants.take("r")], [true, true, false]);
});

test("time runs out for a request, and starts anew with the next one", () => {
  const clock = new SimClock();
  const grants = new ResponseGrants({ max: 10, expiresMs: 1000 }, clock);
  grants.requested("r");
  clock.advance(1000);
  assert.equal(grants.take("r"), true);
  clock.advance(1);
  assert.equal(grants.take("r"), false);
  grants.requested("r");
  clock.advance(900);
  assert.equal(grants.take("r"), true);
});

test("negative limits are none", () => {
  const clock = new SimClock();
  const grants = new ResponseGrants({ max: -1, expiresMs: -1 }, clock);
  grants.requested("r");
  for (let i = 0; i < 1000; i++) assert.equal(grants.take("r"), true);
  clock.advance(1e12);
  assert.equal(grants.take("r"), true);
});

test("requests that nobody answers leave nothing behind", () => {
  const clock = new SimClock();
  const expiring = new ResponseGrants({ max: 1, expiresMs: 500 }, clock);
  for (let i = 0; i < 10_000; i++) {
    expiring.requested(`r${i}`);
    clock.advance(1);
  }
  assert.ok(expiring.size <= 2_000, `${expiring.size} grants kept`);
  const endless = new ResponseGrants({ max: 1, expiresMs: -1 }, clock);
  for (let i = 0; i < 70_000; i++) endless.requested(`r${i}`);
  assert.equal(endless.size, 65_536);
  assert.equal(endless.take("r0"), false);
  assert.equal(endless.take("r69999"), true);
});
