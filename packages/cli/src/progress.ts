// Progress bars on stderr, for people: nothing is drawn where nobody sees it.

import type { MultiBar, SingleBar } from "cli-progress";
import type { Output } from "./output.ts";

/** One bar. Counting costs little: drawing happens a few times a second. */
export interface Bar {
  add(count: number): void;
}

const NO_BAR: Bar = { add: () => {} };

/** Bars that are drawn together. */
export class Progress {
  #bars: MultiBar | null = null;

  /**
   * Prepares drawing; call before anything else.
   *
   * @param wanted - False draws nothing, whatever stderr is.
   */
  async open(output: Output, wanted: boolean): Promise<void> {
    if (!wanted || !output.canDraw) return;
    const { MultiBar, Presets } = (await import("cli-progress")).default;
    const format = "{state} {duration_formatted} [{bar}] {percentage}% {value}/{total}";
    this.#bars = new MultiBar({ format, fps: 5, hideCursor: true, stopOnComplete: true }, Presets.rect);
  }

  /** Adds a bar. @param state - What is going on: "Publishing". */
  bar(total: number, state: string): Bar {
    const bar: SingleBar | undefined = this.#bars?.create(Math.max(1, total), 0, { state });
    return bar === undefined ? NO_BAR : { add: (count) => bar.increment(count) };
  }

  /** Draws the last state and leaves the bars standing. */
  close(): void {
    this.#bars?.stop();
    this.#bars = null;
  }
}
