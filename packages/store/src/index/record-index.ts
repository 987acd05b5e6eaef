// Where each record of a stream is, whose it is, and which record of the same subject comes next: twelve bytes per record, in
// typed arrays per block, found by sequence with a binary search over the blocks.
//
//   place, 32 bits:  0-22 offset / 8   23 no message here   24 has headers   25-27 padding bytes   28 has a time to live
//                    29 follows a gap
//
// A slot without a message keeps its offset, so that a record's length is the distance to the next slot.

import { RECORD_HEADER_BYTES } from "../record.ts";

/** In a place: the offset divided by 8. */
export const OFFSET_MASK = 0x7fffff;
/** In a place: there is no message. */
export const ABSENT: number = 1 << 23;
const HEADERS = 1 << 24;
const PADDING_SHIFT = 25;
const TTL = 1 << 28;
const GAP = 1 << 29;

/** Everything in a place but the offset and whether there is a message. */
const TRAITS_MASK = ~(OFFSET_MASK | ABSENT);

/** No subject: the slot never had a message. */
const NO_SUBJECT = 0xffffffff;
/** The next record of the subject is too far away for 32 bits. */
const LINK_FAR = 0xffffffff;
const SLOTS_START = 64;
const SLOT_WORDS = 3;
const SUBJECT = 1;
const LINK = 2;
/** Sequences without a message that are kept as slots; a larger hole begins a new block. */
export const GAP_SLOTS_MAX = 4096;
/** Blocks end at the latest where an offset no longer fits in a place. */
export const BLOCK_BYTES_MAX: number = 64 * 1024 * 1024;
/** Words of the per-block summary of subjects. */
const SUMMARY_WORDS = 64;

/**
 * What the index must know about a record, as it stands in a place.
 *
 * @param padding - Bytes from its end to the next multiple of 8.
 */
export function traitsOf(headers: boolean, ttl: boolean, gap: boolean, padding: number): number {
  return (headers ? HEADERS : 0) | (ttl ? TTL : 0) | (gap ? GAP : 0) | (padding << PADDING_SHIFT);
}

/** Some messages in numbers. */
export interface Totals {
  readonly messages: number;
  /** Bytes of subject, headers and payload. */
  readonly dataBytes: number;
  /** How many of them have headers. */
  readonly withHeaders: number;
}

/** The records of one block, in order of sequence. */
export class IndexBlock {
  readonly number: number;
  readonly firstSeq: number;
  /** Slots used: sequences `firstSeq` to `firstSeq + slots - 1`. */
  slots = 0;
  /** Slots with a message. */
  live = 0;
  /** How many of those messages have a time to live. */
  liveTtls = 0;
  /** Bytes of the live records in the block, padding included. */
  liveBytes = 0;
  /** Where the next record goes. */
  endOffset: number;
  /** For each slot its place, its subject and its link: neighbours, because an append touches all of them. */
  #words: Uint32Array = new Uint32Array(SLOTS_START * SLOT_WORDS);
  #summary: Uint32Array = new Uint32Array(SUMMARY_WORDS);

  constructor(number: number, firstSeq: number, startOffset: number) {
    this.number = number;
    this.firstSeq = firstSeq;
    this.endOffset = startOffset;
  }

  get lastSeq(): number {
    return this.firstSeq + this.slots - 1;
  }

  /**
   * Adds a record at `endOffset`.
   *
   * @param place - As {@link place} or {@link traitsOf} gave it; the offset in it does not count.
   * @param bytes - Of the record in the block, padding included.
   */
  add(subject: number, place: number, bytes: number): void {
    const slot = this.#newSlot();
    const words = this.#words;
    const at = slot * SLOT_WORDS;
    words[at] = (place & TRAITS_MASK) | (this.endOffset / 8);
    words[at + SUBJECT] = subject;
    words[at + LINK] = 0;
    // The summary has it already when the record before is the same subject's.
    if (slot === 0 || words[at + SUBJECT - SLOT_WORDS] !== subject)
      this.#summary[(subject >>> 5) & (SUMMARY_WORDS - 1)]! |= 1 << (subject & 31);
    this.endOffset += bytes;
    this.live++;
    if ((place & TTL) !== 0) this.liveTtls++;
    this.liveBytes += bytes;
  }

  /** Adds a sequence that has no message, and `bytes` in the block that belong to none. */
  addAbsent(bytes = 0): void {
    const slot = this.#newSlot();
    this.#words[slot * SLOT_WORDS] = (this.endOffset / 8) | ABSENT;
    this.#words[slot * SLOT_WORDS + SUBJECT] = NO_SUBJECT;
    this.endOffset += bytes;
  }

