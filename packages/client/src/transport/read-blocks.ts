// The blocks that a socket reads into, one read behind the other. Messages keep their block, so a block is used once, and the
// garbage collector frees it: nothing is copied but the message that a block's end cuts.
//
// A view of one small message keeps its whole block. That is why blocks are small until reads are large: a large block saves
// calls into the kernel and the runtime only where a read could fill much of it.

/** The first is smaller yet: many connections read little. */
const FIRST_BLOCK_BYTES = 16 * 1024;
const BLOCK_BYTES = 64 * 1024;
/** The most that a message can keep alive beside itself; docs/client.md says so. */
const LARGE_BLOCK_BYTES = 256 * 1024;
/** Reads of so many bytes, on the average of a block, make the next one large. */
const LARGE_READ_BYTES = 16 * 1024;
/** A block with less room than this is left. */
const READ_BYTES_MIN = 8 * 1024;

/** Gives one socket room to read into. */
export class ReadBlocks {
  readonly #allocate: (size: number) => Uint8Array;
  readonly #carryOver: (block: Uint8Array) => number;
  #block: Uint8Array;
  /** Where the next read begins. */
  #at = 0;
  #first = 0;
  #reads = 0;

  /**
   * @param allocate - Gives a block of exactly that many bytes, of any content.
   * @param carryOver - Copies what is incomplete to the front of a fresh block and says how many bytes that are; see `OwningSink`.
   */
  constructor(allocate: (size: number) => Uint8Array, carryOver: (block: Uint8Array) => number) {
    this.#allocate = allocate;
    this.#carryOver = carryOver;
    this.#block = allocate(FIRST_BLOCK_BYTES);
  }

  /** The block that the last read went into. */
  get block(): Uint8Array {
    return this.#block;
  }

  /** Where the next read goes. Asked for once before each read, when the bytes of the one before have been handed on. */
  room(): Uint8Array {
    if (this.#block.length - this.#at < READ_BYTES_MIN) this.#renew();
    return this.#at === 0 ? this.#block : this.#block.subarray(this.#at);
  }

  /** Notes a read into that room; returns where in {@link block} it begins. */
  took(length: number): number {
    const start = this.#at;
    this.#at += length;
    this.#reads++;
    return start;
  }

  #renew(): void {
    const isFirst = this.#block.length < BLOCK_BYTES;
    const readsAreLarge = this.#at - this.#first >= this.#reads * LARGE_READ_BYTES;
    this.#block = this.#allocate(readsAreLarge && !isFirst ? LARGE_BLOCK_BYTES : BLOCK_BYTES);
    this.#at = this.#first = this.#carryOver(this.#block);
    this.#reads = 0;
  }
}
