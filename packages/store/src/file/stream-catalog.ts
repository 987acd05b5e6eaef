// The streams of a store by name: making them, deleting them, keeping their descriptions.

import { StoreError } from "../errors.ts";
import { StreamIndex } from "../index/stream-index.ts";
import { checkLimits, checkName, checkSequence, notUnpublished } from "../limits.ts";
import type { StreamLimits } from "../store.ts";
import { Stream } from "../stream.ts";
import type { StreamContext } from "../stream-context.ts";
import type { FileStoreCore } from "./core.ts";
import { FileBacking } from "./file-backing.ts";
import { FIRST_BLOCK, MAGIC_META, streamFolder } from "./format.ts";
import { makeStreamFolder, removeStreamFolder } from "./stream-folder.ts";
import { encodeMeta, META, type StreamMeta } from "./stream-meta.ts";
import type { SyncRounds } from "./sync-rounds.ts";
import type { TurnWriter } from "./turn-writer.ts";
import { writeTwin } from "./twin-file.ts";

/** A stream, its files and its description. */
export interface OpenStream {
  readonly stream: Stream;
  readonly backing: FileBacking;
  readonly firstSeq: number;
  metaGeneration: number;
  /** False: a stream that is being restored. Nobody finds it, and opening the folder removes it. */
  published: boolean;
}

interface Deletion {
  readonly backing: FileBacking;
  /** The turn whose batch says so. */
  readonly turn: number;
  /** Resolves when the files are gone. */
  done: Promise<void>;
}

/** All streams of one store. */
export class StreamCatalog {
  /** Lowest incarnation not given yet. */
  nextIncarnation = 1;
  readonly open: Map<string, OpenStream> = new Map();
  readonly #deletions: Map<string, Deletion> = new Map();
  readonly #reserved: Set<string> = new Set();
  readonly #core: FileStoreCore;
  readonly #streamContext: StreamContext;
  readonly #turns: TurnWriter;
  readonly #rounds: SyncRounds;

  constructor(core: FileStoreCore, streamContext: StreamContext, turns: TurnWriter, rounds: SyncRounds) {
    this.#core = core;
    this.#streamContext = streamContext;
    this.#turns = turns;
    this.#rounds = rounds;
  }

  /** A stream that everybody may find. */
  find(name: string): Stream | null {
    const open = this.open.get(name);
    return open?.published === true ? open.stream : null;
  }

  /** All streams that everybody may find. */
  list(): Stream[] {
    return [...this.open.values()].filter(({ published }) => published).map(({ stream }) => stream);
  }

