// The consumers of one stream, as the store keeps them: names and states.

import { type ConsumerLog, StreamConsumer } from "./consumer-log.ts";

/** Consumers by name. */
export class StreamConsumers {
  readonly #byName: Map<string, StreamConsumer> = new Map();
  readonly #changed: (name: string, state: Uint8Array | null) => void;

  /** @param changed - Called before a consumer gets a new state (null: is deleted); may refuse by throwing. */
  constructor(changed: (name: string, state: Uint8Array | null) => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Makes a consumer, or opens the one that is there. */
  open(name: string): ConsumerLog {
    return this.#byName.get(name) ?? this.#add(name, null);
  }

  all(): ConsumerLog[] {
    return [...this.#byName.values()];
  }

  /** A consumer that was found on disk; null: it was deleted. */
  restore(name: string, state: Uint8Array | null): void {
    if (state === null) this.#byName.delete(name);
    else this.#add(name, state);
  }

  /** The consumers that have a state. */
  states(): Map<string, Uint8Array> {
    const states = new Map<string, Uint8Array>();
    for (const { name, state } of this.#byName.values()) if (state !== null) states.set(name, state);
    return states;
  }

  #add(name: string, state: Uint8Array | null): StreamConsumer {
    const made = new StreamConsumer(name, state, (changed) => {
      this.#changed(name, changed);
      if (changed === null) this.#byName.delete(name);
    });
    this.#byName.set(name, made);
    return made;
  }
}
