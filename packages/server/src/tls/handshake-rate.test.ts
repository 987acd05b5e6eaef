import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "@myelin/platform/sim";
import { SILENT_LOGGER } from "../logger.ts";
import { HandshakeRate } from "./handshake-rate.ts";

test("HandshakeRate lets in as many in a second as it should, and tells once a second of the others", () => {
  const clock = new SimClock();
  const lines: string[] = [];
  const rate = new HandshakeRate(3, clock, { ...SILENT_LOGGER, warn: (text: string) => void lines.push(text) });
  const allowed = (count: number): number => Array.from({ length: count }, () => rate.allow()).filter(Boolean).length;
  assert.equal(allowed(10), 3);
  clock.advance(1_000);
  assert.deepEqual(lines, ["Rejected 7 connections due to TLS rate limiting"]);
  clock.advance(1);
  assert.equal(allowed(2), 2);
  clock.advance(500);
  assert.equal(allowed(2), 1);
  rate.stop();
  assert.equal(clock.pendingTimers, 0);
});
