// Writing records anew where they stand: a sparse block without what was taken away, an erased message without its content.

import type { DiskFile } from "@myelin/platform";
import { IndexBlock } from "../index/record-index.ts";
import { aligned, putU32, recordDataOffset, sealRecord, soundMessage } from "../record.ts";
import { BLOCK_HEADER_BYTES, putBlockHeader } from "./block-file.ts";

/**
 * The live records of a block as a block of their own.
 *
 * @param keep - Says of other sequences whether their records have to stay.
 * @returns Null when a record is damaged.
 */
export function copyBlock(
  file: DiskFile,
  block: IndexBlock,
  incarnation: number,
  keep: (seq: number) => boolean,
): { bytes: Uint8Array; block: IndexBlock } | null {
  const old = new Uint8Array(block.endOffset);
  const bytes = new Uint8Array(block.endOffset);
  file.read(old, 0, old.length, 0);
  putBlockHeader(bytes, 0, incarnation, block.number, block.firstSeq);
  const copy = new IndexBlock(block.number, block.firstSeq, BLOCK_HEADER_BYTES);
  for (let slot = 0; slot < block.slots; slot++) {
    const live = block.isLive(slot);
    if (!live && (block.slotBytes(slot) === 0 || !keep(block.firstSeq + slot))) {
      copy.addAbsent();
      continue;
    }
    const from = block.offset(slot);
    const length = soundMessage(old, from, old.length, incarnation, block.number, from);
    if (length === 0) return null;
    const to = copy.endOffset;
    bytes.set(old.subarray(from, from + length), to);
    putU32(bytes, to + 16, to);
    putU32(bytes, to + 44, 0);
    sealRecord(bytes, to, length);
    copy.addFrom(block, slot);
    if (!live) copy.remove(slot);
  }
  copy.seal();
  return { bytes: bytes.subarray(0, copy.endOffset), block: copy };
}

/** Overwrites subject, headers and payload. The record stays sound: what it says about sequences is still needed. */
export function overwriteRecord(file: DiskFile, offset: number, length: number): void {
  const bytes = new Uint8Array(aligned(length));
  if (file.read(bytes, 0, length, offset) < length) return;
  bytes.fill(0, recordDataOffset(bytes[22]!), length);
  sealRecord(bytes, 0, length);
  file.write(bytes, 0, bytes.length, offset);
}
