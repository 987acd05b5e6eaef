import assert from "node:assert/strict";
import { test } from "node:test";
import { createPlainArena } from "@myelin/platform/node";
import { Publication } from "@myelin/protocol";
import { AckQueue } from "./ack-queue.ts";

function message(reply: string): Publication {
  const made = new Publication(Buffer.from(`${reply} 0\r\n\r\n`, "latin1"));
  made.replyEnd = reply.length;
  return made;
}

function queue(): { acks: AckQueue; sent: string[] } {
  const sent: string[] = [];
  const acks = new AckQueue(createPlainArena(), ({ bytes, subjectStart, subjectEnd, tailStart, end }) => {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    sent.push(`${text.toString("latin1", subjectStart, subjectEnd)}|${text.toString("latin1", tailStart, end)}`);
  });
  return { acks, sent };
}

test("release() sends what is durable, in order, and nothing else", () => {
  const { acks, sent } = queue();
  const one = acks.makeHead("one");
  const two = acks.makeHead("two");
  acks.add(message("_INBOX.a"), one, 1, 5);
  acks.add(message("_INBOX.b"), two, 1234567890123, 5);
  acks.add(message("_INBOX.c"), one, 10, 6);
  acks.release(4);
  assert.deepEqual(sent, []);
  acks.release(5);
  assert.deepEqual(sent, [
    '_INBOX.a|24\r\n{"stream":"one","seq":1}\r\n',
    '_INBOX.b|36\r\n{"stream":"two","seq":1234567890123}\r\n',
  ]);
  acks.release(9);
  assert.equal(sent.at(-1), '_INBOX.c|25\r\n{"stream":"one","seq":10}\r\n');
  assert.equal(sent.length, 3);
});

test("release() goes on from slab to slab", () => {
  const { acks, sent } = queue();
  const head = acks.makeHead("S");
  for (let seq = 1; seq <= 10_000; seq++) {
    acks.add(message(`_INBOX.${seq}`), head, seq, seq);
    if (seq > 5000) acks.release(seq - 5000);
  }
  acks.release(10_000);
  assert.equal(sent.length, 10_000);
  for (const [index, text] of sent.entries())
    assert.ok(text.startsWith(`_INBOX.${index + 1}|`) && text.endsWith(`"seq":${index + 1}}\r\n`), text);
});