  /** Adds the same record as in a slot of another block, at `endOffset`. */
  addFrom(other: IndexBlock, slot: number): void {
    this.add(other.#words[slot * SLOT_WORDS + SUBJECT]!, other.#words[slot * SLOT_WORDS]!, other.slotBytes(slot));
    this.#words[(this.slots - 1) * SLOT_WORDS + LINK] = other.#words[slot * SLOT_WORDS + LINK]!;
  }

  /** Reads the last slot, which gets the link, and the next one. */
  prefetch(): number {
    const words = this.#words;
    const at = this.slots * SLOT_WORDS;
    return at === 0 || at === words.length ? 0 : words[at - 1]! + words[at]! + this.live;
  }

  /** Makes room for so many more slots at once. */
  expect(slots: number): void {
    if ((this.slots + slots) * SLOT_WORDS > this.#words.length) this.#resize(this.slots + slots);
  }

  isLive(slot: number): boolean {
    return (this.#words[slot * SLOT_WORDS]! & ABSENT) === 0;
  }

  /** How many of the slots `[from, to)` have a message. Costs a nanosecond each. */
  countLive(from: number, to: number): number {
    const words = this.#words;
    let count = 0;
    for (let at = from * SLOT_WORDS; at < to * SLOT_WORDS; at += SLOT_WORDS) if ((words[at]! & ABSENT) === 0) count++;
    return count;
  }

  /** Fills in a 1 for each slot with a message. Costs a nanosecond each: for what must be of one moment. */
  copyLive(into: Uint8Array): void {
    const words = this.#words;
    for (let slot = 0, at = 0; slot < this.slots; slot++, at += SLOT_WORDS)
      into[slot] = (words[at]! & ABSENT) === 0 ? 1 : 0;
  }

  /** The message of a slot is gone. */
  remove(slot: number): void {
    this.liveBytes -= this.slotBytes(slot);
    if (this.hasTtl(slot)) this.liveTtls--;
    this.#words[slot * SLOT_WORDS]! |= ABSENT;
    this.live--;
  }

  /** Where a slot's record is and what it has, as one number; for index files. */
  place(slot: number): number {
    return this.#words[slot * SLOT_WORDS]!;
  }

  offset(slot: number): number {
    return (this.#words[slot * SLOT_WORDS]! & OFFSET_MASK) * 8;
  }

  /** Bytes from this slot's record to the next one. */
  slotBytes(slot: number): number {
    return (slot + 1 < this.slots ? this.offset(slot + 1) : this.endOffset) - this.offset(slot);
  }

  /** Length of the record in a slot, padding left out. */
  recordLength(slot: number): number {
    return this.slotBytes(slot) - ((this.#words[slot * SLOT_WORDS]! >>> PADDING_SHIFT) & 7);
  }

  /** Bytes of subject, headers and payload of the record in a slot. */
  dataBytes(slot: number): number {
    return this.recordLength(slot) - RECORD_HEADER_BYTES - (this.hasGap(slot) ? 8 : 0) - (this.hasTtl(slot) ? 8 : 0);
  }

  hasHeaders(slot: number): boolean {
    return (this.#words[slot * SLOT_WORDS]! & HEADERS) !== 0;
  }

  hasTtl(slot: number): boolean {
    return (this.#words[slot * SLOT_WORDS]! & TTL) !== 0;
  }

  hasGap(slot: number): boolean {
    return (this.#words[slot * SLOT_WORDS]! & GAP) !== 0;
  }

  /** Subject id of a slot; meaningless for a slot that is not live. */
  subject(slot: number): number {
    return this.#words[slot * SLOT_WORDS + SUBJECT]!;
  }

  /** Whether any record of this block may be of that subject. Never wrongly false. */
  mayHave(subject: number): boolean {
    return (this.#summary[(subject >>> 5) & (SUMMARY_WORDS - 1)]! & (1 << (subject & 31))) !== 0;
  }

  /** Distance in sequences to the next record of the same subject; 0 when there was none yet, Infinity when it is far away. */
  link(slot: number): number {
    const link = this.#words[slot * SLOT_WORDS + LINK]!;
    return link === LINK_FAR ? Number.POSITIVE_INFINITY : link;
  }

  setLink(slot: number, distance: number): void {
    this.#words[slot * SLOT_WORDS + LINK] = distance >= LINK_FAR ? LINK_FAR : distance;
  }

  /** First live slot at or after `slot`, or -1. */
  nextLive(slot: number): number {
    for (let i = slot; i < this.slots; i++) if ((this.#words[i * SLOT_WORDS]! & ABSENT) === 0) return i;
    return -1;
  }

  previousLive(slot: number): number {
    for (let i = slot; i >= 0; i--) if ((this.#words[i * SLOT_WORDS]! & ABSENT) === 0) return i;
    return -1;
  }

  /** First live slot at or after `slot` with that subject, or -1. */
  nextOf(slot: number, subject: number): number {
    const words = this.#words;
    for (let i = slot, at = slot * SLOT_WORDS; i < this.slots; i++, at += SLOT_WORDS)
      if (words[at + SUBJECT] === subject && (words[at]! & ABSENT) === 0) return i;
    return -1;
  }

  previousOf(slot: number, subject: number): number {
    const words = this.#words;
    for (let i = slot, at = slot * SLOT_WORDS; i >= 0; i--, at -= SLOT_WORDS)
      if (words[at + SUBJECT] === subject && (words[at]! & ABSENT) === 0) return i;
    return -1;
  }

  /**
   * Forgets the slots from `slot` on.
   *
   * @param bytesFrom - The bytes of the block from those of this slot on go. No slot from there on to `slot` is live.
   */
  cut(slot: number, bytesFrom: number): void {
    if (slot >= this.slots) return;
    const end = this.offset(bytesFrom);
    for (let i = bytesFrom; i < slot; i++) {
      this.#words[i * SLOT_WORDS] = (end / 8) | ABSENT;
      this.#words[i * SLOT_WORDS + SUBJECT] = NO_SUBJECT;
    }
    for (let i = slot; i < this.slots; i++) if (this.isLive(i)) this.remove(i);
    this.slots = slot;
    this.endOffset = end;
  }

  /** How many sequences at the end never had a record. */
  trailingGap(): number {
    let count = 0;
    for (
      let i = this.slots - 1;
      i >= 0 && this.#words[i * SLOT_WORDS + SUBJECT] === NO_SUBJECT && this.slotBytes(i) === 0;
      i--
    )
      count++;
    return count;
  }

  /** The block will get no more records: gives back what it does not need. */
  seal(): void {
    if (this.#words.length > this.slots * SLOT_WORDS) this.#words = this.#words.slice(0, this.slots * SLOT_WORDS);
  }

  /** The messages of the slots `[from, to)`. */
  liveTotals(from: number, to: number): Totals {
    let messages = 0;
    let dataBytes = 0;
    let withHeaders = 0;
    for (let slot = from; slot < to; slot++) {
      const place = this.#words[slot * SLOT_WORDS]!;
      if ((place & ABSENT) !== 0) continue;
      messages++;
      dataBytes += this.dataBytes(slot);
      if ((place & HEADERS) !== 0) withHeaders++;
    }
    return { messages, dataBytes, withHeaders };
  }

  /** The subject of the last slot has another id now. */
  renameLast(subject: number): void {
    this.#words[(this.slots - 1) * SLOT_WORDS + SUBJECT] = subject;
    this.#summary[(subject >>> 5) & (SUMMARY_WORDS - 1)]! |= 1 << (subject & 31);
  }

  /** All messages are gone but that of the last slot, whose subject has another id now. */
  keepNewest(subject: number): void {
    const words = this.#words;
    const last = this.slots - 1;
    for (let slot = 0, at = 0; slot < last; slot++, at += SLOT_WORDS) words[at]! |= ABSENT;
    this.renameLast(subject);
    this.live = 1;
    this.liveTtls = this.hasTtl(last) ? 1 : 0;
    this.liveBytes = this.slotBytes(last);
  }

  /** The same block with the same slots, which changes by itself. */
  clone(): IndexBlock {
    const block = new IndexBlock(this.number, this.firstSeq, this.endOffset);
    block.slots = this.slots;
    block.live = this.live;
    block.liveTtls = this.liveTtls;
    block.liveBytes = this.liveBytes;
    block.#words = this.#words.slice(0, this.slots * SLOT_WORDS);
    block.#summary = this.#summary.slice();
    return block;
  }

  #newSlot(): number {
    if (this.slots * SLOT_WORDS === this.#words.length)
      this.#resize(Math.ceil(Math.max(SLOTS_START, this.slots * 1.5)));
    return this.slots++;
  }

  #resize(slots: number): void {
    const larger = new Uint32Array(slots * SLOT_WORDS);
    larger.set(this.#words);
    this.#words = larger;
  }
}

/** All blocks of a stream, in order of sequence. */
export class RecordIndex {
  readonly #blocks: IndexBlock[] = [];
  /** Kept apart from the others: every append asks for it. */
  #last: IndexBlock | null = null;
  #hidden: ReadonlySet<number>;

  /** @param hidden - Subjects whose messages are not there for anybody who asks here, although their slots say so. May change. */
  constructor(hidden: ReadonlySet<number> = new Set()) {
    this.#hidden = hidden;
  }

  get last(): IndexBlock | null {
    return this.#last;
  }

  /** The last sequence that has a record, whether or not its message is still there; 0: there is none. */
  get lastRecord(): number {
    return this.#last === null ? 0 : this.#last.lastSeq - this.#last.trailingGap();
  }

  get blocks(): readonly IndexBlock[] {
    return this.#blocks;
  }

  /** How many messages have a time to live. Costs a few nanoseconds for each block. */
  get liveTtls(): number {
    let count = 0;
    for (const block of this.#blocks) count += block.liveTtls;
    return count;
  }

  /** The same blocks, whatever is put in or taken out later. */
  copy(): RecordIndex {
    const copy = new RecordIndex(this.#hidden);
    for (const block of this.#blocks) copy.push(block);
    return copy;
  }

  /** A new block begins. */
  push(block: IndexBlock): void {
    this.#blocks.push(block);
    this.#last = block;
  }

  /** Takes the newest block out. */
  pop(): void {
    this.#blocks.pop();
    this.#last = this.#blocks.at(-1) ?? null;
  }

  /** Puts another form of a block in its place. */
  replace(position: number, block: IndexBlock): void {
    this.#blocks[position] = block;
    this.#last = this.#blocks.at(-1)!;
  }

  /** Takes a block out. */
  drop(block: IndexBlock): void {
    this.#blocks.splice(this.#blocks.indexOf(block), 1);
    this.#last = this.#blocks.at(-1) ?? null;
  }

  /** Takes all blocks out but the newest. */
  takeOlder(): IndexBlock[] {
    return this.#blocks.splice(0, this.#blocks.length - 1);
  }

  clear(): void {
    this.#blocks.length = 0;
    this.#last = null;
  }

  /** Position in `blocks` of the first block that ends at or after `seq`; `blocks.length` when there is none. */
  position(seq: number): number {
    let low = 0;
    let high = this.blocks.length;
    // Most questions are about the newest block.
    if (high > 0 && seq >= this.blocks[high - 1]!.firstSeq)
      return seq <= this.blocks[high - 1]!.lastSeq ? high - 1 : high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.blocks[middle]!.lastSeq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The block with a live record of that sequence, or null. */
  find(seq: number): IndexBlock | null {
    const block = this.blocks[this.position(seq)];
    if (block === undefined || seq < block.firstSeq || !block.isLive(seq - block.firstSeq)) return null;
    return this.#hides(block, seq - block.firstSeq) ? null : block;
  }

  /** The block that has a slot for that sequence, which there is. */
  at(seq: number): IndexBlock {
    return this.#blocks[this.position(seq)]!;
  }

  /** First live sequence at or after `seq`, or 0. */
  nextLive(seq: number): number {
    for (let i = this.position(seq); i < this.blocks.length; i++) {
      const block = this.blocks[i]!;
      if (block.live === 0) continue;
      let slot = block.nextLive(Math.max(0, seq - block.firstSeq));
      while (slot >= 0 && this.#hides(block, slot)) slot = block.nextLive(slot + 1);
      if (slot >= 0) return block.firstSeq + slot;
    }
    return 0;
  }

  /** Last live sequence at or before `seq`, or 0. */
  previousLive(seq: number): number {
    for (let i = Math.min(this.position(seq), this.blocks.length - 1); i >= 0; i--) {
      const block = this.blocks[i]!;
      if (block.live === 0 || block.firstSeq > seq) continue;
      let slot = block.previousLive(Math.min(block.slots - 1, seq - block.firstSeq));
      while (slot >= 0 && this.#hides(block, slot)) slot = block.previousLive(slot - 1);
      if (slot >= 0) return block.firstSeq + slot;
    }
    return 0;
  }

  /** First live sequence of a subject in `[from, to]`, or 0. */
  nextOf(subject: number, from: number, to: number): number {
    for (let i = this.position(from); i < this.blocks.length; i++) {
      const block = this.blocks[i]!;
      if (block.firstSeq > to) break;
      if (block.live === 0 || !block.mayHave(subject)) continue;
      const slot = block.nextOf(Math.max(0, from - block.firstSeq), subject);
      if (slot >= 0) return block.firstSeq + slot > to ? 0 : block.firstSeq + slot;
    }
    return 0;
  }

  /** Last live sequence of a subject in `[from, to]`, or 0. */
  previousOf(subject: number, from: number, to: number): number {
    for (let i = Math.min(this.position(to), this.blocks.length - 1); i >= 0; i--) {
      const block = this.blocks[i]!;
      if (block.lastSeq < from) break;
      if (block.live === 0 || block.firstSeq > to || !block.mayHave(subject)) continue;
      const slot = block.previousOf(Math.min(block.slots - 1, to - block.firstSeq), subject);
      if (slot >= 0) return block.firstSeq + slot < from ? 0 : block.firstSeq + slot;
    }
    return 0;
  }

  #hides(block: IndexBlock, slot: number): boolean {
    return this.#hidden.size > 0 && this.#hidden.has(block.subject(slot));
  }
}
