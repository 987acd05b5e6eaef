// Writing records anew where they stand: a sparse block without what was taken away, an erased message without its content.

import type { DiskFile } from "@myelin/platform";
import { viewOf } from "../checksum.ts";
import { IndexBlock } from "../index/record-index.ts";
import { aligned, putU32, recordDataOffset, sealRecord, soundMessage } from "../record.ts";
import type { Slices } from "../slices.ts";
import { BLOCK_HEADER_BYTES, putBlockHeader } from "./block-file.ts";

/** Bytes that are read or written in one step. Memory that was never touched costs as much as the reading. */
const STEP_BYTES = 128 * 1024;
/** Slots that are copied between two looks at the clock. */
const SLOTS_PER_LOOK = 32;

/** Where a record was read to. */
interface ReadRecord {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: number;
  /** End of what was read. */
  readonly limit: number;
}

/** Reads one block after the other in small windows: a buffer of a block's size would keep the garbage collector busy. */
class ReadWindow {
  #window: Uint8Array = new Uint8Array(0);
  #windowView: DataView = viewOf(this.#window);
  /** What of the block the window holds. */
  #from = 0;
  #to = 0;

  /** Another block: nothing of it has been read. */
  begin(): void {
    this.#from = 0;
    this.#to = 0;
  }

  /**
   * Reads the record at `offset` of a block, and what follows it. Borrowed until the next call.
   *
   * @param file - Of the block; it returns null when that went.
   * @param length - Of the record.
   * @param end - Of the block.
   * @returns Null when there is no file any more.
   */
  read(file: () => DiskFile | null, offset: number, length: number, end: number): ReadRecord | null {
    if (offset < this.#from || offset + length > this.#to) {
      const open = file();
      if (open === null) return null;
      if (length > this.#window.length) {
        this.#window = new Uint8Array(Math.max(length, STEP_BYTES));
        this.#windowView = viewOf(this.#window);
      }
      this.#from = offset;
      this.#to = offset + open.read(this.#window, 0, Math.min(this.#window.length, end - offset), offset);
    }
    return { bytes: this.#window, view: this.#windowView, at: offset - this.#from, limit: this.#to - this.#from };
  }
}

/** Gathers what is written to one block after the other. */
class WriteWindow {
  /** What is gathered: in `[0, used)`. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = viewOf(this.bytes);
  used = 0;
  #file: DiskFile | null = null;
  /** Where in the file it belongs. */
  #at = 0;

  begin(file: DiskFile): void {
    this.#file = file;
    this.#at = 0;
    this.used = 0;
  }

  /** Makes room for `length` bytes more, and returns where they go in `bytes`. */
  place(length: number): number {
    if (this.used + length > this.bytes.length) this.write();
    if (length > this.bytes.length) {
      this.bytes = new Uint8Array(Math.max(length, STEP_BYTES));
      this.view = viewOf(this.bytes);
    }
    this.used += length;
    return this.used - length;
  }

  /** Writes what has been gathered. */
  write(): void {
    if (this.used > 0) this.#file!.write(this.bytes, 0, this.used, this.#at);
    this.#at += this.used;
    this.used = 0;
  }
}

/** Buffers for one block after the other, of whatever stream; made when the first one is written anew. */
export class CopyScratch {
  readonly source: ReadWindow = new ReadWindow();
  readonly target: WriteWindow = new WriteWindow();
}

/**
 * Writes the live records of a block as a block of their own: those that are live now, whatever goes while the work is under way.
 *
 * @param file - Its file, which may be closed or go in a pause: asked for before each reading; null when it went.
 * @param into - The file of the other block, which is empty. The caller syncs it, or removes it.
 * @param keep - Says of other sequences whether their records have to stay.
 * @returns The other block; null when a record is damaged, or the block was cut or went meanwhile.
 */
export async function copyBlock(
  file: () => DiskFile | null,
  into: DiskFile,
  block: IndexBlock,
  incarnation: number,
  keep: (seq: number) => boolean,
  { source, target }: CopyScratch,
  slices: Slices,
): Promise<IndexBlock | null> {
  const { slots, endOffset } = block;
  const live = new Uint8Array(slots);
  block.copyLive(live);
  source.begin();
  target.begin(into);
  const header = target.place(BLOCK_HEADER_BYTES);
  putBlockHeader(target.bytes, header, incarnation, block.number, block.firstSeq);
  const copy = new IndexBlock(block.number, block.firstSeq, BLOCK_HEADER_BYTES);
  copy.expect(slots);
  for (let slot = 0; slot < slots; slot++) {
    if (slot % SLOTS_PER_LOOK === 0 && slices.due) await slices.pause();
    if (block.slots !== slots) return null;
    const wanted = live[slot] === 1 || (keep(block.firstSeq + slot) && block.slotBytes(slot) > 0);
    if (!wanted) {
      copy.addAbsent();
      continue;
    }
    const from = block.offset(slot);
    const size = block.slotBytes(slot);
    const old = source.read(file, from, size, endOffset);
    const length = old === null ? 0 : soundMessage(old.view, old.at, old.limit, incarnation, block.number, from);
    if (old === null || length === 0 || length > size) return null;
    const to = target.place(size);
    target.bytes.set(old.bytes.subarray(old.at, old.at + length), to);
    target.bytes.fill(0, to + length, to + size);
    putU32(target.bytes, to + 16, copy.endOffset);
    putU32(target.bytes, to + 44, 0);
    sealRecord(target.view, to, length);
    copy.addFrom(block, slot);
    if (live[slot] === 0) copy.remove(slot);
  }
  target.write();
  copy.seal();
  return copy;
}

/** Overwrites subject, headers and payload. The record stays sound: what it says about sequences is still needed. */
export function overwriteRecord(file: DiskFile, offset: number, length: number): void {
  const bytes = new Uint8Array(aligned(length));
  if (file.read(bytes, 0, length, offset) < length) return;
  bytes.fill(0, recordDataOffset(bytes[22]!), length);
  sealRecord(viewOf(bytes), 0, length);
  file.write(bytes, 0, bytes.length, offset);
}
