import assert from "node:assert/strict";
import { test } from "node:test";
import { BenchError } from "../errors.ts";
import { AckReader, INBOX } from "./ack-reader.ts";

function ack(id: number, stream: string, seq: number): string {
  const payload = `{"stream":"${stream}","seq":${seq}}`;
  return `MSG ${INBOX}${String(id).padStart(8, "0")} 1 ${payload.length}\r\n${payload}\r\n`;
}

function read(text: string, cut: number): { ids: number[]; lines: string[] } {
  const ids: number[] = [];
  const lines: string[] = [];
  const reader = new AckReader(
    (id) => ids.push(id),
    (line) => lines.push(line),
  );
  for (const part of [text.slice(0, cut), text.slice(cut)]) {
    // Behind the chunk stands what the read before left in the buffer.
    const chunk = Buffer.from(`${part}MSG garbage`, "latin1");
    reader.take(chunk, part.length);
  }
  return { ids, lines };
}

const GOOD = `${ack(7, "S0000", 1)}${ack(8, "S0012", 1)}PING\r\n${ack(123, "S0000", 2)}`;

test("AckReader takes every acknowledgement, and the lines between them, cut at every byte", () => {
  for (let cut = 0; cut <= GOOD.length; cut++)
    assert.deepEqual(read(GOOD, cut), { ids: [7, 8, 123], lines: ["PING"] }, `cut at ${cut}`);
});

for (const [name, text] of [
  ["a sequence that is missing", ack(1, "S0000", 1) + ack(2, "S0000", 3)],
  ["a sequence that comes again", ack(1, "S0000", 1) + ack(2, "S0000", 1)],
  ["an error", `MSG ${INBOX}00000001 1 31\r\n{"error":{"code":503},"seq":"1"}\r\n`],
  ["a stream that is not one of the load's", ack(1, "Sxyz0", 1)],
] as const) {
  test(`AckReader refuses ${name}`, () => {
    assert.throws(() => read(text, 0), BenchError);
  });
}
