// The file of answers about clients, byte by byte and damaged.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readCacheFile, type SavedAnswer, writeCacheFile } from "./cache-file.ts";

const SAVED: SavedAnswer = {
  fingerprint: "00".repeat(31) + "ff",
  subject: "O=a+CN=<b>",
  cachedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  status: "good",
  expiresMs: Date.UTC(2026, 0, 2, 4, 4, 5),
  stream: new Uint8Array([1, 2, 3, 255]),
};
const OTHER: SavedAnswer = { ...SAVED, fingerprint: "11".repeat(32), subject: "", status: "revoked", expiresMs: null };

async function written(...answers: SavedAnswer[]): Promise<string> {
  const pieces = [];
  for await (const piece of writeCacheFile(answers)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

function plain(answers: readonly SavedAnswer[]): SavedAnswer[] {
  return answers.map((answer) => ({ ...answer, stream: new Uint8Array(answer.stream) }));
}

test("a file looks as the reference's does", async () => {
  assert.equal(
    await written(SAVED, OTHER),
    `{
 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP8=": {
  "subject": "O=a+CN=<b>",
  "cached_at": "2026-01-02T03:04:05Z",
  "resp_status": "good",
  "resp_expires": "2026-01-02T04:04:05Z",
  "resp": "AQID/w=="
 },
 "ERERERERERERERERERERERERERERERERERERERERERE=": {
  "cached_at": "2026-01-02T03:04:05Z",
  "resp_status": "revoked",
  "resp_expires": "0001-01-01T00:00:00Z",
  "resp": "AQID/w=="
 }
}`,
  );
  assert.equal(await written(), "{}");
});

test("what was written is read, the oldest first", async () => {
  const newest = { ...OTHER, fingerprint: "22".repeat(32), cachedAtMs: SAVED.cachedAtMs + 2_000 };
  const { answers, dropped } = readCacheFile(await written(newest, SAVED, OTHER));
  assert.deepEqual([plain(answers), dropped], [[SAVED, OTHER, newest], 0]);
  const text = fc.string({ unit: "grapheme", maxLength: 100 });
  await fc.assert(
    fc.asyncProperty(text, fc.uint8Array({ maxLength: 100 }), async (subject, stream) => {
      const saved = { ...SAVED, subject, stream };
      assert.deepEqual(plain(readCacheFile(await written(saved)).answers), [saved]);
    }),
  );
});

test("a large file comes in pieces, each in a turn of its own", async () => {
  const many = Array.from({ length: 200 }, (_, i) => ({
    ...SAVED,
    fingerprint: i.toString(16).padStart(64, "0"),
    stream: new Uint8Array(2_000),
  }));
  let pieces = 0;
  let turns = 0;
  const tick = (): void => {
    turns++;
    if (pieces < 9) setImmediate(tick);
  };
  setImmediate(tick);
  let text = "";
  for await (const piece of writeCacheFile(many)) {
    pieces++;
    text += Buffer.from(piece).toString();
  }
  assert.ok(pieces === 9 && turns >= 8, `${pieces} pieces in ${turns} turns`);
  assert.equal(readCacheFile(text).answers.length, 200);
});

test("readCacheFile() leaves out what cannot be read, and keeps the rest", () => {
  const good = {
    cached_at: "2026-01-02T03:04:05Z",
    resp_status: "good",
    resp_expires: "2026-01-02T04:04:05Z",
    resp: "AQ==",
  };
  const key = (i: number): string => Buffer.alloc(32, i).toString("base64");
  const file = {
    [key(1)]: good,
    [key(2)]: { ...good, cached_at: 5 },
    [key(3)]: { ...good, cached_at: "soon" },
    [key(4)]: { ...good, resp_status: "fine" },
    [key(5)]: { ...good, resp_expires: undefined },
    [key(6)]: { ...good, resp: null },
    [key(7)]: { ...good, resp: Buffer.alloc(100_000).toString("base64") },
    [key(8)]: { ...good, subject: ["x"] },
    [key(9)]: "good",
    [key(10)]: null,
    [key(11)]: [],
    [`${key(12)}x`]: good,
    [key(13).slice(1)]: good,
    __proto__x: good,
    [key(14)]: { ...good, subject: "x".repeat(5_000), more: 1 },
  };
  const { answers, dropped } = readCacheFile(JSON.stringify(file));
  assert.deepEqual(
    answers.map(({ fingerprint, subject }) => [fingerprint, subject.length]),
    [
      ["01".repeat(32), 0],
      ["0e".repeat(32), 1_024],
    ],
  );
  assert.equal(dropped, 13);
});

test("readCacheFile() throws for what is no JSON object, whatever it is", () => {
  for (const text of ["", "{", "[]", "null", "5", '"x"', "\u0000", `{"a":1,}`]) {
    assert.throws(() => readCacheFile(text), Error, text);
  }
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text);
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      if (isObject) assert.deepEqual(readCacheFile(text), { answers: [], dropped: Object.keys(value).length });
      else assert.throws(() => readCacheFile(text), Error);
    }),
  );
});
