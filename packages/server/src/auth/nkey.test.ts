import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeRandom } from "@myelin/platform/node";
import { SimRandom } from "@myelin/platform/sim";
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

test("damaged keys and signatures of all lengths are no keys and no signatures, and nothing is thrown", () => {
  const chance = new SimRandom(8);
  const below = (end: number): number => chance.uint32() % end;
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567abcxyz0189+/=-_ \n\0é\ud800";
  const damage = (text: string): string => {
    const at = below(text.length + 1);
    const letter = letters[below(letters.length)] as string;
    switch (below(6)) {
      case 0:
        return text.slice(0, at);
      case 1:
        return text.slice(at);
      case 2:
        return text.slice(0, at) + letter + text.slice(at + 1);
      case 3:
        return text.slice(0, at) + letter + text.slice(at);
      case 4:
        return text.slice(0, at) + text.slice(at + 1);
      default:
        return text + text.slice(0, at);
    }
  };
  // Always the same: of 65,536 damaged keys one has the right checksum by chance, and is a key.
  const pair = nkeys.fromSeed(encode("SUAGM3SNWKSJIQDPSGDUMGIE3H3BSNINKGW7HSKT7CGFII5SIH2IZGP7BM"));
  const key = pair.getPublicKey();
  const nonce = createNonce(chance);
  const sig = Buffer.from(pair.sign(encode(nonce))).toString("base64url");
  const others = [
    "AAF25OAUSLXEXIV24JFPB5RXGTHJL6GYIBUILLB55B2PL5BL2NYTCIJ5",
    createServerId(chance),
    "U".repeat(56),
    `U${"A".repeat(55)}`,
    "",
  ];
  for (let i = 0; i < 50_000; i++) {
    let bad = i % 10 === 0 ? (others[below(others.length)] as string) : key;
    for (let times = 1 + below(3); times > 0; times--) bad = damage(bad);
    const isSame = bad === key;
    assert.equal(isPublicUserKey(bad), isSame, bad);
    if (!isSame) assert.equal(verifySignature(bad, nonce, sig), false, bad);
    let badSig = sig;
    for (let times = 1 + below(3); times > 0; times--) badSig = damage(badSig);
    // The last letter carries bits that no byte takes.
    const isSameSig = Buffer.from(badSig, "base64url").equals(Buffer.from(sig, "base64url"));
    if (i % 10 === 0 && !isSameSig) assert.equal(verifySignature(key, nonce, badSig), false, badSig);
  }
});

test("createNonce() makes 15 characters, each time others", () => {
  const nonces = new Set(Array.from({ length: 100 }, () => createNonce(random)));
  assert.equal(nonces.size, 100);
  for (const nonce of nonces) assert.match(nonce, /^[A-Za-z0-9_-]{15}$/);
});
