// Keeps the index files of blocks up to date: after a checkpoint, for what it made durable. A full block is covered to its end; of the
// newest one a part may stay uncovered, which grows with the block so that an index file is a few dozen chunks at most.

import type { IndexBlock } from "../index/record-index.ts";
import { BLOCK_HEADER_BYTES } from "./block-file.ts";
import type { StreamReach } from "./checkpoint.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import { ChunkEncoder, chunkSlots } from "./index-chunk.ts";
import { sealChunk } from "./sealed-chunk.ts";

/** Of a newest block this share may be uncovered. */
const UNCOVERED_SHARE = 1 / 8;
/** When the store stops, a newest block may be uncovered by this share of the option's bytes. */
const STOPPING_SHARE = 1 / 4;

/** Writes the index files of a store. */
export class Indexer {
  #core: FileStoreCore;
  #encoder: ChunkEncoder;

  constructor(core: FileStoreCore, storeId: number) {
    this.#core = core;
    this.#encoder = new ChunkEncoder(storeId);
  }

  /** Whether any full block is not covered to its end. */
  behind(backing: FileBacking): boolean {
    const { index, blocks } = backing;
    for (const block of index.records.blocks) {
      if (block.number >= blocks.last) return false;
      if ((blocks.byNumber.get(block.number)?.index.coveredTo ?? 0) < block.endOffset) return true;
    }
    return false;
  }

  /** Brings the index files of a stream up to its last checkpoint. */
  async run(backing: FileBacking, stopping: boolean): Promise<void> {
    const reached = backing.saver.checkpointed;
    if (reached === null) return;
    const { slices } = this.#core;
    for (const block of [...backing.index.records.blocks]) {
      if (block.number > reached.block) return;
      if (!this.#wanted(backing, block, reached, stopping)) continue;
      while (await this.#addChunk(backing, block, reached)) if (slices.due) await slices.pause();
    }
  }

  #wanted(backing: FileBacking, block: IndexBlock, reached: StreamReach, stopping: boolean): boolean {
    const file = backing.blocks.byNumber.get(block.number);
    if (file === undefined) return false;
    const { coveredTo } = file.index;
    if (block.number < reached.block) return coveredTo < block.endOffset;
    const { indexBytes } = this.#core.options;
    const allowed = stopping ? indexBytes * STOPPING_SHARE : Math.max(indexBytes, coveredTo * UNCOVERED_SHARE);
    return reached.offset - coveredTo >= allowed;
  }

  /** Adds one chunk; returns whether there is more to cover. */
  async #addChunk(backing: FileBacking, block: IndexBlock, reached: StreamReach): Promise<boolean> {
    const { index, incarnation, blocks } = backing;
    const file = blocks.byNumber.get(block.number);
    // The block may have gone, been cut or been written anew in a pause.
    if (backing.deleted || file === undefined || backing.saver.checkpointed !== reached) return false;
    if (!index.records.blocks.includes(block)) return false;
    // The loss has to be found again by whoever opens the store, also of what stood at the block's end.
    if (index.holdsLost(block)) return false;
    const covered = file.index.coveredTo;
    const to = block.number < reached.block ? block.endOffset : Math.min(reached.offset, block.endOffset);
    const slot = slotAt(block, covered);
    if (slot === 0 && block.slots > 0 && block.offset(0) !== BLOCK_HEADER_BYTES) return false; // its begin is damaged
    const end = lastRecordEnd(block, slot, Math.min(slot + chunkSlots(block, index.subjects), slotAt(block, to)));
    if (end <= slot) return false;
    const chunk = this.#encoder.encode(incarnation, block, slot, end - slot, index.subjects, file.file());
    if (chunk === null) return false; // damaged: left for its reader to notice and report
    const stored = backing.sealer === null ? chunk : sealChunk(chunk, backing.sealer);
    const coveredTo = end < block.slots ? block.offset(end) : block.endOffset;
    try {
      return (await file.index.append(stored, coveredTo)) && end < block.slots;
    } catch (error) {
      // Without an index file opening takes longer, and nothing else.
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "ENOSPC" || code === "EDQUOT") return false;
      throw error;
    }
  }
}

/** The first slot whose record begins at or after `offset`; `slots` when none does. */
function slotAt(block: IndexBlock, offset: number): number {
  if (offset <= BLOCK_HEADER_BYTES) return 0;
  let low = 0;
  let high = block.slots;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (block.offset(middle) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One past the last slot in `[slot, end)` that has a record; `slot` when none has. */
function lastRecordEnd(block: IndexBlock, slot: number, end: number): number {
  let last = end;
  while (last > slot && block.slotBytes(last - 1) === 0) last--;
  return last;
}
