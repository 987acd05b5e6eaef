import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameReader } from "./frames.ts";

test("take() hands out whole frames and lines in order, however the bytes are cut", () => {
  const stream = Buffer.from("M111M222PING\r\nM333INFO {}\r\nM444");
  for (let size = 1; size <= stream.length; size++) {
    const seen: string[] = [];
    const reader = new FrameReader(
      4,
      "M".charCodeAt(0),
      (bytes, at) => seen.push(bytes.toString("latin1", at, at + 4)),
      (line) => seen.push(line),
    );
    for (let at = 0; at < stream.length; at += size) {
      const piece = Buffer.from(stream.subarray(at, at + size));
      reader.take(piece, piece.length);
      piece.fill(0); // borrowed bytes are gone after the call
    }
    assert.deepEqual(seen, ["M111", "M222", "PING", "M333", "INFO {}", "M444"], `pieces of ${size}`);
  }
});
