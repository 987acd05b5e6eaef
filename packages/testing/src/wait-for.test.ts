import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "./wait-for.ts";

test("waitFor() gives what the condition gave, at once when it can", async () => {
  assert.equal(await waitFor(() => "value"), "value");
  let asked = 0;
  assert.equal(await waitFor(() => Promise.resolve(++asked === 3 && asked)), 3);
});

test("waitFor() takes a throw for not yet", async () => {
  let asked = 0;
  const condition = (): string => {
    if (++asked < 3) throw new Error("not yet");
    return "now";
  };
  assert.equal(await waitFor(condition), "now");
});

test("waitFor() says what never came, and what it saw last", async () => {
  await assert.rejects(
    waitFor(() => 0, { timeout: 3, what: "a message" }),
    { code: "WAIT_TIMEOUT", message: "Waited 3 ms in vain for: a message (at last it gave 0)" },
  );
  const cause = new Error("no such file");
  await assert.rejects(
    waitFor(() => Promise.reject(cause), { timeout: 0 }),
    { code: "WAIT_TIMEOUT", message: /at last it threw: no such file/, cause },
  );
});
