// Takes the mask off what a WebSocket client sent: each byte XOR one of four, in place.
//
// Every byte of every message comes by here. A loop over bytes costs 1.6 ns a byte (Node 20), which is more than the rest of a
// message's way through the server; over words it is 0.3, and by the arena's WebAssembly 0.06. What sockets read is in the
// arena; what comes by TLS or from a program's own HTTP server is not.

import type { Arena } from "@myelin/platform";

/** Below this a loop over bytes is quicker than a view of words. */
const WORDS_BYTES_MIN = 32;

/** Unmasks for all connections of a server. */
export class Unmasker {
  readonly #arena: Arena;
  readonly #memory: ArrayBufferLike;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#memory = arena.bytes.buffer;
  }

  /**
   * Unmasks `bytes[start, end)` in place.
   *
   * @param mask - The four bytes of the frame's header.
   * @param phase - Which of them the first byte is for: the number of bytes of this payload that came before.
   */
  unmask(bytes: Uint8Array, start: number, end: number, mask: Uint8Array, phase: number): void {
    if (bytes.buffer === this.#memory) {
      const offset = bytes.byteOffset - this.#arena.bytes.byteOffset;
      this.#arena.xor(offset + start, offset + end, wordOf(mask, phase));
      return;
    }
    let at = start;
    if (end - start >= WORDS_BYTES_MIN) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const word = wordOf(mask, phase);
      for (; at + 4 <= end; at += 4) view.setInt32(at, view.getInt32(at, true) ^ word, true);
    }
    // Whole words leave the phase as it is.
    for (let i = phase; at < end; at++, i++) bytes[at] = (bytes[at] as number) ^ (mask[i & 3] as number);
  }
}

/** The mask as a word, the byte for the first place lowest. */
function wordOf(mask: Uint8Array, phase: number): number {
  const byte = (i: number): number => mask[(phase + i) & 3] as number;
  return byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
}
