// What a store keeps for a consumer of a stream: its state as bytes, replaced as a whole.

/** The durable state of one consumer. */
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
