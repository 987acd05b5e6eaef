// A stream's part of a checkpoint: everything about it becomes durable in its own files, so that the journal can be freed.

import { deletedRuns } from "../stream-queries.ts";
import type { StreamCheckpoint } from "./checkpoint.ts";
import { runsOf } from "./control.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import { MAGIC_CONSUMERS, streamFolder } from "./format.ts";
import { CONSUMERS, encodeConsumers } from "./stream-meta.ts";
import { writeTwin } from "./twin-file.ts";

/** Tombstone files are rewritten when they have grown this much beyond twice what they need. */
const TOMBSTONE_SLACK_BYTES = 64 * 1024;

/** Saves one stream. */
export class StreamSaver {
  consumersGeneration = 0;
  /** The saving that is under way. */
  running: Promise<void> | null = null;
  /** What the last checkpoint made durable. */
  checkpointed: StreamCheckpoint | null = null;
  /** Something has changed that the last checkpoint does not cover. */
  dirty = true;
  #core: FileStoreCore;
  #backing: FileBacking;

  constructor(core: FileStoreCore, backing: FileBacking) {
    this.#core = core;
    this.#backing = backing;
  }

  /**
   * Makes everything durable in the stream's own files.
   *
   * @returns How far; what happens meanwhile is not in it.
   */
  async checkpoint(): Promise<StreamCheckpoint> {
    const backing = this.#backing;
    const { changes } = backing;
    backing.flushTail();
    this.dirty = false;
    const reached = backing.reached();
    const tombstones = changes.unsavedTombstones;
    const consumers = changes.consumersDirty ? backing.consumerStates() : null;
    changes.unsavedTombstones = [];
    changes.consumersDirty = false;
    this.running = this.#save(tombstones, consumers);
    try {
      await this.running;
    } catch (error) {
      this.dirty = true;
      changes.unsavedTombstones = tombstones.concat(changes.unsavedTombstones);
      changes.consumersDirty ||= consumers !== null;
      throw error;
    } finally {
      this.running = null;
    }
    backing.syncedTo(reached.block, reached.offset);
    this.checkpointed = reached;
    return reached;
  }

  async #save(tombstones: number[], consumers: Map<string, Uint8Array> | null): Promise<void> {
    const { incarnation, blocks } = this.#backing;
    for (const file of [...blocks.byNumber.values()]) await file.sync();
    if (await this.#saveTombstones(tombstones)) blocks.folderDirty = true;
    if (consumers !== null) {
      const path = `${streamFolder(incarnation)}/consumers`;
      const generation = ++this.consumersGeneration;
      const body = this.#backing.sealed(encodeConsumers(consumers), CONSUMERS);
      await writeTwin(this.#core.disk, path, MAGIC_CONSUMERS, incarnation, generation, body);
      blocks.folderDirty = true;
    }
    await blocks.syncFolder();
  }

  async #saveTombstones(seqs: number[]): Promise<boolean> {
    const { index, tombstones } = this.#backing;
    // Those below the first message need no tombstone any more.
    const needed = seqs.filter((seq) => seq >= index.firstSeq);
    if (needed.length === 0) return false;
    if (tombstones.size + needed.length * 12 > TOMBSTONE_SLACK_BYTES) {
      let runs = 0;
      for (const _ of deletedRuns(index)) runs++;
      if (tombstones.size > runs * 24 + TOMBSTONE_SLACK_BYTES) {
        await tombstones.replace(deletedRuns(index));
        return true;
      }
    }
    return tombstones.append(runsOf(needed));
  }
}
