// What a process that was killed, or whose disk lost its power, had been told: read from the lines that kill-child.ts writes, and
// compared with what its store holds afterwards.

import assert from "node:assert/strict";
import type { FileStoreOptions } from "../file/options.ts";
import type { Store } from "../store.ts";

/** What was told over any number of lives of one store. */
export class Told {
  /** Payloads that were durable, by stream and sequence. */
  readonly #stored: Map<string, string> = new Map();
  readonly #askedGone: Set<string> = new Set();
  readonly #gone: Set<string> = new Set();

  /** Appends that were called durable. */
  get appends(): number {
    return this.#stored.size;
  }

  /** Takes what the process has written so far, from the beginning; the last line may have been cut short. */
  note(text: string): void {
    for (const line of text.split("\n").slice(0, -1)) {
      const [kind, stream, seq, payload] = line.split(" ");
      const key = `${stream} ${seq}`;
      if (kind === "a") this.#stored.set(key, payload as string);
      else if (kind === "r") this.#askedGone.add(key);
      else if (kind === "d") this.#gone.add(key);
    }
  }

  /** Nothing that was durable is lost, changed, or back after its removal, and nothing is listed as lost. */
  assertKept(store: Store, what: string): void {
    for (const log of store.streams()) assert.deepEqual(log.state().lost, [], what);
    for (const [key, payload] of this.#stored) {
      const [stream, seq] = key.split(" ") as [string, string];
      const message = store.stream(stream)!.load(Number(seq));
      if (message === null) assert.ok(this.#askedGone.has(key), `${what}: ${key} is lost`);
      else assert.equal(Buffer.from(message.payload).toString(), payload, `${what}: ${key}`);
      assert.ok(message === null || !this.#gone.has(key), `${what}: ${key} is back`);
    }
  }
}

/** How kill-child.ts opens its store: small, so that blocks roll, segments fill and checkpoints run. */
export const KILL_OPTIONS: FileStoreOptions = {
  blockBytes: 64 * 1024,
  segmentBytes: 256 * 1024,
  segments: 3,
  directBytes: 8 * 1024,
  ballastBytes: 64 * 1024,
};
