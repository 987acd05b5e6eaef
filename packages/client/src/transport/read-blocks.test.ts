import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadBlocks } from "./read-blocks.ts";

const KIB = 1024;

/** Reads `bytes` at once, as a socket that has them does; gives the size of the block that they went into. */
function read(blocks: ReadBlocks, bytes: number): number {
  const room = blocks.room();
  const length = Math.min(bytes, room.length);
  const start = blocks.took(length);
  assert.equal(room.buffer, blocks.block.buffer);
  assert.equal(start, room.byteOffset - blocks.block.byteOffset, "reads lie where the room was");
  return blocks.block.length;
}

/** Reads of one size until `count` blocks have been used; their sizes. */
function sizes(blocks: ReadBlocks, bytes: number, count: number): number[] {
  const seen: Uint8Array[] = [];
  while (seen.length <= count) {
    read(blocks, bytes);
    if (seen.at(-1) !== blocks.block) seen.push(blocks.block);
  }
  return seen.slice(0, count).map((block) => block.length / KIB);
}

function blocksOf(carried: () => number = () => 0): ReadBlocks {
  return new ReadBlocks(
    (size) => new Uint8Array(size),
    () => carried(),
  );
}

test("ReadBlocks begins small, and is large only while reads are large", () => {
  const blocks = blocksOf();
  assert.deepEqual(sizes(blocks, 64 * KIB, 5), [16, 64, 256, 256, 256]);
  assert.deepEqual(sizes(blocks, 2 * KIB, 3).slice(1), [64, 64]);
  assert.deepEqual(sizes(blocks, 64 * KIB, 3).slice(1), [256, 256]);
});

test("ReadBlocks stays small while reads are small", () => {
  assert.deepEqual(sizes(blocksOf(), 1 * KIB, 4), [16, 64, 64, 64]);
});

test("ReadBlocks reads behind what is carried over, and does not take that for a large read", () => {
  const blocks = blocksOf(() => 60 * KIB);
  read(blocks, 16 * KIB);
  assert.equal(blocks.room().length, 4 * KIB, "what is carried over stands in front");
  assert.equal(blocks.took(4 * KIB), 60 * KIB);
  assert.equal(blocks.room().length, 4 * KIB);
  assert.equal(blocks.block.length, 64 * KIB);
});

test("ReadBlocks leaves a block with too little room for a read", () => {
  const blocks = blocksOf();
  const first = blocks.block;
  read(blocks, 9 * KIB);
  read(blocks, 1);
  assert.notEqual(blocks.block, first);
});
