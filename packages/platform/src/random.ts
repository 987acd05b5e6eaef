// Chance as Myelin sees it: a quick source for choices, a strong one for secrets. A seeded form in `./sim` repeats a whole run.

/** Where random numbers come from. */
export interface Random {
  /** A number from 0 to 2^32 - 1. Quick and not secret: for choosing a queue member or spreading timers. */
  uint32(): number;

  /**
   * Fills `bytes` with unpredictable bytes: for ids, nonces, inboxes and keys.
   *
   * @returns The same array.
   */
  fillSecret(bytes: Uint8Array): Uint8Array;
}
