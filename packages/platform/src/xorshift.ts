// The quick generator behind both forms of Random: 32 bits of state, no secrets.

/** The state that follows `state`; never leaves zero, so do not begin there. */
export function xorshift32(state: number): number {
  let next = state;
  next ^= next << 13;
  next ^= next >>> 17;
  next ^= next << 5;
  return next;
}
