import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1Bytes, viewOf } from "@myelin/protocol";
import { Account } from "./account.ts";
import { Subscription } from "./subscription.ts";

test("sweep() does what waited for the end of a delivery, once, in order, also what came while it did so", () => {
  const account = new Account("A", 1);
  const bytes = latin1Bytes("a");
  const subscription = new Subscription({ kind: "client", deliver: () => true }, "a", null, "1");
  account.sublist.insert(subscription, viewOf(bytes), 0, bytes.length);
  const told: string[] = [];
  account.afterDelivery(() => {
    told.push(`first, ${account.sublist.count} there`);
    account.afterDelivery(() => told.push("of the first's own delivery"));
    account.sweep();
  });
  account.retire(subscription);
  account.afterDelivery(() => told.push(`last, ${account.sublist.count} there`));
  assert.deepEqual(told, []);
  account.sweep();
  assert.deepEqual(told.splice(0), ["first, 1 there", "of the first's own delivery", "last, 0 there"]);
  account.sweep();
  assert.deepEqual(told, []);
});
