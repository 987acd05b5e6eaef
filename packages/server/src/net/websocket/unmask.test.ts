import assert from "node:assert/strict";
import { test } from "node:test";
import { SLAB_CLASS_MIN } from "@myelin/platform";
import { createPlainArena, sharedArena } from "@myelin/platform/node";
import fc from "fast-check";
import { Unmasker } from "./unmask.ts";

/** The rule as RFC 6455 writes it, in place of the words. */
function plainUnmask(bytes: Uint8Array, mask: Uint8Array, phase: number): Uint8Array {
  return bytes.map((byte, at) => byte ^ (mask[(phase + at) & 3] as number));
}

const ARENAS = [sharedArena(), createPlainArena(1024 * 1024)];

for (const arena of ARENAS) {
  test(`unmask() is what the plain loop is, at every alignment and phase, and touches nothing else, ${arena.kind}`, () => {
    const unmasker = new Unmasker(arena);
    const slab = arena.take(SLAB_CLASS_MIN);
    const cases = fc.record({
      content: fc.uint8Array({ minLength: 0, maxLength: 300 }),
      mask: fc.uint8Array({ minLength: 4, maxLength: 4 }),
      before: fc.nat(9),
      phase: fc.nat(3),
      inArena: fc.boolean(),
    });
    fc.assert(
      fc.property(cases, ({ content, mask, before, phase, inArena }) => {
        const bytes = inArena ? arena.bytes.subarray(slab, slab + 400) : new Uint8Array(401).subarray(1);
        bytes.fill(0xaa);
        bytes.set(content, before);
        unmasker.unmask(bytes, before, before + content.length, mask, phase);
        const expected = new Uint8Array(400).fill(0xaa);
        expected.set(plainUnmask(content, mask, phase), before);
        assert.deepEqual(Uint8Array.from(bytes), expected);
      }),
    );
    arena.give(slab, SLAB_CLASS_MIN);
  });
}
