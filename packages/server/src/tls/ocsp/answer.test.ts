// Which answers of a responder are believed.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { type OcspAnswerRequest, TestAuthority } from "@myelin/testing";
import fc from "fast-check";
import { checkedAnswer, currencyProblem, type OcspAnswer } from "./answer.ts";

const AUTHORITY = new TestAuthority();
const OTHER_AUTHORITY = new TestAuthority();
const SERVER = AUTHORITY.issue();
const OTHER_SERVER = AUTHORITY.issue();
const RESPONDER = AUTHORITY.issue({ usage: "ocsp" });
const NOT_AUTHORIZED = {
  code: "OCSP_FAILED",
  message: /signed neither by the certificate's issuer nor by a responder/,
};

function check(der: Uint8Array, nowMs: number = Date.now()): OcspAnswer {
  return checkedAnswer(der, new X509Certificate(SERVER.cert), new X509Certificate(AUTHORITY.cert), nowMs);
}

for (const status of ["good", "revoked", "unknown"] as const) {
  test(`checkedAnswer() believes the issuer that a certificate is ${status}`, () => {
    const thisUpdate = new Date(Date.UTC(2026, 1, 3, 4, 5, 6));
    const nextUpdate = new Date(Date.UTC(2051, 1, 3, 4, 5, 6));
    const der = AUTHORITY.answer(SERVER.cert, { status, thisUpdate, nextUpdate });
    const expected = { status, thisUpdateMs: thisUpdate.getTime(), nextUpdateMs: nextUpdate.getTime(), der };
    assert.deepEqual(check(der), expected);
  });
}

test("checkedAnswer() believes a responder that the issuer has made one", () => {
  assert.equal(check(AUTHORITY.answer(SERVER.cert, { responder: RESPONDER, nextUpdate: null })).nextUpdateMs, null);
});

const LIARS: ReadonlyArray<readonly [who: string, request: OcspAnswerRequest]> = [
  ["a certificate of the issuer for another use", { responder: OTHER_SERVER }],
  ["the certificate itself", { responder: SERVER }],
  ["a responder of another issuer", { responder: OTHER_AUTHORITY.issue({ usage: "ocsp" }) }],
  ["another issuer of the same name", { responder: OTHER_AUTHORITY }],
  ["somebody with a responder's certificate and another key", { responder: { ...RESPONDER, key: SERVER.key } }],
];
for (const [who, request] of LIARS) {
  test(`checkedAnswer() does not believe ${who}`, () => {
    assert.throws(() => check(AUTHORITY.answer(SERVER.cert, request)), NOT_AUTHORIZED);
  });
}

test("checkedAnswer() does not believe a responder whose own certificate is out of date", () => {
  const der = AUTHORITY.answer(SERVER.cert, { responder: RESPONDER });
  for (const off of [-2, 2]) assert.throws(() => check(der, Date.now() + off * 3_600_000), NOT_AUTHORIZED);
});

test("checkedAnswer() refuses what is said of another certificate", () => {
  const message = /no response matching the supplied certificate/;
  assert.throws(() => check(AUTHORITY.answer(OTHER_SERVER.cert)), { message });
});

test("checkedAnswer() refuses what has to be understood and cannot be", () => {
  const message = /unsupported critical extension/;
  assert.throws(() => check(AUTHORITY.answer(SERVER.cert, { criticalExtension: true })), { message });
});

/** OCSPResponse { status } without anything else. */
const REFUSALS: ReadonlyArray<readonly [status: number, text: RegExp]> = [
  [1, /error from server: malformed/],
  [2, /error from server: internal error/],
  [3, /error from server: try later/],
  [5, /error from server: signature required/],
  [6, /error from server: unauthorized/],
  [99, /error from server: unknown status: 99/],
  [0, /the answer cannot be read/],
];
for (const [status, message] of REFUSALS) {
  test(`checkedAnswer() tells what a responder says instead of an answer: status ${status}`, () => {
    assert.throws(() => check(Buffer.from([0x30, 0x03, 0x0a, 0x01, status])), { code: "OCSP_FAILED", message });
  });
}

test("checkedAnswer() throws an OcspError for an answer with any byte changed, cut off or added", () => {
  const der = Buffer.from(AUTHORITY.answer(SERVER.cert, { responder: RESPONDER }));
  const signedEnd = der.length;
  for (let i = 0; i < signedEnd; i++) {
    assert.throws(() => check(der.subarray(0, i)), { name: "OcspError" }, `cut at ${i}`);
    const changed = Buffer.from(der);
    changed[i] = (changed[i] as number) ^ 0x01;
    // Some bytes say nothing: the parameters of an algorithm, or a certificate's. No change may alter what is believed.
    try {
      assert.equal(check(changed).status, "good", `byte ${i}`);
    } catch (error) {
      assert.equal((error as Error).name, "OcspError", `byte ${i}: ${String(error)}`);
    }
  }
  assert.throws(() => check(Buffer.concat([der, Buffer.from([0])])), { name: "OcspError" });
});

test("checkedAnswer() throws an OcspError for any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.throws(() => check(bytes), { name: "OcspError" });
    }),
  );
});

const NOW = 1_000_000_000;
const RULES = { skewMs: 0, lifeWithoutNextUpdateMs: null };
const TIMES: ReadonlyArray<
  readonly [
    thisUpdateMs: number,
    nextUpdateMs: number | null,
    rules: Partial<typeof RULES> | { lifeWithoutNextUpdateMs: number },
    problem: RegExp | null,
  ]
> = [
  [NOW - 1, NOW + 1, {}, null],
  [NOW, NOW, {}, null],
  [NOW - 9, NOW - 1, {}, /NextUpdate, is past time: 1970-01-12T13:46:39\.999Z/],
  [NOW + 1_000, NOW + 9_000, {}, /ThisUpdate, is future time: 1970-01-12T13:46:41Z/],
  [NOW - 9, null, {}, null],
  [NOW - 9, NOW - 5, { skewMs: 5 }, null],
  [NOW - 9, NOW - 6, { skewMs: 5 }, /NextUpdate/],
  [NOW + 5, NOW + 9, { skewMs: 5 }, null],
  [NOW + 6, NOW + 9, { skewMs: 5 }, /ThisUpdate/],
  [NOW - 9, null, { lifeWithoutNextUpdateMs: 9 }, null],
  [NOW - 9, null, { lifeWithoutNextUpdateMs: 8 }, /NextUpdate/],
];
for (const [thisUpdateMs, nextUpdateMs, rules, problem] of TIMES) {
  test(`currencyProblem() of ${thisUpdateMs - NOW} to ${nextUpdateMs === null ? "open" : nextUpdateMs - NOW}, ${JSON.stringify(rules)}`, () => {
    const answer: OcspAnswer = { status: "good", thisUpdateMs, nextUpdateMs, der: new Uint8Array(0) };
    const found = currencyProblem(answer, NOW, { ...RULES, ...rules });
    if (problem === null) assert.equal(found, null);
    else assert.match(found ?? "", problem);
  });
}
