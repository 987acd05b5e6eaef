// What a store keeps for a consumer of a stream: its state as bytes, replaced as a whole.

/**
 * The durable state of one consumer. One that was never saved is not durable, and not there any more when the store is opened again:
 * what a consumer is, is in its state, and without one there is nothing to bring back.
 */
export interface ConsumerLog {
  readonly name: string;
  /** What was saved last; null when nothing was. Not to be changed. */
  readonly state: Uint8Array | null;

  /**
   * Replaces the state; the bytes are copied. Of several calls in one turn only the last is written. Durable with the store's
   * next ticket.
   */
  save(state: Uint8Array): void;

  /** Removes the consumer with its state. */
  delete(): void;
}

/** A consumer of a `Stream`, which decides what a change means. */
export class StreamConsumer implements ConsumerLog {
  readonly name: string;
  state: Uint8Array | null;
  #change: (state: Uint8Array | null) => void;

  /** @param change - Gives it another state (null: removes it), or refuses by throwing. */
  constructor(name: string, state: Uint8Array | null, change: (state: Uint8Array | null) => void) {
    this.name = name;
    this.state = state;
    this.#change = change;
  }

  save(state: Uint8Array): void {
    this.#change(new Uint8Array(state)); // not slice(): a Buffer's shares its memory
  }

  delete(): void {
    this.#change(null);
  }
}
