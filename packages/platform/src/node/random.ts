// Real chance.

import { randomFillSync } from "node:crypto";
import type { Random } from "../random.ts";
import { xorshift32 } from "../xorshift.ts";

/** A quick generator seeded from the system's strong one, which also gives the secrets. */
export class NodeRandom implements Random {
  #state: number;

  constructor() {
    const seed = randomFillSync(new Int32Array(1));
    this.#state = seed[0] || 1; // xorshift never leaves zero
  }

  uint32(): number {
    this.#state = xorshift32(this.#state);
    return this.#state >>> 0;
  }

  fillSecret(bytes: Uint8Array): Uint8Array {
    return randomFillSync(bytes);
  }
}
