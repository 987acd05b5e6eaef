// The consumers of one stream, as the store keeps them: names and states.

import { type ConsumerLog, StreamConsumer } from "./consumer-log.ts";

/** Consumers by name. */
export class StreamConsumers {
  readonly #byName: Map<string, StreamConsumer> = new Map();
  readonly #check: () => void;
  readonly #changed: (name: string, state: Uint8Array | null) => void;

  /**
   * @param check - Called before each change; may refuse it by throwing.
   * @param changed - Called when a consumer has a new state (null: is deleted). That may end the turn and begin a checkpoint, which asks
   *   for {@link states}: they have the change then, or the journal would give up what the checkpoint does not have.
   */
  constructor(check: () => void, changed: (name: string, state: Uint8Array | null) => void) {
    this.#check = check;
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
    const made: StreamConsumer = new StreamConsumer(name, state, (changed) => {
      this.#check();
      if (changed === null) this.#byName.delete(name);
      else made.state = changed;
      this.#changed(name, changed);
    });
    this.#byName.set(name, made);
    return made;
  }
}
