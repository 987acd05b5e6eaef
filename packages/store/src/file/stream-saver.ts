// A stream's part of a checkpoint: everything about it becomes durable in its own files, so that the journal can be freed.

import type { Slices } from "../slices.ts";
import type { StreamReach, StreamVouched } from "./checkpoint.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import { MAGIC_CONSUMERS, streamFolder } from "./format.ts";
import { SeqRuns } from "./seq-runs.ts";
import { SeqSet } from "./seq-set.ts";
import { CONSUMERS, encodeConsumers } from "./stream-meta.ts";
import { writeTwin } from "./twin-file.ts";

/** Smaller tombstone files are not worth rewriting. */
const REWRITE_BYTES_MIN = 64 * 1024;
/** Runs that are looked at between two looks at the clock. */
const RUNS_PER_LOOK = 256;
/** What a run takes in a tombstone file, roughly. */
const RUN_BYTES = 12;
/** Fewer runs are not worth looking for neighbours among them. */
const RUNS_TO_JOIN = 4096;

/** Saves one stream. */
export class StreamSaver {
  /** Of the consumers' file, as it was written last. */
  consumersGeneration = 0;
  /** Generations that are durable. */
  metaDurable = 0;
  consumersDurable = 0;
  /** The saving that is under way. */
  running: Promise<void> | null = null;
  /** What the last checkpoint made durable. */
  checkpointed: StreamReach | null = null;
  /** First sequence by the last checkpoint that is durable: whatever happens, nothing below comes back. */
  #durableFirstSeq = 0;
  /** Something has changed that the last checkpoint does not cover. */
  dirty = true;
  /** The size from which on the tombstone files are looked at again. */
  #rewriteBytes = REWRITE_BYTES_MIN;
  #core: FileStoreCore;
  #backing: FileBacking;

  constructor(core: FileStoreCore, backing: FileBacking) {
    this.#core = core;
    this.#backing = backing;
  }

  /** Takes over which generations of the stream's files there are. */
  knows(other: StreamSaver): void {
    this.consumersGeneration = other.consumersGeneration;
    this.metaDurable = other.metaDurable;
    this.consumersDurable = other.consumersDurable;
  }

  /**
   * Makes everything durable in the stream's own files.
   *
   * @returns How far; what happens meanwhile is not in it.
   */
  async checkpoint(): Promise<StreamReach> {
    const backing = this.#backing;
    // What a rollup took away is known by its record alone until then, and that may be freed, or covered by an index file.
    while (backing.index.subjects.retired.size > 0) await backing.giveBack();
    const { changes } = backing;
    backing.flushTail();
    this.dirty = backing.inTurn; // what comes later in the turn does not say so again
    const reached = backing.reached();
    const tombstones = changes.unsavedTombstones;
    const consumers = changes.consumersDirty ? backing.consumerStates() : null;
    changes.unsavedTombstones = new SeqRuns();
    changes.consumersDirty = false;
    this.running = this.#save(tombstones, reached.firstSeq, consumers);
    try {
      await this.running;
    } catch (error) {
      this.dirty = true;
      tombstones.addAll(changes.unsavedTombstones);
      changes.unsavedTombstones = tombstones;
      changes.consumersDirty ||= consumers !== null;
      throw error;
    } finally {
      this.running = null;
    }
    backing.syncedTo(reached.block, reached.offset);
    this.checkpointed = reached;
    return reached;
  }

  /** What a checkpoint that is written now may say besides: it is durable. */
  vouched(): StreamVouched {
    return {
      metaGeneration: this.metaDurable,
      consumersGeneration: this.consumersDurable,
      tombstone: this.#backing.tombstones.last,
    };
  }

  /** The store file says what {@link checkpoint} made durable last. */
  isDurable(): void {
    this.#durableFirstSeq = this.checkpointed?.firstSeq ?? 0;
  }

  async #save(tombstones: SeqRuns, firstSeq: number, consumers: Map<string, Uint8Array> | null): Promise<void> {
    const { incarnation, blocks } = this.#backing;
    for (const file of [...blocks.byNumber.values()]) await file.sync();
    if (await this.#saveTombstones(tombstones, firstSeq)) blocks.folderDirty = true;
    if (consumers !== null) {
      const path = `${streamFolder(incarnation)}/consumers`;
      const generation = ++this.consumersGeneration;
      const body = this.#backing.sealed(encodeConsumers(consumers), CONSUMERS);
      await writeTwin(this.#core.disk, path, MAGIC_CONSUMERS, incarnation, generation, body);
      blocks.folderDirty = true;
    }
    await blocks.syncFolder();
    if (consumers !== null) this.consumersDurable = this.consumersGeneration;
  }

  /**
   * @param firstSeq - Of the checkpoint: what went from below it since may not be durable, and come back.
   * @returns Whether names in the folder changed.
   */
  async #saveTombstones(seqs: SeqRuns, firstSeq: number): Promise<boolean> {
    if (seqs.length === 0) return false;
    const { tombstones } = this.#backing;
    const slices = this.#core.slices;
    // Those below the first message need no tombstone any more.
    const going = seqs.length < RUNS_TO_JOIN ? seqs.from(firstSeq) : (await joined(seqs, slices)).runs(firstSeq);
    const made = await tombstones.append(going, slices);
    if (tombstones.size < this.#rewriteBytes) return made;
    // Neighbours join and what is below the first message goes: that of the checkpoint before, since this one is not durable yet, nor
    // perhaps what the journal says. From the files, not from the index: that knows of more than may count.
    const set = await tombstones.collect(slices);
    const from = this.#durableFirstSeq;
    let kept = 0;
    for (const _ of set.runs(from)) if (++kept % RUNS_PER_LOOK === 0 && slices.due) await slices.pause();
    if (kept * RUN_BYTES < tombstones.size / 2) await tombstones.replace(set.runs(from), slices);
    this.#rewriteBytes = Math.max(REWRITE_BYTES_MIN, tombstones.size * 2);
    return true;
  }
}

/** A purge by subject takes neighbours away one long after the other: here they join. */
async function joined(seqs: SeqRuns, slices: Slices): Promise<SeqSet> {
  const set = new SeqSet();
  for (let run = 0; run < seqs.length; run++) {
    if (run % RUNS_PER_LOOK === 0 && slices.due) await slices.pause();
    set.add(seqs.first(run), seqs.count(run));
  }
  return set;
}
