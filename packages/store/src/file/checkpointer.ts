// Makes checkpoints: everything durable in the streams' own files, then said so in the store file, then the journal freed.

import type { Slices } from "../slices.ts";
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

/** The checkpoints of one store. */
export class Checkpointer {
  /** Called when one has ended, well or not. */
  onEnd: () => void = () => {};
  /** The first one of an opening has been made. */
  opened = false;
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
  #slices!: Slices;

  constructor(core: FileStoreCore, catalog: StreamCatalog) {
    this.#core = core;
    this.#catalog = catalog;
  }

  /** @param generation - Of the store files. */
  begin(journal: Journal, storeId: number, generation: number, slices: Slices): void {
    this.#slices = slices;
    this.#indexer = new Indexer(this.#core, storeId, slices);
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
    const streams: StreamCheckpoint[] = [];
    const waiting = open.values();
    const saveSome = async (): Promise<void> => {
      for (const { deleted, saver } of waiting) {
        if (deleted) continue; // its files went while others were saved
        streams.push(saver.dirty || saver.checkpointed === null ? await saver.checkpoint() : saver.checkpointed);
      }
    };
    // All of them, also when one fails: none may go on when the next checkpoint begins.
    const saved = await Promise.allSettled(Array.from({ length: SAVES_AT_ONCE }, saveSome));
    for (const result of saved) if (result.status === "rejected") throw result.reason;
    await Promise.all(going);
    streams.sort((a, b) => a.incarnation - b.incarnation);
    const { epoch } = journal;
    const { nextIncarnation } = this.#catalog;
    const { disk, vault } = this.#core;
    const encrypted = vault !== null;
    const clean = this.stopping;
    const body = encodeCheckpoint({ epoch, nextIncarnation, firstBatch: batch + 1, clean, streams, encrypted });
    await writeTwin(disk, STORE_FILE, MAGIC_STORE, this.#storeId, ++this.#generation, body);
    if (this.#generation <= 2) await disk.syncFolder("");
    journal.recycle(batch);
    if (!this.opened) return;
    for (const backing of open) {
      await this.#compact(backing);
      await this.#indexer.run(backing, this.stopping);
    }
  }

  async #compact(backing: FileBacking): Promise<void> {
    const { checkpointed } = backing.saver;
    if (backing.deleted || checkpointed === null) return;
    backing.compacting = compactBlocks(this.#core, backing, checkpointed, this.#slices);
    try {
      await backing.compacting;
    } finally {
      backing.compacting = null;
    }
  }
}