  async create(meta: StreamMeta): Promise<Stream> {
    const { name, limits, config, firstSeq, published } = meta;
    checkName("stream", name);
    checkLimits(limits);
    checkSequence(name, firstSeq);
    if (this.open.has(name) || this.#reserved.has(name)) {
      throw new StoreError(
        "STREAM_EXISTS",
        `Cannot create the stream ${JSON.stringify(name)}: there is one of that name`,
      );
    }
    this.#reserved.add(name);
    try {
      // A deletion that is not durable must not be overtaken by a new stream of the same name.
      await this.#deletions.get(name)?.done;
      const incarnation = this.nextIncarnation++;
      const index = new StreamIndex();
      const backing = new FileBacking(this.#core, incarnation, index);
      const body = backing.sealed(encodeMeta(meta), META);
      await this.#io(() => makeStreamFolder(this.#core.disk, incarnation, body));
      backing.saver.metaDurable = 1;
      backing.blocks.prepared = FIRST_BLOCK;
      const stream = new Stream(name, limits, config, backing, index, this.#streamContext);
      if (firstSeq > 1) stream.startAt(firstSeq);
      this.adopt({ stream, backing, firstSeq, metaGeneration: 1, published });
      return stream;
    } finally {
      this.#reserved.delete(name);
    }
  }

  /** Lets everybody find a stream that was made unpublished. Resolves when that is durable. */
  async publish(
    name: string,
    limits: StreamLimits,
    config: Uint8Array,
    lastTimeNs: bigint | null,
    outdated: boolean,
  ): Promise<void> {
    const open = this.open.get(name);
    if (open === undefined || open.published) throw notUnpublished(name);
    checkLimits(limits);
    open.stream.setLastTime(lastTimeNs);
    open.published = true;
    await open.stream.describe(limits, config, outdated);
  }

  async delete(name: string): Promise<void> {
    const open = this.open.get(name);
    if (open === undefined) return this.#deletions.get(name)?.done;
    const { stream, backing } = open;
    this.open.delete(name);
    stream.close();
    this.#turns.controls.deleted(backing.incarnation);
    this.#core.touchTurn(0);
    const deletion: Deletion = { backing, turn: this.#turns.ticket, done: Promise.resolve() };
    deletion.done = this.#rounds
      .synced()
      .then(() => this.#io(() => this.#remove(backing)))
      .finally(() => this.#deletions.delete(name));
    this.#deletions.set(name, deletion);
    return deletion.done;
  }

  /** Resolves when the deletions that are under way are done. */
  async deleted(): Promise<void> {
    await Promise.all([...this.#deletions.values()].map((deletion) => deletion.done));
  }

  /** A stream of this store, new or recovered. */
  adopt(open: OpenStream): void {
    const { stream, backing } = open;
    this.open.set(stream.name, open);
    backing.lastTime = stream;
    backing.consumerStates = () => stream.consumerStates();
    backing.giveBack = () => stream.giveBack();
    let before: Promise<unknown> = Promise.resolve();
    const save = async (): Promise<void> => {
      const { name, limits, config, outdated } = stream;
      const { firstSeq, published } = open;
      const { disk, slices } = this.#core;
      const path = `${streamFolder(backing.incarnation)}/meta`;
      // What the new limits took away must not come back under them after a crash, nor stay away under the old ones.
      await this.#rounds.durable(this.#turns.ticket);
      // Hundreds of streams may be updated in the same turn.
      if (slices.due) await slices.pause();
      const body = backing.sealed(encodeMeta({ name, limits, config, firstSeq, published, outdated }), META);
      const generation = ++open.metaGeneration;
      await this.#io(() => writeTwin(disk, path, MAGIC_META, backing.incarnation, generation, body));
      backing.saver.metaDurable = generation;
      // Until a checkpoint says so.
      this.#turns.controls.described(backing.incarnation, generation);
      this.#core.touchTurn(0);
    };
    stream.onUpdate = () => {
      const saved = before.then(save);
      before = saved.catch(() => undefined); // whoever asked for it knows; the next one writes everything again
      return saved;
    };
  }

  /** The streams that a checkpoint has to save, and the removals of files that it has to wait for. */
  forCheckpoint(): { open: FileBacking[]; going: Promise<void>[] } {
    const open = [...this.open.values()].map(({ backing }) => backing);
    const going: Promise<void>[] = [];
    for (const { backing, turn, done } of this.#deletions.values()) {
      // Not written yet: it may never be, so the stream counts. Else the journal must say so until the files are gone.
      if (turn >= this.#turns.turn) open.push(backing);
      else going.push(done);
    }
    return { open, going };
  }

  close(): void {
    for (const { stream } of this.open.values()) stream.stop();
  }

  async #remove(backing: FileBacking): Promise<void> {
    const { slices } = this.#core;
    backing.deleted = true;
    this.#turns.forget(backing);
    // Hundreds may have been deleted in the same turn.
    if (slices.due) await slices.pause();
    await backing.saver.running?.catch(() => undefined); // whoever saved knows
    await backing.compacting?.catch(() => undefined);
    backing.blocks.close();
    await removeStreamFolder(this.#core.disk, backing.incarnation, slices);
  }

  /** Runs file operations of a request: a full disk is the request's trouble, anything else the store's. */
  async #io(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#core.writeFailed(error);
      this.#core.checkAppend();
      throw error;
    }
  }
}
