// Writes sparse blocks anew without what was taken away from them.

import type { DiskFile } from "@myelin/platform";
import type { IndexBlock } from "../index/record-index.ts";
import type { Slices } from "../slices.ts";
import { BLOCK_HEADER_BYTES, BlockFile } from "./block-file.ts";
import { type CopyScratch, copyBlock } from "./block-rewrite.ts";
import type { StreamReach } from "./checkpoint.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import { blockPath, MAKING_SUFFIX } from "./format.ts";

/** A block whose messages take no more of it than this is written anew. */
const SPARSE_SHARE = 0.5;
/** Slots that are looked at between two looks at the clock. */
const SLOTS_PER_LOOK = 1024;
/** Runs of sequences that are looked at between two looks at the clock. */
const RUNS_PER_LOOK = 1024;

/**
 * Writes the sparse blocks of a stream anew.
 *
 * @param reached - The checkpoint that was just made: everything in the blocks before its newest one is durable, removals included.
 */
export async function compactBlocks(
  core: FileStoreCore,
  backing: FileBacking,
  reached: StreamReach,
  scratch: CopyScratch,
): Promise<void> {
  const { blocks } = backing.index.records;
  for (const block of [...blocks]) {
    if (block.number >= reached.block || backing.deleted) break;
    const used = block.endOffset - BLOCK_HEADER_BYTES;
    // One of which something was lost stays as it is, for whoever repairs it.
    if (backing.index.holdsLost(block)) continue;
    if (block.live === 0 || block.liveBytes > used * SPARSE_SHARE || !blocks.includes(block)) continue;
    await compactBlock(core, backing, block, reached, scratch);
  }
}

async function compactBlock(
  core: FileStoreCore,
  backing: FileBacking,
  block: IndexBlock,
  reached: StreamReach,
  scratch: CopyScratch,
): Promise<void> {
  const { disk, pool, slices } = core;
  const { incarnation, index, blocks } = backing;
  const path = blockPath(incarnation, block.number);
  const recent = await recentlyTaken(backing, block, slices);
  // What is out of the index by a truncation that is under way is not gone yet, and nothing says so but this.
  if (recent === null || backing.truncating) return;
  const { firstSeq } = index;
  const keep = (seq: number): boolean =>
    seq >= reached.firstSeq && (seq < firstSeq || recent[seq - block.firstSeq] === 1);
  const { slots } = block;
  const source = (): DiskFile | null => blocks.byNumber.get(block.number)?.file() ?? null;
  const fresh = new BlockFile(pool, block.number, path + MAKING_SUFFIX, "", false);
  if (disk.stat(fresh.path) !== null) disk.remove(fresh.path);
  try {
    const file = fresh.file();
    fresh.dirty = true; // it must not be closed in a pause
    const copied = await copyBlock(source, file, block, incarnation, keep, scratch, slices);
    if (backing.deleted) return;
    if (copied === null) {
      fresh.close();
      disk.remove(fresh.path); // damaged: left for its reader to notice and report
      return;
    }
    await fresh.sync();
    // A record that goes may be the one that says that sequences before it never had a message.
    const never = await neverStored(backing, block, slices);
    if (await backing.tombstones.append(never, slices)) blocks.folderDirty = true;
    await blocks.syncFolder();
    // What goes in a pause, from where it has been looked already, is found the next time round.
    while (copied.live > block.live && block.slots === slots) await removeWhatWent(copied, block, slices);
    const position = index.records.blocks.indexOf(block);
    // A block that was cut meanwhile is another one.
    if (position >= 0 && block.slots === slots && !backing.deleted) {
      const old = blocks.byNumber.get(block.number)!;
      old.index.remove();
      disk.rename(fresh.path, path);
      old.close();
      blocks.add(block.number, true);
      index.records.replace(position, copied);
      backing.forgetWindows();
      blocks.folderDirty = true;
      await blocks.syncFolder();
    } else if (!backing.deleted) {
      fresh.close();
      disk.remove(fresh.path);
    }
  } finally {
    fresh.close();
  }
}

/**
 * What was taken away from a block since the checkpoint, as a 1 for its slot: that may not be durable, so the record has to stay.
 *
 * @returns Null when the block went or was cut meanwhile.
 */
async function recentlyTaken(backing: FileBacking, block: IndexBlock, slices: Slices): Promise<Uint8Array | null> {
  const { changes, index } = backing;
  const { slots, firstSeq } = block;
  const taken = new Uint8Array(slots);
  const runs = changes.unsavedTombstones;
  // What goes meanwhile is added at the end, and the last piece is followed by no pause.
  for (let run = 0; run < runs.length; run++) {
    if (run % RUNS_PER_LOOK === 0 && slices.due) {
      await slices.pause();
      if (backing.deleted || changes.unsavedTombstones !== runs || block.slots !== slots) return null;
    }
    const from = Math.max(0, runs.first(run) - firstSeq);
    const to = Math.min(slots, runs.first(run) + runs.count(run) - firstSeq);
    if (from < to) taken.fill(1, from, to);
  }
  return block.live > 0 && index.records.blocks.includes(block) ? taken : null;
}

/** Takes out of a copy what has gone from its block. */
async function removeWhatWent(copy: IndexBlock, block: IndexBlock, slices: Slices): Promise<void> {
  for (let slot = 0; slot < Math.min(copy.slots, block.slots); slot++) {
    if (slot % SLOTS_PER_LOOK === 0 && slices.due) await slices.pause();
    if (copy.isLive(slot) && !block.isLive(slot)) copy.remove(slot);
  }
}

/** Sequences in and right before a block that have no record, as first and count. */
async function neverStored(
  backing: FileBacking,
  block: IndexBlock,
  slices: Slices,
): Promise<(readonly [first: number, count: number])[]> {
  const runs: (readonly [first: number, count: number])[] = [];
  const { blocks } = backing.index.records;
  const before = blocks[blocks.indexOf(block) - 1];
  if (before !== undefined && block.firstSeq > before.lastSeq + 1) {
    runs.push([before.lastSeq + 1, block.firstSeq - before.lastSeq - 1]);
  }
  for (let slot = 0; slot < block.slots; slot++) {
    if (slot % SLOTS_PER_LOOK === 0 && slices.due) await slices.pause();
    const first = slot;
    while (slot < block.slots && block.slotBytes(slot) === 0) slot++;
    if (slot > first) runs.push([block.firstSeq + first, slot - first]);
  }
  return runs;
}
