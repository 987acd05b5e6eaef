import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  encodeHeaderBlock,
  HeaderError,
  headerNameProblem,
  headerStatus,
  headerValueProblem,
  parseHeaderBlock,
} from "./headers.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test("parseHeaderBlock() reads fields in order, keeps case, trims values, skips empty names", () => {
  const block = parseHeaderBlock(bytesOf("NATS/1.0\r\nKey:  a b \r\nkey:c\r\n: nobody\r\nEmpty:\r\nKey: d:e\r\n\r\n"));
  assert.deepEqual(block, {
    status: 0,
    description: "",
    fields: [
      ["Key", "a b"],
      ["key", "c"],
      ["Empty", ""],
      ["Key", "d:e"],
    ],
  });
});

test("parseHeaderBlock() reads the status with and without words", () => {
  const withWords = parseHeaderBlock(bytesOf("NATS/1.0 503 No Responders\r\n\r\n"));
  assert.deepEqual([withWords.status, withWords.description], [503, "No Responders"]);
  const without = parseHeaderBlock(bytesOf("NATS/1.0 408\r\n\r\n"));
  assert.deepEqual([without.status, without.description], [408, ""]);
  const tight = parseHeaderBlock(bytesOf("NATS/1.0   404Not Found\r\n\r\n"));
  assert.deepEqual([tight.status, tight.description], [404, "Not Found"]);
});

test("parseHeaderBlock() refuses what does not follow the format", () => {
  for (const text of ["", "NATS/1.0\r\n", "HTTP/1.1\r\n\r\n", "NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0 abc\r\n\r\n"]) {
    assert.throws(() => parseHeaderBlock(bytesOf(text)), HeaderError, JSON.stringify(text));
  }
});

test("headerStatus() agrees with parseHeaderBlock()", () => {
  for (const line of ["NATS/1.0 503", "NATS/1.0", "NATS/1.0 100 Idle", "NATS/1.0 4", "NATS/1.0 099"]) {
    const bytes = bytesOf(`${line}\r\n\r\n`);
    const expected = /(\d{3})/.exec(line.slice(8))?.[1];
    assert.equal(headerStatus(bytes, 0, bytes.length), Number(expected ?? 0) >= 100 ? Number(expected) : 0, line);
  }
});

test("encodeHeaderBlock() and parseHeaderBlock() are inverse for every name and value that passes the checks", () => {
  const name = fc.string({ minLength: 1 }).filter((text) => headerNameProblem(text) === null);
  const value = fc
    .string({ unit: "grapheme" })
    .filter((text) => headerValueProblem(text) === null && text === text.trim());
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (fields) => {
      const block = { status: 0, description: "", fields };
      assert.deepEqual(parseHeaderBlock(encodeHeaderBlock(block)), block);
    }),
  );
});

test("headerNameProblem() and headerValueProblem() refuse what could begin another header", () => {
  for (const name of ["", "a b", "a:b", "a\r\nb", "ä", "a\0", "a\t"])
    assert.notEqual(headerNameProblem(name), null, name);
  for (const value of ["a\r\nb", "a\nb", "\r", "a\0"]) assert.notEqual(headerValueProblem(value), null);
  assert.equal(headerNameProblem("Nats-Msg-Id"), null);
  assert.equal(headerValueProblem("ünï: code"), null);
});
