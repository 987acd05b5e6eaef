// The byte arena: one block of memory from which the message path takes its buffers, so that copying between any two of them
// is one call that costs a few nanoseconds. It belongs to the process (or thread), not to a server: it reserves address
// space once, and never grows, because growing would detach every view of it. What does not fit goes to ordinary buffers.
//
//   0            64 KiB                                          ~256 KiB                                    size
//   | not used   | headroom, 128 KiB | read region, 64 KiB        | slabs of 4 KiB .. 128 KiB, by size class  |
//
// Invariant: every byte of a slab that is sent was written by its holder first. Slabs are handed on as they were left.

/** Slab size classes are powers of two: class 12 is 4 KiB. */
export const SLAB_CLASS_MIN = 12;
/** Class 17 is 128 KiB, the largest slab. */
export const SLAB_CLASS_MAX = 17;

/** The shared block of memory; see the head of this file. */
export interface Arena {
  /** The whole block. Offset 0 is never handed out, so that 0 can mean "none". */
  readonly bytes: Uint8Array;
  /** The same bytes, to be read and written four at a time. */
  readonly view: DataView;

  /** Where the read region begins; every connection of the process reads into it, in turns. */
  readonly readStart: number;
  readonly readSize: number;
  /** Free bytes in front of the read region, for what was left over from the read before. */
  readonly headroom: number;

  /** How copies are made: the WebAssembly instruction, or the plain fallback where that cannot be had. */
  readonly kind: "wasm" | "plain";

  /** Copies inside the arena; ranges may overlap. The caller has checked the bounds. Costs 5 to 16 ns up to 1 KiB. */
  copy(to: number, from: number, length: number): void;

  /**
   * XORs `[start, end)` with a word, its lowest byte on the first byte, its second on the next, and so round: takes a WebSocket's mask
   * off. The caller has checked the bounds. Costs 0.06 ns a byte with WebAssembly, 0.3 without.
   *
   * @param word - 32 bits.
   */
  xor(start: number, end: number, word: number): void;

  /**
   * Takes a slab of `1 << sizeClass` bytes, with whatever bytes its last holder left in it.
   *
   * @param sizeClass - {@link SLAB_CLASS_MIN} to {@link SLAB_CLASS_MAX}.
   * @returns Its offset, or 0 when the arena has none left: then use an ordinary buffer.
   */
  take(sizeClass: number): number;

  /** Gives a slab back. Giving one twice, or with another class, corrupts other connections: a caller bug. */
  give(offset: number, sizeClass: number): void;

  /** Bytes in slabs that are taken now: for monitoring and for tests that look for leaks. */
  takenBytes(): number;
}

/**
 * The smallest class whose slab holds `size` bytes; may exceed {@link SLAB_CLASS_MAX}, which means that no slab does.
 *
 * @param size - Bytes, 1 to 2^31 - 1.
 */
export function slabClassOf(size: number): number {
  const sizeClass = 32 - Math.clz32(size - 1);
  return sizeClass < SLAB_CLASS_MIN ? SLAB_CLASS_MIN : sizeClass;
}
