import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeRandom } from "@myelin/platform/node";
import { nkeys } from "@nats-io/transport-node";
import { createNonce, createServerId, isPublicUserKey, verifySignature } from "./nkey.ts";

const random = new NodeRandom();
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

test("isPublicUserKey() takes keys of users only, with their checksum", () => {
  const key = nkeys.createUser().getPublicKey();
  assert.equal(isPublicUserKey(key), true);
  assert.equal(isPublicUserKey(nkeys.createAccount().getPublicKey()), false);
  assert.equal(isPublicUserKey(createServerId(random)), false);
  for (let at = 0; at < key.length; at++) {
    const other = key[at] === "A" ? "B" : "A";
    assert.equal(isPublicUserKey(key.slice(0, at) + other + key.slice(at + 1)), false, `letter ${at}`);
  }
  for (const bad of ["", "U", key.slice(1), `${key}A`, key.toLowerCase(), ` ${key}`])
    assert.equal(isPublicUserKey(bad), false);
});

test("verifySignature() takes what the key signed, in both alphabets", () => {
  for (let i = 0; i < 20; i++) {
    const pair = nkeys.createUser();
    const nonce = createNonce(random);
    const sig = Buffer.from(pair.sign(encode(nonce)));
    const plain = sig.toString("base64").slice(0, -2);
    if (/[+/]/.test(plain)) {
      assert.equal(verifySignature(pair.getPublicKey(), nonce, plain), false);
      assert.equal(verifySignature(pair.getPublicKey(), nonce, `${sig.toString("base64url")}==`), false);
    }
    for (const text of [sig.toString("base64url"), sig.toString("base64")]) {
      assert.equal(verifySignature(pair.getPublicKey(), nonce, text), true);
      assert.equal(verifySignature(pair.getPublicKey(), createNonce(random), text), false);
      assert.equal(verifySignature(nkeys.createUser().getPublicKey(), nonce, text), false);
    }
  }
});

test("verifySignature() takes nothing else", () => {
  const pair = nkeys.createUser();
  const nonce = createNonce(random);
  const sig = Buffer.from(pair.sign(encode(nonce))).toString("base64url");
  for (const bad of ["", "x", sig.slice(1), `${sig}A`, `${sig}\n`, "A".repeat(86), sig.replace(/^./, "*")]) {
    assert.equal(verifySignature(pair.getPublicKey(), nonce, bad), false, bad);
  }
  const empty = Buffer.from(pair.sign(encode(""))).toString("base64url");
  assert.equal(verifySignature(pair.getPublicKey(), "", empty), false);
  assert.equal(verifySignature("UABC", nonce, sig), false);
});

test("createNonce() makes 15 characters, each time others", () => {
  const nonces = new Set(Array.from({ length: 100 }, () => createNonce(random)));
  assert.equal(nonces.size, 100);
  for (const nonce of nonces) assert.match(nonce, /^[A-Za-z0-9_-]{15}$/);
});
