import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockViews } from "./block-views.ts";

/** A block somewhere in a larger buffer, each byte its place. */
function block(bytes: number, offset: number): Uint8Array {
  const view = new Uint8Array(new ArrayBuffer(bytes + offset), offset, bytes);
  for (let at = 0; at < bytes; at++) view[at] = at;
  return view;
}

test("BlockViews.of() gives the range of the block that was asked for, whichever came before", () => {
  const views = new BlockViews();
  const blocks = [block(100, 0), block(200, 7), block(300 * 1024, 3), block(50, 1)];
  for (const first of blocks) {
    for (const second of blocks) {
      for (const bytes of [first, second, first]) {
        const view = views.of(bytes, 10, 40);
        assert.equal(view.buffer, bytes.buffer, "no copy");
        assert.deepEqual(view, new Uint8Array(bytes.subarray(10, 40)));
      }
    }
  }
});

test("BlockViews.of() gives plain arrays of bytes, also for blocks that are Buffers", () => {
  const view = new BlockViews().of(Buffer.from("hello"), 1, 3);
  assert.equal(Buffer.isBuffer(view), false);
  assert.deepEqual(view, new Uint8Array([0x65, 0x6c]));
});
