// What is kept about clients, and what of a file is believed.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { SnappyEncoder, writeS2Stream } from "@myelin/protocol/s2";
import { type OcspAnswerRequest, TestAuthority } from "@myelin/testing";
import { SILENT_LOGGER } from "../../logger.ts";
import { checkedAnswer, type OcspAnswer } from "./answer.ts";
import { AnswerCache, CACHED_ANSWERS_MAX, CACHED_BYTES_MAX } from "./answer-cache.ts";
import type { SavedAnswer } from "./cache-file.ts";
import { fingerprintOf } from "./certificate.ts";

const AUTHORITY = new TestAuthority();
const ISSUER = new X509Certificate(AUTHORITY.cert);
const CLIENT = new X509Certificate(AUTHORITY.issue({ usage: "client" }).cert);
const OTHER = new X509Certificate(AUTHORITY.issue({ usage: "client" }).cert);
const NOW = Math.floor(Date.now() / 1000) * 1000;
const HOUR_MS = 3_600_000;
const encoder = new SnappyEncoder();

/** A cache with what it had to say. */
function cacheOf(...saved: SavedAnswer[]): { cache: AnswerCache; lines: string[]; changes: () => number } {
  const lines: string[] = [];
  let changes = 0;
  const cache = new AnswerCache({ ...SILENT_LOGGER, debug: (text) => void lines.push(text) });
  cache.takeSaved(saved);
  cache.onChange = () => changes++;
  return { cache, lines, changes: () => changes };
}

function answerFor(certificate: X509Certificate, request: OcspAnswerRequest = {}): OcspAnswer {
  return checkedAnswer(AUTHORITY.answer(certificate.toString(), request), certificate, ISSUER, NOW);
}

function savedFor(
  certificate: X509Certificate,
  request: OcspAnswerRequest = {},
  more: Partial<SavedAnswer> = {},
): SavedAnswer {
  const { nextUpdate = new Date(NOW + HOUR_MS), status = "good" } = request;
  const der = AUTHORITY.answer(certificate.toString(), { ...request, nextUpdate });
  return {
    fingerprint: fingerprintOf(certificate),
    subject: "CN=client",
    cachedAtMs: NOW,
    status,
    expiresMs: nextUpdate?.getTime() ?? null,
    stream: writeS2Stream(der, encoder),
    ...more,
  };
}

test("an answer that was put is found, and is to be saved", () => {
  const { cache, changes } = cacheOf();
  const answer = answerFor(CLIENT);
  cache.put(CLIENT, answer, "CN=client", NOW);
  assert.equal(cache.get(CLIENT, ISSUER, NOW), answer);
  assert.equal(cache.get(OTHER, ISSUER, NOW), null);
  assert.equal(changes(), 1);
  const [saved, ...more] = cache.toSave();
  assert.equal(more.length, 0);
  const { der, nextUpdateMs, status } = answer;
  const wanted = {
    fingerprint: fingerprintOf(CLIENT),
    subject: "CN=client",
    cachedAtMs: NOW,
    status,
    expiresMs: nextUpdateMs,
  };
  assert.deepEqual(saved, { ...wanted, stream: writeS2Stream(der, encoder) });
  assert.equal(cache.bytes, der.length + (saved?.stream.length ?? 0));
});

test("an answer from a file is checked before it counts, and goes back as it came", () => {
  const saved = savedFor(CLIENT);
  const { cache, changes } = cacheOf(saved);
  assert.deepEqual([...cache.toSave()], [saved]);
  const found = cache.get(CLIENT, ISSUER, NOW);
  assert.equal(found?.status, "good");
  assert.equal(cache.get(CLIENT, ISSUER, NOW), found);
  assert.deepEqual([...cache.toSave()], [saved]);
  assert.equal(changes(), 0);
});

