import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalMIMEHeaderKey, headers, Match, MsgHdrsImpl } from "./node.ts";

test("headers() keeps case and order, and finds by each way to match", () => {
  const h = headers();
  h.append("Key", "1");
  h.append("Key", " 2 ");
  h.append("key", "3");
  h.set("Some-Key", "x");
  assert.deepEqual(h.keys(), ["Key", "key", "Some-Key"]);
  assert.deepEqual([h.get("Key"), h.last("Key"), h.get("KEY"), h.has("KEY")], ["1", "2", "", false]);
  assert.deepEqual(h.values("KEY", Match.IgnoreCase), ["1", "2", "3"]);
  assert.equal(h.last("kEY", Match.IgnoreCase), "3");
  assert.deepEqual(h.values("key", Match.CanonicalMIME), ["1", "2"]);
  assert.ok(h.has("some-key", Match.CanonicalMIME));
  h.append("KEY", "4", Match.IgnoreCase);
  assert.deepEqual(h.values("Key"), ["1", "2", "4"]);
  h.set("KEY", "5", Match.IgnoreCase);
  assert.deepEqual(
    [...h],
    [
      ["Some-Key", ["x"]],
      ["KEY", ["5"]],
    ],
  );
  h.delete("some-KEY", Match.IgnoreCase);
  h.delete("not there");
  assert.deepEqual(h.keys(), ["KEY"]);
  assert.equal(canonicalMIMEHeaderKey("nats-msg-ID"), "Nats-Msg-Id");
});

test("headers() refuses names and values that cannot be sent", () => {
  const h = headers();
  for (const name of ["", "a b", "a:b", "ä", "a\r\n"]) {
    assert.throws(() => h.set(name, "v"), { code: "ERR_NATS_BAD_HEADER" }, JSON.stringify(name));
    assert.throws(() => h.append(name, "v"), { code: "ERR_NATS_BAD_HEADER" }, JSON.stringify(name));
  }
  for (const value of ["a\r\nb: c", "a\nb", "a\rb", "a\0b"]) {
    assert.throws(() => h.set("k", value), { code: "ERR_NATS_BAD_HEADER" }, JSON.stringify(value));
  }
  for (const code of [99, 1000, 1.5, Number.NaN]) {
    assert.throws(() => headers(code), { code: "ERR_NATS_BAD_HEADER" }, String(code));
  }
  assert.throws(() => headers(200, "a\nb"), { code: "ERR_NATS_BAD_HEADER" });
});

test("decode() and encode() are inverse, with a status and without", () => {
  const h = new MsgHdrsImpl(503, "No Responders");
  h.append("a", "1");
  h.append("a", "ü");
  const again = MsgHdrsImpl.decode(h.encode());
  assert.ok(again.equals(h));
  assert.deepEqual(
    [again.code, again.description, again.status, again.hasError, again.size()],
    [503, "No Responders", "503 No Responders", true, 1],
  );
  const plain = MsgHdrsImpl.decode(new MsgHdrsImpl().encode());
  assert.deepEqual([plain.code, plain.status, plain.hasError, plain.size()], [0, "", false, 0]);
  assert.deepEqual(MsgHdrsImpl.fromRecord({ a: ["1", "2"], b: "3" }).toJSON(), { a: ["1", "2"], b: ["3"] });
  const copy = MsgHdrsImpl.copyOf(new Headers({ x: "y" }));
  assert.equal(copy.get("x"), "y");
  for (const block of ["", "NATS/1.0\r\n", "NATS/9.9\r\n\r\n", "NATS/1.0 x\r\n\r\n", "NATS/1.0\r\nno colon\r\n\r\n"]) {
    assert.throws(() => MsgHdrsImpl.decode(new TextEncoder().encode(block)), { code: "ERR_NATS_BAD_HEADER" }, block);
  }
});
