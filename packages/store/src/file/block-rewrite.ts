// Writing records anew where they stand: a sparse block without what was taken away, an erased message without its content.

import type { DiskFile } from "@myelin/platform";
import { viewOf } from "../checksum.ts";
import { IndexBlock } from "../index/record-index.ts";
import { aligned, putU32, recordDataOffset, sealRecord, soundMessage } from "../record.ts";
import type { Slices } from "../slices.ts";
import { BLOCK_HEADER_BYTES, putBlockHeader } from "./block-file.ts";

/** Bytes that are read or written in one step. */
const STEP_BYTES = 512 * 1024;
/** Slots that are copied between two looks at the clock. */
const SLOTS_PER_LOOK = 32;

/** Two buffers for one block after the other: allocating 32 MB for each would keep the garbage collector busy. */
export class CopyScratch {
  #old: Uint8Array = new Uint8Array(0);
  #bytes: Uint8Array = new Uint8Array(0);

  /** Both buffers, of at least `size` bytes, holding anything. */
  sized(size: number): { old: Uint8Array; bytes: Uint8Array } {
    if (this.#old.length < size) {
      // Zeros would be written at once, memory that was never touched as the work goes on.
      this.#old = Buffer.allocUnsafeSlow(size);
      this.#bytes = Buffer.allocUnsafeSlow(size);
    }
    return { old: this.#old, bytes: this.#bytes };
  }
}

/**
 * The live records of a block as a block of their own: those that are live now, whatever goes while the work is under way.
 *
 * @param keep - Says of other sequences whether their records have to stay.
 * @param scratch - The result is in it until the next call.
 * @returns Null when a record is damaged, or the block was cut meanwhile.
 */
export async function copyBlock(
  file: DiskFile,
  block: IndexBlock,
  incarnation: number,
  keep: (seq: number) => boolean,
  scratch: CopyScratch,
  slices: Slices,
): Promise<{ bytes: Uint8Array; block: IndexBlock } | null> {
  const { slots, endOffset } = block;
  const live = new Uint8Array(slots);
  block.copyLive(live);
  const wanted = live.slice();
  for (let slot = 0; slot < slots; slot++)
    if (wanted[slot] === 0 && keep(block.firstSeq + slot) && block.slotBytes(slot) > 0) wanted[slot] = 1;
  const { old, bytes } = scratch.sized(endOffset);
  const oldView = viewOf(old);
  const view = viewOf(bytes);
  for (let at = 0; at < endOffset; at += STEP_BYTES) {
    file.read(old, at, Math.min(STEP_BYTES, endOffset - at), at);
    if (slices.due) await slices.pause();
  }
  putBlockHeader(bytes, 0, incarnation, block.number, block.firstSeq);
  const copy = new IndexBlock(block.number, block.firstSeq, BLOCK_HEADER_BYTES);
  copy.expect(slots);
  for (let slot = 0; slot < slots; slot++) {
    if (slot % SLOTS_PER_LOOK === 0 && slices.due) await slices.pause();
    if (block.slots !== slots) return null;
    if (wanted[slot] === 0) {
      copy.addAbsent();
      continue;
    }
    const from = block.offset(slot);
    const length = soundMessage(oldView, from, endOffset, incarnation, block.number, from);
    if (length === 0) return null;
    const to = copy.endOffset;
    bytes.set(old.subarray(from, from + length), to);
    putU32(bytes, to + 16, to);
    putU32(bytes, to + 44, 0);
    sealRecord(view, to, length);
    copy.addFrom(block, slot);
    if (live[slot] === 0) copy.remove(slot);
  }
  copy.seal();
  return { bytes: bytes.subarray(0, copy.endOffset), block: copy };
}

/** Writes a block's bytes to its file. */
export async function writeBlock(file: DiskFile, bytes: Uint8Array, slices: Slices): Promise<void> {
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    file.write(bytes, at, Math.min(bytes.length, at + STEP_BYTES), at);
    if (slices.due) await slices.pause();
  }
}

/** Overwrites subject, headers and payload. The record stays sound: what it says about sequences is still needed. */
export function overwriteRecord(file: DiskFile, offset: number, length: number): void {
  const bytes = new Uint8Array(aligned(length));
  if (file.read(bytes, 0, length, offset) < length) return;
  bytes.fill(0, recordDataOffset(bytes[22]!), length);
  sealRecord(viewOf(bytes), 0, length);
  file.write(bytes, 0, bytes.length, offset);
}
