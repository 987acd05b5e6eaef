// Which chain of certificates the check of a client goes along.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { TestAuthority } from "@myelin/testing";
import { findChain } from "./chain.ts";

const ROOT = new TestAuthority("root");
const MIDDLE = new TestAuthority("middle", ROOT);
const CLIENT = MIDDLE.issue({ usage: "client" });

function chain(shown: readonly string[], trusted: readonly string[], nowMs: number = Date.now()): string[] | null {
  const read = (list: readonly string[]): X509Certificate[] => list.map((pem) => new X509Certificate(pem));
  const found = findChain(read(shown), read(trusted), nowMs);
  return found === null ? null : found.map((certificate) => certificate.toString());
}

test("findChain() goes from the client's certificate to a CA, whatever else was shown", () => {
  const whole = [CLIENT.cert, MIDDLE.cert, ROOT.cert];
  assert.deepEqual(chain([CLIENT.cert, MIDDLE.cert], [ROOT.cert]), whole);
  assert.deepEqual(chain([CLIENT.cert, ROOT.cert, MIDDLE.cert], [new TestAuthority("other").cert, ROOT.cert]), whole);
  assert.deepEqual(chain([CLIENT.cert], [ROOT.cert, MIDDLE.cert]), [CLIENT.cert, MIDDLE.cert]);
  assert.deepEqual(chain([ROOT.cert], [ROOT.cert]), [ROOT.cert]);
});

test("findChain() finds none that ends in no CA, or goes over somebody who is none", () => {
  assert.equal(chain([], [ROOT.cert]), null);
  assert.equal(chain([CLIENT.cert], [ROOT.cert]), null);
  assert.equal(chain([CLIENT.cert, MIDDLE.cert, ROOT.cert], [new TestAuthority("root").cert]), null);
  assert.equal(chain([CLIENT.cert, MIDDLE.cert], [ROOT.cert], Date.now() + 2 * 3_600_000), null);
});

test("findChain() is not led past a certificate by another for the same key whose issuer nobody knows", () => {
  const stranger = new TestAuthority("stranger");
  const detour = MIDDLE.certifiedBy(stranger);
  assert.deepEqual(chain([CLIENT.cert, detour, stranger.cert, MIDDLE.cert], [ROOT.cert]), [
    CLIENT.cert,
    MIDDLE.cert,
    ROOT.cert,
  ]);
  assert.equal(chain([CLIENT.cert, detour, stranger.cert], [ROOT.cert]), null);
});

test("findChain() gives up on certificates that have all issued each other", () => {
  const ring = Array.from({ length: 9 }, () => new TestAuthority("ring"));
  const [first] = ring as [TestAuthority];
  const crossed = ring.flatMap((one) => ring.map((other) => one.certifiedBy(other)));
  assert.equal(chain([first.issue().cert, ...crossed], [ROOT.cert]), null);
});
