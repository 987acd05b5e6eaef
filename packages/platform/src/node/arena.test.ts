import assert from "node:assert/strict";
import { test } from "node:test";
import { type Arena, SLAB_CLASS_MAX, SLAB_CLASS_MIN, slabClassOf } from "../arena.ts";
import { SimRandom } from "../sim/random.ts";
import { createPlainArena, sharedArena } from "./arena.ts";

const MIB = 1024 * 1024;

/** `MYELIN_ARENA=plain` makes both the plain form; without it the shared one is WebAssembly's. */
const ARENAS: { name: string; arena: Arena }[] = [
  { name: "shared", arena: sharedArena() },
  { name: "plain", arena: createPlainArena(4 * MIB) },
];

interface Slab {
  offset: number;
  sizeClass: number;
}

for (const { name, arena } of ARENAS) {
  test(`copy() moves bytes as copyWithin does, ${name}`, () => {
    const slab = arena.take(SLAB_CLASS_MIN);
    const view = arena.bytes.subarray(slab, slab + 64);
    for (const { to, from, length } of [
      { to: 32, from: 0, length: 16 },
      { to: 4, from: 0, length: 20 },
      { to: 0, from: 4, length: 20 },
      { to: 5, from: 5, length: 0 },
    ]) {
      for (let i = 0; i < view.length; i++) view[i] = i;
      const expected = Uint8Array.from(view).copyWithin(to, from, from + length);
      arena.copy(slab + to, slab + from, length);
      assert.deepEqual(Uint8Array.from(view), expected, `${length} bytes from ${from} to ${to}`);
    }
    arena.give(slab, SLAB_CLASS_MIN);
  });

  test(`xor() is what a loop over bytes is, at every length and place, ${name}`, () => {
    const slab = arena.take(SLAB_CLASS_MIN);
    const word = [0x11, 0x22, 0x83, 0xf4];
    const asNumber = 0xf4832211 | 0;
    for (let start = 0; start < 5; start++) {
      for (let length = 0; length < 70; length++) {
        const view = arena.bytes.subarray(slab, slab + 80);
        for (let i = 0; i < view.length; i++) view[i] = i * 7;
        const expected = Uint8Array.from(view, (byte, at) =>
          at >= start && at < start + length ? byte ^ (word[(at - start) & 3] as number) : byte,
        );
        arena.xor(slab + start, slab + start + length, asNumber);
        assert.deepEqual(Uint8Array.from(view), expected, `${length} bytes from ${start}`);
      }
    }
    arena.give(slab, SLAB_CLASS_MIN);
  });

  test(`take() gives slabs that overlap neither each other nor the read region, ${name}`, () => {
    const random = new SimRandom(0x5ab);
    const taken: Slab[] = [];
    const before = arena.takenBytes();
    for (let round = 0; round < 400; round++) {
      if (taken.length > 20) {
        const [slab] = taken.splice(random.uint32() % taken.length, 1) as [Slab];
        arena.give(slab.offset, slab.sizeClass);
      }
      const sizeClass = SLAB_CLASS_MIN + (random.uint32() % (SLAB_CLASS_MAX - SLAB_CLASS_MIN + 1));
      const offset = arena.take(sizeClass);
      if (offset === 0) continue; // used up, which the next test is about
      const end = offset + (1 << sizeClass);
      assert.ok(offset >= arena.readStart + arena.readSize && end <= arena.bytes.length);
      for (const other of taken)
        assert.ok(
          end <= other.offset || offset >= other.offset + (1 << other.sizeClass),
          `${offset} in ${other.offset}`,
        );
      taken.push({ offset, sizeClass });
    }
    assert.equal(
      arena.takenBytes() - before,
      taken.reduce((sum, { sizeClass }) => sum + (1 << sizeClass), 0),
    );
    for (const { offset, sizeClass } of taken) arena.give(offset, sizeClass);
    assert.equal(arena.takenBytes(), before);
  });
}

test("take() returns 0 when the arena is used up, and slabs again once some were given back", () => {
  const arena = createPlainArena(MIB);
  const offsets: number[] = [];
  for (let offset = arena.take(SLAB_CLASS_MAX); offset !== 0; offset = arena.take(SLAB_CLASS_MAX)) offsets.push(offset);
  assert.ok(offsets.length >= 5);
  assert.equal(arena.take(SLAB_CLASS_MAX), 0);
  assert.equal(arena.takenBytes(), offsets.length << SLAB_CLASS_MAX);
  const last = offsets.at(-1) as number;
  arena.give(last, SLAB_CLASS_MAX);
  assert.equal(arena.take(SLAB_CLASS_MAX), last);
});

test("sharedArena() is the same at every call", () => {
  assert.equal(sharedArena(), sharedArena());
  assert.equal(sharedArena().kind, process.env["MYELIN_ARENA"] === "plain" ? "plain" : "wasm");
});

test("slabClassOf() is the smallest class that holds a size", () => {
  for (const { size, sizeClass } of [
    { size: 1, sizeClass: 12 },
    { size: 4096, sizeClass: 12 },
    { size: 4097, sizeClass: 13 },
    { size: 65536, sizeClass: 16 },
    { size: 131072, sizeClass: 17 },
    { size: 131073, sizeClass: 18 },
  ])
    assert.equal(slabClassOf(size), sizeClass, `${size} bytes`);
});