const DER = AUTHORITY.answer(CLIENT.toString());
const LIES: ReadonlyArray<readonly [what: string, saved: SavedAnswer, why: RegExp]> = [
  ["about another certificate", savedFor(OTHER, {}, { fingerprint: fingerprintOf(CLIENT) }), /no response matching/],
  [
    "of another authority",
    savedFor(CLIENT, {}, { stream: writeS2Stream(new TestAuthority().answer(CLIENT.toString()), encoder) }),
    /signed neither by/,
  ],
  ["that is no stream", savedFor(CLIENT, {}, { stream: DER }), /does not begin as an S2 stream does/],
  ["that is no answer", savedFor(CLIENT, {}, { stream: writeS2Stream(Buffer.from("?"), encoder) }), /cannot be read/],
  [
    "that is larger than any",
    savedFor(CLIENT, {}, { stream: writeS2Stream(new Uint8Array(65_537), encoder) }),
    /larger than it may be/,
  ],
  [
    "with a byte changed",
    savedFor(
      CLIENT,
      {},
      {
        stream: writeS2Stream(
          DER.map((byte, i) => (i === 60 ? byte ^ 1 : byte)),
          encoder,
        ),
      },
    ),
    /signed neither by|cannot be read/,
  ],
];
for (const [what, saved, why] of LIES) {
  test(`an answer from a file ${what} is removed when it is asked for`, () => {
    const { cache, changes, lines } = cacheOf(saved);
    assert.equal(cache.get(CLIENT, ISSUER, NOW), null);
    assert.deepEqual([cache.size, cache.bytes, changes()], [0, 0, 1]);
    const key = Buffer.from(fingerprintOf(CLIENT), "hex").toString("base64");
    assert.ok(lines[0]?.startsWith(`Invalid cached OCSP response for [CN=client] with fingerprint [${key}]: `));
    assert.match(lines[0] ?? "", why);
  });
}

test("a revocation of a responder whose certificate is out of date is remembered, and nothing else of it believed", () => {
  const responder = AUTHORITY.issue({ usage: "ocsp" });
  const later = Date.parse(new X509Certificate(responder.cert).validTo) + HOUR_MS;
  for (const status of ["revoked", "good"] as const) {
    const nextUpdate = new Date(NOW + 60_000);
    const ended = savedFor(CLIENT, { responder, status, nextUpdate });
    const { cache } = cacheOf(ended);
    const found = cache.get(CLIENT, ISSUER, later);
    assert.deepEqual([found?.status, found?.nextUpdateMs], [status, nextUpdate.getTime()]);
    // The file cannot make one that goes on count as of the responder's time.
    for (const until of [new Date(later + HOUR_MS), null]) {
      const going = savedFor(CLIENT, { responder, status, nextUpdate: until }, { expiresMs: NOW });
      assert.equal(cacheOf(going).cache.get(CLIENT, ISSUER, later), null);
    }
  }
});

for (const preserveRevoked of [false, true]) {
  test(`preserve_revoked ${preserveRevoked}: a revocation that has ended is remembered, and ${preserveRevoked ? "" : "not "}saved`, () => {
    const { cache, changes } = cacheOf();
    cache.preserveRevoked = preserveRevoked;
    cache.put(CLIENT, answerFor(CLIENT, { status: "revoked" }), "", NOW);
    cache.put(OTHER, answerFor(OTHER), "", NOW);
    for (let i = 0; i < 2; i++) for (const each of [CLIENT, OTHER]) cache.end(each);
    assert.equal(cache.get(CLIENT, ISSUER, NOW)?.status, "revoked");
    assert.equal(cache.get(OTHER, ISSUER, NOW), null);
    assert.equal([...cache.toSave()].length, preserveRevoked ? 1 : 0);
    assert.equal(changes(), preserveRevoked ? 3 : 4);
    cache.put(CLIENT, answerFor(CLIENT, { status: "revoked" }), "", NOW);
    assert.equal([...cache.toSave()].length, 1);
  });
}

test("what is known already is not replaced from a file", () => {
  const { cache } = cacheOf();
  cache.put(CLIENT, answerFor(CLIENT, { status: "revoked" }), "", NOW);
  cache.takeSaved([savedFor(CLIENT)]);
  assert.equal(cache.get(CLIENT, ISSUER, NOW)?.status, "revoked");
});

test("only the newest answers are kept, by their number and by their size", () => {
  const saved = (i: number, bytes: number): SavedAnswer => ({
    ...savedFor(CLIENT),
    fingerprint: i.toString(16).padStart(64, "0"),
    stream: new Uint8Array(bytes),
  });
  const many = Array.from({ length: CACHED_ANSWERS_MAX + 10 }, (_, i) => saved(i, 10));
  const { cache } = cacheOf(...many);
  assert.deepEqual([cache.size, cache.bytes], [CACHED_ANSWERS_MAX, CACHED_ANSWERS_MAX * 10]);
  assert.equal([...cache.toSave()][0]?.fingerprint, many[10]?.fingerprint);
  cache.put(CLIENT, answerFor(CLIENT), "", NOW);
  assert.equal(cache.size, CACHED_ANSWERS_MAX);
  assert.equal([...cache.toSave()][0]?.fingerprint, many[11]?.fingerprint);

  const large = cacheOf(...Array.from({ length: 300 }, (_, i) => saved(i, 65_000)));
  assert.ok(large.cache.bytes <= CACHED_BYTES_MAX && large.cache.bytes > CACHED_BYTES_MAX - 65_000);
  assert.equal(large.cache.bytes, large.cache.size * 65_000);
});
