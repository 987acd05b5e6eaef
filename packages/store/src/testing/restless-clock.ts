// Clocks for tests by which long work takes more slices than it would.

import { SimClock } from "@myelin/platform/sim";

/** Time that jumps whenever it is looked at: every slice is over as soon as it begins. */
export class RestlessClock extends SimClock {
  #ms = 0;

  override monotonicMs(): number {
    return (this.#ms += 1000);
  }
}

/** Time that goes on a little whenever it is looked at, so that long work takes several slices. */
export class TickingClock extends SimClock {
  looks = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + ++this.looks * 0.05;
  }
}
