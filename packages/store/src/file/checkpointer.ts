// Makes checkpoints: everything durable in the streams' own files, then said so in the store file, then the journal freed.

import { CopyScratch } from "./block-rewrite.ts";
import { encodeCheckpoint, type StreamCheckpoint } from "./checkpoint.ts";
import { compactBlocks } from "./compaction.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import { MAGIC_STORE, STORE_FILE } from "./format.ts";
import { Indexer } from "./indexer.ts";
import type { Journal } from "./journal.ts";
import type { StreamCatalog } from "./stream-catalog.ts";
import { writeTwin } from "./twin-file.ts";

/** Streams that are saved at the same time: more would hold up the journal's syncs, on which answers wait. */
const SAVES_AT_ONCE = 2;
/**
 * The same once a second segment of the journal is full: publishes wait when the last one is. Saves that wait together share commits of
 * the file system, so that a thousand streams take 0.4 s instead of 4.
 */
const SAVES_IN_A_HURRY = 16;

/** The checkpoints of one store. */
export class Checkpointer {
  /** Called when one has ended, well or not. */
  onEnd: () => void = () => {};
  /** The first one of an opening has been made. */
  opened = false;
  /** The store file names the epoch of this opening: batches of it count. */
  epochDurable = false;
  /** Nothing is written to the journal any more: the next one is the last. */
  stopping = false;
  /** Bytes of changes since the last checkpoint began. */
  #changed = 0;
  #running: Promise<void> | null = null;
  #core: FileStoreCore;
  #catalog: StreamCatalog;
  #storeId = 0;
  #generation = 0;
  #journal!: Journal;
  #indexer!: Indexer;

  constructor(core: FileStoreCore, catalog: StreamCatalog) {
    this.#core = core;
    this.#catalog = catalog;
  }

  /** @param generation - Of the store files. */
  begin(journal: Journal, storeId: number, generation: number): void {
    this.#indexer = new Indexer(this.#core, storeId);
    this.#journal = journal;
    this.#storeId = storeId;
    this.#generation = generation;
  }

  /** The one that is under way. */
  get running(): Promise<void> | null {
    return this.#running;
  }

  /** So many bytes have changed. */
  note(bytes: number): void {
    this.#changed += bytes;
  }

  /** The direct way fills no segment, and its blocks want a checkpoint just as well. */
  get due(): boolean {
    return this.#journal.fullSegments > 0 || this.#changed > this.#core.options.segmentBytes;
  }

  /** Full blocks have no index file: they were read on opening, and a checkpoint will write what was found. */
  get indexBehind(): boolean {
    for (const { backing } of this.#catalog.open.values()) if (this.#indexer.behind(backing)) return true;
    return false;
  }

  /** Never rejects: what goes wrong fails the store, or says that the disk is full. */
  run(): Promise<void> {
    this.#running = this.#make()
      .catch((error: unknown) => this.#core.writeFailed(error))
      .then(() => {
        this.#running = null;
        this.onEnd();
      });
    return this.#running;
  }

  async #make(): Promise<void> {
    const journal = this.#journal;
    const batch = journal.nextBatch - 1;
    this.#changed = 0;
    const { open, going } = this.#catalog.forCheckpoint();
    const streams = await this.#saveAll(open);
    await Promise.all(going);
    streams.sort((a, b) => a.incarnation - b.incarnation);
    const { epoch } = journal;
    const { nextIncarnation } = this.#catalog;
    const { disk, vault } = this.#core;
    const encrypted = vault !== null;
    const clean = this.stopping;
    const firstBatch = batch + 1;
    const segments = journal.vouched();
    const body = encodeCheckpoint({ epoch, nextIncarnation, firstBatch, clean, streams, segments, encrypted });
    await writeTwin(disk, STORE_FILE, MAGIC_STORE, this.#storeId, ++this.#generation, body);
    if (this.#generation <= 2) await disk.syncFolder("");
    journal.generation = this.#generation;
    this.epochDurable = true;
    journal.recycle(batch);
    for (const { saver } of open) saver.isDurable();
    if (!this.opened) return;
    const { slices } = this.#core;
    // One for all streams: of a thousand, each with its own, the garbage collector would mark the whole heap several times.
    const scratch = new CopyScratch();
    for (const backing of open) {
      // Thousands of streams without anything to do would be looked at in one piece.
      if (slices.due) await slices.pause();
      await this.#compact(backing, scratch);
      await this.#indexer.run(backing, this.stopping);
    }
  }

  /** Makes all of these durable in their own files. */
  async #saveAll(open: readonly FileBacking[]): Promise<StreamCheckpoint[]> {
    const streams: StreamCheckpoint[] = [];
    const waiting = open.values();
    const savers: Promise<void>[] = [];
    const failures: unknown[] = [];
    let started = 0;
    const startSome = (): void => {
      const wanted = this.#journal.fullSegments > 1 ? SAVES_IN_A_HURRY : SAVES_AT_ONCE;
      while (started < wanted) {
        started++;
        savers.push(saveSome().catch((error: unknown) => void failures.push(error)));
      }
    };
    const { slices } = this.#core;
    const saveSome = async (): Promise<void> => {
      for (const backing of waiting) {
        // Streams with nothing to sync, of which there may be thousands, would be saved in one piece.
        if (slices.due) await slices.pause();
        const { deleted, saver } = backing;
        if (deleted) continue; // its files went while others were saved
        const reach = saver.dirty || saver.checkpointed === null ? await saver.checkpoint() : saver.checkpointed;
        streams.push({ ...reach, ...saver.vouched() });
        startSome();
      }
    };
    startSome();
    // All of them, also when one fails: none may go on when the next checkpoint begins.
    for (const saver of savers) await saver;
    if (failures.length > 0) throw failures[0];
    return streams;
  }

  async #compact(backing: FileBacking, scratch: CopyScratch): Promise<void> {
    const { checkpointed } = backing.saver;
    if (backing.deleted || checkpointed === null) return;
    backing.compacting = compactBlocks(this.#core, backing, checkpointed, scratch);
    try {
      await backing.compacting;
    } finally {
      backing.compacting = null;
    }
  }
}
