// Nobody can guess where an answer is expected: not from nothing, and not from other inboxes of the same client.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeServer, greet } from "./fixtures/fake-server.ts";
import { until } from "./fixtures/until.ts";
import { connect, createInbox } from "./node.ts";

/** Whether each value comes about as often as the others: chi-squared, six deviations above its mean at most. */
function assertEven(counts: ReadonlyMap<string, number>, kinds: number, total: number, what: string): void {
  assert.equal(counts.size, kinds, what);
  const expected = total / kinds;
  let chi = 0;
  for (const count of counts.values()) chi += (count - expected) ** 2 / expected;
  assert.ok(chi < kinds - 1 + 6 * Math.sqrt(2 * (kinds - 1)), `${what}: chi-squared of ${chi}`);
}

function count(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

test("createInbox() gives a secret of its own each time, even in every place", () => {
  const inboxes = Array.from({ length: 20_000 }, () => createInbox());
  const secrets = inboxes.map((inbox) => /^_INBOX\.([0-9A-Za-z]{12})[0-9A-Za-z]{10}$/.exec(inbox)?.[1] ?? "");
  assert.equal(new Set(secrets).size, inboxes.length);
  for (let at = 0; at < 12; at++) {
    const chars = secrets.map((secret) => secret.charAt(at));
    assertEven(count(chars), 62, chars.length, `character ${at}`);
  }
});

test("the tokens of requests are secrets, also for who has seen others, and a wrong one is no answer", async () => {
  const replies: string[] = [];
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    for (;;) {
      const reply = /^PUB a (\S+) 0$/.exec(await line())?.[1];
      if (reply === undefined) continue;
      replies.push(reply);
      if (replies.length !== 4_000) continue;
      // Guesses with the right prefix, the right key and a wrong check among them; then an answer for the last.
      const prefix = reply.slice(0, -10);
      const wrong = ["0000000000", "1", "", "zzzzzzzzzz", `${reply.slice(-10, -1)}${reply.endsWith("0") ? "1" : "0"}`];
      for (const token of wrong) socket.write(`MSG ${prefix}${token} 1 5\r\nwrong\r\n`);
      socket.write(`MSG ${reply} 1 5\r\nright\r\n`);
    }
  });
  const nc = await connect({ port: server.port });
  const others = new AbortController();
  const lost = Array.from({ length: 3_999 }, () => nc.request("a", "", { timeout: 60_000, signal: others.signal }));
  const all = Promise.allSettled(lost);
  await until("all have been sent", () => replies.length === 3_999);
  others.abort();
  await all;
  assert.equal((await nc.request("a", "", { timeout: 10_000 })).string(), "right");
  const tokens = replies.map((reply) => reply.split(".").at(-1) ?? "");
  assert.equal(new Set(tokens).size, 4_000);
  for (let at = 0; at < 10; at++) {
    const chars = tokens.map((token) => token.charAt(at));
    assertEven(count(chars), 32, chars.length, `character ${at}`);
  }
  await until("nothing waits", () => nc.numSubscriptions === 0);
  await nc.close();
});
