// Chance that repeats: the same seed gives the same run.

import type { Random } from "../random.ts";
import { xorshift32 } from "../xorshift.ts";

/** A seeded generator (xorshift over 32 bits) for both kinds of randomness. Never for real secrets. */
export class SimRandom implements Random {
  #state: number;

  /** @param seed - Any number; print it when a test fails. */
  constructor(seed: number) {
    this.#state = Math.imul(seed | 0, 0x9e3779b1) ^ 0x85ebca6b || 1;
  }

  uint32(): number {
    this.#state = xorshift32(this.#state);
    return this.#state >>> 0;
  }

  fillSecret(bytes: Uint8Array): Uint8Array {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.uint32() >>> 11;
    return bytes;
  }
}
