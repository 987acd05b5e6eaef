// The durable store: streams in files, behind one journal.
//
// A turn of the event loop gathers what all streams do. At its end the records of quiet streams and everything that is not a message
// go to the journal as one batch, the records of busy streams to their own blocks; then one round of syncs covers all of it,
// and the turn's ticket is durable. One round is under way at a time; turns that end meanwhile share the next one.
//
//   append ... append | end of turn: batch, blocks | round: fdatasync ... | durable | answers go out
//
// Invariant: nothing is called durable before every file that holds a part of it has been synced, names included. A write or
// sync that fails is never tried again into success: the store takes no more changes and is opened anew, through recovery.

import type { Clock, Disk, Random, Timer } from "@myelin/platform";
import { StoreError } from "../errors.ts";
import { StreamIndex } from "../index/stream-index.ts";
import { checkLimits, checkName } from "../limits.ts";
import { u32 } from "../record.ts";
import type { Store, StoreHealth, StreamLimits, StreamLog } from "../store.ts";
import { Stream } from "../stream.ts";
import { FilePool } from "./block-file.ts";
import { encodeCheckpoint, type StreamCheckpoint } from "./checkpoint.ts";
import { ControlBuffer } from "./control.ts";
import type { FileStoreCore } from "./core.ts";
import { FileBacking } from "./file-backing.ts";
import {
  BALLAST_FILE,
  hex8,
  MAGIC_META,
  MAGIC_STORE,
  MAKING_SUFFIX,
  QUARANTINE_FOLDER,
  REMOVING_SUFFIX,
  STORE_FILE,
  STREAMS_FOLDER,
  streamFolder,
} from "./format.ts";
import { BATCH_HEADER_BYTES, type Journal } from "./journal.ts";
import { completeOptions, type FileStoreOptions } from "./options.ts";
import { recoverStore } from "./recovery.ts";
import { encodeMeta } from "./stream-meta.ts";
import { writeTwin } from "./twin-file.ts";

/** Streams that go the direct way in one turn: each costs a sync of its own. */
const DIRECT_STREAMS_MAX = 2;
/** A turn ends early when it has gathered this much, or a quarter of a journal segment. */
const TURN_BYTES_MAX = 1024 * 1024;
/** How often a full disk is looked at again. */
const DISK_FULL_RETRY_MS = 1000;
const REPORTS_MAX = 1000;

/** A stream, its files and its description. */
export interface OpenStream {
  readonly stream: Stream;
  readonly backing: FileBacking;
  readonly firstSeq: number;
  metaGeneration: number;
}

interface Deletion {
  readonly open: OpenStream;
  /** The turn whose batch says so. */
  readonly turn: number;
  /** Resolves when the files are gone. */
  done: Promise<void>;
}

/** A store in a folder. */
export class FileStore implements Store, FileStoreCore {
  readonly disk: Disk;
  readonly pool: FilePool;
  readonly options: Required<FileStoreOptions>;
  onDurable: ((ticket: number) => void) | null = null;
  onFailure: ((error: StoreError) => void) | null = null;
  durableTicket = 0;
  readonly #clock: Clock;
  #storeId = 0;
  #generation = 0;
  #nextIncarnation = 1;
  #journal!: Journal;
  #streams: Map<string, OpenStream> = new Map();
  #deletions: Map<string, Deletion> = new Map();
  #reserved: Set<string> = new Set();

  /** The turn that is gathering; those before it are written. */
  #turn = 1;
  /** The last turn that is synced. */
  #syncedTurn = 0;
  #turnStreams: FileBacking[] = [];
  #turnDirty = false;
  #turnBytes = 0;
  /** The turn cannot end before a checkpoint or a new segment makes room in the journal. */
  #waitsForRoom = false;
  #scheduled = false;
  #batch: Uint8Array = new Uint8Array(64 * 1024);
  #batchBytes = 0;
  #controls: ControlBuffer = new ControlBuffer();
  #controlsTaken = 0;
  /** Streams whose blocks the next round must sync. */
  #roundStreams: Set<FileBacking> = new Set();
  #round: Promise<void> | null = null;
  #waiters: { turn: number; resolve: () => void; reject: (error: StoreError) => void }[] = [];
  #actions: { turn: number; run: () => Promise<void> }[] = [];
  #acting: Promise<void> | null = null;

  #checkpoint: Promise<void> | null = null;
  /** Bytes of changes since the last checkpoint began. */
  #sinceCheckpoint = 0;
  #failure: StoreError | null = null;
  #closed = false;
  /** The journal is not there yet. */
  #opening = true;
  #diskFull = false;
  #reports: string[] = [];
  #syncTimer: Timer | null = null;
  #retryTimer: Timer | null = null;

  private constructor(disk: Disk, clock: Clock, options: Required<FileStoreOptions>) {
    this.disk = disk;
    this.#clock = clock;
    this.options = options;
    this.pool = new FilePool(disk, options.openFilesMax);
  }

  /**
   * Opens the store in a folder, recovering from whatever happened to it; an empty folder becomes a new store.
   *
   * @param disk - The folder; nobody else may write to it.
   * @throws StoreError `FOREIGN_FOLDER`, `DAMAGED`, `UNSUPPORTED_VERSION`; the platform's errors.
   */
  static async open(disk: Disk, clock: Clock, random: Random, options: FileStoreOptions = {}): Promise<FileStore> {
    const store = new FileStore(disk, clock, completeOptions(options));
    const fresh = u32(random.fillSecret(new Uint8Array(4)), 0);
    try {
      const recovered = await recoverStore(store, clock, fresh);
      store.#storeId = recovered.storeId;
      store.#generation = recovered.generation;
      store.#nextIncarnation = recovered.nextIncarnation;
      store.#journal = recovered.journal;
      store.#reports = recovered.reports;
      for (const open of recovered.streams) store.#adopt(open);
      store.#journal.onFree = () => store.#flush();
      store.#journal.onError = (error) => store.writeFailed(error);
      // What recovery found is made durable first, in a new epoch, so that no old segment is ever believed again.
      await store.#runCheckpoint();
    } catch (error) {
      await store.#releaseFiles();
      throw error;
    }
    if (store.#failure !== null) {
      await store.#releaseFiles();
      throw store.#failure;
    }
    if (!(await store.#makeBallast()))
      store.writeFailed(Object.assign(new Error("no room for the ballast"), { code: "ENOSPC" }));
    store.#opening = false;
    for (const { stream } of store.#streams.values()) stream.begin();
    store.#flush();
    return store;
  }

  async createStream(name: string, limits: StreamLimits, config: Uint8Array, firstSeq = 1): Promise<StreamLog> {
    this.checkAppend();
    checkName("stream", name);
    checkLimits(limits);
    if (this.#streams.has(name) || this.#reserved.has(name)) {
      throw new StoreError(
        "STREAM_EXISTS",
        `Cannot create the stream ${JSON.stringify(name)}: there is one of that name`,
      );
    }
    this.#reserved.add(name);
    try {
      // A deletion that is not durable must not be overtaken by a new stream of the same name.
      await this.#deletions.get(name)?.done;
      const incarnation = this.#nextIncarnation++;
      await this.#io(() => this.#makeStreamFolder(incarnation, encodeMeta({ name, limits, config, firstSeq })));
      const index = new StreamIndex();
      const backing = new FileBacking(this, incarnation, index);
      const stream = new Stream(name, limits, config, backing, index, this.#clock);
      if (firstSeq > 1) stream.startAt(firstSeq);
      stream.begin();
      this.#adopt({ stream, backing, firstSeq, metaGeneration: 1 });
      return stream;
    } finally {
      this.#reserved.delete(name);
    }
  }

  stream(name: string): StreamLog | null {
    return this.#streams.get(name)?.stream ?? null;
  }

  streams(): StreamLog[] {
    return [...this.#streams.values()].map((open) => open.stream);
  }

  async deleteStream(name: string): Promise<void> {
    this.checkWritable();
    const open = this.#streams.get(name);
    if (open === undefined) return this.#deletions.get(name)?.done;
    this.#streams.delete(name);
    open.stream.close();
    this.#controls.deleted(open.backing.incarnation);
    this.#touchTurn(0);
    const deletion: Deletion = { open, turn: this.ticket(), done: Promise.resolve() };
    deletion.done = this.#synced()
      .then(() => this.#io(() => this.#removeStream(open.backing)))
      .finally(() => this.#deletions.delete(name));
    this.#deletions.set(name, deletion);
    return deletion.done;
  }

  ticket(): number {
    return this.#turnDirty ? this.#turn : this.#turn - 1;
  }

  durable(): Promise<void> {
    const turn = this.ticket();
    if (turn <= this.durableTicket) return Promise.resolve();
    return this.#wait(turn);
  }

  health(): StoreHealth {
    return { failure: this.#failure, diskFull: this.#diskFull, reports: [...this.#reports] };
  }

  async stop(): Promise<void> {
    if (this.#closed) return;
    for (const { stream } of this.#streams.values()) stream.close();
    try {
      if (this.#failure === null) {
        await this.settled();
        await Promise.all([...this.#deletions.values()].map((deletion) => deletion.done));
        await this.checkpointNow();
      }
    } finally {
      this.#closed = true;
      await this.#round?.catch(() => undefined); // it has failed the store already
      await this.#checkpoint;
      this.#syncTimer?.cancel();
      this.#retryTimer?.cancel();
      await this.#releaseFiles();
    }
  }

  // --- for the streams' files ---

  checkWritable(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#closed) throw new StoreError("CLOSED", `Cannot use the store in ${this.disk.name}: it is stopped`);
  }

  checkAppend(): void {
    this.checkWritable();
    if (this.#diskFull) {
      throw new StoreError(
        "DISK_FULL",
        `Cannot store in ${this.disk.name}: the disk is full. Remove or purge messages, or make room`,
      );
    }
    if (this.#turnBytes > this.options.pendingBytesMax) {
      throw new StoreError(
        "BUSY",
        `Cannot store now: ${this.#turnBytes} bytes wait for the disk, at most ${this.options.pendingBytesMax}`,
      );
    }
  }

  writeFailed(error: unknown): void {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOSPC" && code !== "EDQUOT") {
      this.#fail(error);
      return;
    }
    if (!this.#diskFull) this.#report(`${this.disk.name}: the disk is full (${(error as Error).message})`);
    this.#diskFull = true;
    const freed = this.#dropBallast();
    this.#retryTimer ??= this.#clock.setTimer(freed ? 0 : DISK_FULL_RETRY_MS, () => void this.#retryDisk());
  }

  enterTurn(stream: FileBacking, bytes: number): void {
    if (!stream.inTurn) {
      stream.inTurn = true;
      this.#turnStreams.push(stream);
    }
    this.#touchTurn(bytes);
    this.#sinceCheckpoint += bytes;
  }

  afterTurn(action: () => Promise<void>): void {
    this.#actions.push({ turn: this.#turn, run: action });
    this.#touchTurn(0);
  }

  async settled(): Promise<void> {
    await this.#synced();
    while (this.#acting !== null) await this.#acting;
  }

  /** Resolves when everything up to now is synced, whatever the mode. */
  async #synced(): Promise<void> {
    const turn = this.ticket();
    if (turn <= this.#syncedTurn) return;
    const synced = this.#wait(turn, true);
    this.#startRound();
    await synced;
  }

  async checkpointNow(): Promise<void> {
    while (this.#checkpoint !== null) await this.#checkpoint;
    await this.#runCheckpoint();
    if (this.#failure !== null) throw this.#failure;
  }

  async eraseJournal(): Promise<void> {
    this.#journal.retire();
    await this.checkpointNow();
    await this.#io(() => this.#journal.wipeFree());
  }

  reportDamage(stream: number, path: string, block: number, offset: number, length: number, lines: string[]): void {
    for (const line of lines) this.#report(`${path} at ${offset}: ${line}`);
    try {
      keepCopy(this.disk, stream, path, block, offset, length);
    } catch (error) {
      this.#report(`${path} at ${offset}: no copy could be kept (${(error as Error).message})`);
    }
  }

  // --- turns and rounds ---

  #touchTurn(bytes: number): void {
    this.#turnDirty = true;
    this.#turnBytes += bytes;
    if (this.#turnBytes > Math.min(TURN_BYTES_MAX, this.options.segmentBytes / 4)) {
      this.#flush();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
  }

  /** Ends the turn: writes everything it has gathered. When the journal has no room, the turn goes on until it has. */
  #flush(): void {
    if (!this.#turnDirty || this.#opening || this.#failure !== null || this.#closed) return;
    try {
      this.#waitsForRoom = !this.#writeTurn();
      if (this.#waitsForRoom) {
        // Without a full segment, one is being made.
        if (this.#journal.fullSegments > 0 && !this.#diskFull) this.#startCheckpoint();
        return;
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#turnDirty = false;
    this.#turnBytes = 0;
    const ended = this.#turn++;
    if (this.options.sync === "always") {
      this.#startRound();
    } else {
      const { intervalMs } = this.options.sync;
      this.#syncTimer ??= this.#clock.setTimer(intervalMs, () => {
        this.#syncTimer = null;
        this.#startRound();
      });
      this.#madeDurable(ended);
    }
    // The direct way fills no segment, and its blocks want a checkpoint just as well.
    const due = this.#journal.fullSegments > 0 || this.#sinceCheckpoint > this.options.segmentBytes;
    if (due && !this.#diskFull) this.#startCheckpoint();
  }

  /** Returns false when the journal has no room for all of it. */
  #writeTurn(): boolean {
    if (this.#waitsForRoom && !this.#journal.hasRoom(this.#batchBytes)) return false;
    let direct = 0;
    for (const stream of this.#turnStreams) {
      const bytes = stream.turnBytes;
      if (bytes === 0) continue;
      const mustDirect = bytes > this.options.segmentBytes / 4;
      if (
        (mustDirect || (stream.prefersDirect && direct < DIRECT_STREAMS_MAX)) &&
        this.#writeDirect(stream, mustDirect)
      ) {
        direct++;
        continue;
      }
      if (!this.#makeRoom(bytes)) return false;
      stream.moveTurn(this.#batch, BATCH_HEADER_BYTES + this.#batchBytes);
      this.#batchBytes += bytes;
    }
    for (const stream of this.#turnStreams) stream.takeControls(this.#controls);
    if (!this.#moveControls() || !this.#emitBatch()) return false;
    for (const stream of this.#turnStreams) {
      stream.endTurn();
      this.#roundStreams.add(stream);
      this.#writeLazy(stream);
    }
    this.#turnStreams = [];
    return true;
  }

  /** Returns false when the disk is full and the journal can take the records instead. */
  #writeDirect(stream: FileBacking, must: boolean): boolean {
    try {
      stream.flushTail();
      return true;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (must || (code !== "ENOSPC" && code !== "EDQUOT")) throw error;
      this.writeFailed(error);
      return false;
    }
  }

  #writeLazy(stream: FileBacking): void {
    try {
      stream.writeLazy();
    } catch (error) {
      this.writeFailed(error); // the records are in the journal, and stay in the tail
    }
  }

  /** Makes sure that so many bytes fit in the batch, writing what it holds if they do not. */
  #makeRoom(bytes: number): boolean {
    if (this.#batchBytes > 0 && BATCH_HEADER_BYTES + this.#batchBytes + bytes > this.options.segmentBytes) {
      if (!this.#emitBatch()) return false;
    }
    const needed = BATCH_HEADER_BYTES + this.#batchBytes + bytes;
    if (needed > this.#batch.length) {
      const larger = new Uint8Array(Math.max(needed, this.#batch.length * 2));
      larger.set(this.#batch.subarray(0, BATCH_HEADER_BYTES + this.#batchBytes));
      this.#batch = larger;
    }
    return true;
  }

  #moveControls(): boolean {
    const controls = this.#controls;
    while (this.#controlsTaken < controls.length) {
      const length = Math.ceil(u32(controls.bytes, this.#controlsTaken + 4) / 8) * 8;
      if (!this.#makeRoom(length)) return false;
      const piece = controls.bytes.subarray(this.#controlsTaken, this.#controlsTaken + length);
      this.#batch.set(piece, BATCH_HEADER_BYTES + this.#batchBytes);
      this.#batchBytes += length;
      this.#controlsTaken += length;
    }
    controls.clear();
    this.#controlsTaken = 0;
    return true;
  }

  #emitBatch(): boolean {
    if (this.#batchBytes === 0) return true;
    if (!this.#journal.hasRoom(this.#batchBytes)) return false;
    this.#journal.write(this.#batch, this.#batchBytes);
    this.#batchBytes = 0;
    return true;
  }

  #startRound(): void {
    if (this.#round !== null || this.#failure !== null || this.#turn - 1 <= this.#syncedTurn) return;
    this.#round = this.#runRound().then(
      () => {
        this.#round = null;
        if (this.options.sync === "always" || this.#waiters.length > 0) this.#startRound();
      },
      (error: unknown) => {
        this.#round = null;
        this.#fail(error);
      },
    );
  }

  async #runRound(): Promise<void> {
    const turn = this.#turn - 1;
    const batch = this.#journal.nextBatch - 1;
    const syncs: Promise<unknown>[] = this.#journal.takeDirty().map((segment) => segment.file.sync());
    const reached: { stream: FileBacking; block: number; offset: number }[] = [];
    for (const stream of this.#roundStreams) {
      const sync = stream.syncTurns();
      if (sync === null) continue;
      syncs.push(sync);
      reached.push({ stream, block: stream.lastBlock, offset: stream.writtenEnd });
    }
    this.#roundStreams.clear();
    await Promise.all(syncs);
    this.#journal.syncedBatch = batch;
    for (const { stream, block, offset } of reached) stream.syncedTo(block, offset);
    this.#syncedTurn = turn;
    this.#madeDurable(turn);
    this.#act();
  }

  #madeDurable(turn: number): void {
    if (turn > this.durableTicket) {
      this.durableTicket = turn;
      this.onDurable?.(turn);
    }
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) {
      if (waiter.turn <= turn && turn <= this.durableTicket) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }

  /** @param synced - Wait for the sync even where lazy mode calls it durable earlier. */
  #wait(turn: number, synced = false): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (!synced || this.#syncedTurn >= turn) {
          resolve();
        } else {
          this.#waiters.push({ turn: Math.max(turn, this.durableTicket + 1), resolve: check, reject });
          queueMicrotask(() => this.#startRound());
        }
      };
      this.#waiters.push({ turn, resolve: check, reject });
    });
  }

  /** Runs what was waiting for its turn to be durable. */
  #act(): void {
    if (this.#acting !== null || (this.#actions[0]?.turn ?? Number.POSITIVE_INFINITY) > this.#syncedTurn) return;
    this.#acting = this.#runActions().then(
      () => {
        this.#acting = null;
        this.#act();
      },
      (error: unknown) => {
        this.#acting = null;
        this.writeFailed(error);
      },
    );
  }

  async #runActions(): Promise<void> {
    for (let next = this.#actions[0]; next !== undefined && next.turn <= this.#syncedTurn; next = this.#actions[0]) {
      this.#actions.shift();
      await next.run();
    }
  }

  // --- checkpoints ---

  #startCheckpoint(): void {
    if (this.#checkpoint === null && this.#failure === null) void this.#runCheckpoint();
  }

  /** Never rejects: what goes wrong fails the store, or says that the disk is full. */
  #runCheckpoint(): Promise<void> {
    this.#checkpoint = this.#makeCheckpoint()
      .catch((error: unknown) => this.writeFailed(error))
      .then(() => {
        this.#checkpoint = null;
        // The turn may have been waiting for room, and may need more of it.
        if (this.#waitsForRoom) this.#flush();
      });
    return this.#checkpoint;
  }

  async #makeCheckpoint(): Promise<void> {
    const batch = this.#journal.nextBatch - 1;
    this.#sinceCheckpoint = 0;
    const open = [...this.#streams.values()];
    const going: Promise<void>[] = [];
    for (const deletion of this.#deletions.values()) {
      // Not written yet: it may never be, so the stream counts. Else the journal must say so until the files are gone.
      if (deletion.turn >= this.#turn) open.push(deletion.open);
      else going.push(deletion.done);
    }
    const streams: StreamCheckpoint[] = [];
    for (const { backing } of open) {
      if (backing.deleted) continue; // its files went while others were saved
      streams.push(backing.dirty || backing.checkpointed === null ? await backing.checkpoint() : backing.checkpointed);
    }
    await Promise.all(going);
    streams.sort((a, b) => a.incarnation - b.incarnation);
    const { epoch } = this.#journal;
    const body = encodeCheckpoint({ epoch, nextIncarnation: this.#nextIncarnation, firstBatch: batch + 1, streams });
    await writeTwin(this.disk, STORE_FILE, MAGIC_STORE, this.#storeId, ++this.#generation, body);
    if (this.#generation <= 2) await this.disk.syncFolder("");
    this.#journal.recycle(batch);
    if (this.#opening) return;
    for (const { backing } of open) {
      if (backing.deleted || backing.checkpointed === null) continue;
      backing.compacting = backing.compact(backing.checkpointed);
      try {
        await backing.compacting;
      } finally {
        backing.compacting = null;
      }
    }
  }

  // --- streams' folders ---

  #adopt(open: OpenStream): void {
    const { stream, backing } = open;
    this.#streams.set(stream.name, open);
    backing.lastTimeMs = () => stream.lastTimeMs;
    backing.consumerStates = () => stream.consumerStates();
    let before: Promise<unknown> = Promise.resolve();
    const save = async (): Promise<void> => {
      const { name, limits, config } = stream;
      const body = encodeMeta({ name, limits, config, firstSeq: open.firstSeq });
      const path = `${streamFolder(backing.incarnation)}/meta`;
      // What the new limits took away must not come back under them after a crash, nor stay away under the old ones.
      await this.durable();
      await this.#io(() => writeTwin(this.disk, path, MAGIC_META, backing.incarnation, ++open.metaGeneration, body));
    };
    stream.onUpdate = () => {
      const saved = before.then(save);
      before = saved.catch(() => undefined); // whoever asked for it knows; the next one writes everything again
      return saved;
    };
  }

  async #makeStreamFolder(incarnation: number, meta: Uint8Array): Promise<void> {
    const folder = streamFolder(incarnation);
    const making = folder + MAKING_SUFFIX;
    this.disk.makeFolder(making);
    await writeTwin(this.disk, `${making}/meta`, MAGIC_META, incarnation, 1, meta);
    await this.disk.syncFolder(making);
    this.disk.rename(making, folder);
    await this.disk.syncFolder(STREAMS_FOLDER);
  }

  async #removeStream(backing: FileBacking): Promise<void> {
    backing.deleted = true;
    this.#turnStreams = this.#turnStreams.filter((stream) => stream !== backing);
    this.#roundStreams.delete(backing);
    await backing.saving?.catch(() => undefined); // whoever saved knows
    await backing.compacting?.catch(() => undefined);
    backing.closeFiles();
    const folder = streamFolder(backing.incarnation);
    const removing = folder + REMOVING_SUFFIX;
    this.disk.rename(folder, removing);
    await this.disk.syncFolder(STREAMS_FOLDER);
    for (const { name } of this.disk.list(removing)) this.disk.remove(`${removing}/${name}`);
    this.disk.removeFolder(removing);
  }

  // --- trouble ---

  /** Runs file operations of a request: a full disk is the request's trouble, anything else the store's. */
  async #io<Result>(run: () => Promise<Result>): Promise<Result> {
    try {
      return await run();
    } catch (error) {
      this.writeFailed(error);
      this.checkAppend();
      throw error;
    }
  }

  #fail(cause: unknown): void {
    if (this.#failure !== null) return;
    const text = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new StoreError(
      "READ_ONLY",
      `Cannot change the store in ${this.disk.name} any more: ${text}. What was not confirmed may be lost; open the store again`,
      { cause },
    );
    this.#report(this.#failure.message);
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) waiter.reject(this.#failure);
    this.#syncTimer?.cancel();
    this.#retryTimer?.cancel();
    this.onFailure?.(this.#failure);
  }

  /** Frees the room that was kept for this moment. Returns whether there was any. */
  #dropBallast(): boolean {
    try {
      if (this.disk.stat(BALLAST_FILE) === null) return false;
      this.disk.remove(BALLAST_FILE);
      return true;
    } catch (error) {
      this.#report(`${BALLAST_FILE}: could not be removed (${(error as Error).message})`);
      return false;
    }
  }

  /** Never rejects. */
  async #retryDisk(): Promise<void> {
    if (this.#failure !== null || this.#closed) return;
    for (const { backing } of this.#streams.values()) this.#writeLazy(backing);
    if (this.#waitsForRoom || this.#journal.fullSegments > 0) {
      this.#startCheckpoint();
      await this.#checkpoint;
    }
    if (this.#failure !== null || this.#closed) return;
    this.#flush();
    this.#diskFull = !(await this.#makeBallast());
    this.#retryTimer = null;
    if (this.#diskFull) this.#retryTimer = this.#clock.setTimer(DISK_FULL_RETRY_MS, () => void this.#retryDisk());
  }

  /** Returns whether there is room for it and as much again. Never rejects. */
  async #makeBallast(): Promise<boolean> {
    const size = this.options.ballastBytes;
    try {
      if (this.disk.stat(BALLAST_FILE) !== null) return true;
      if (this.disk.freeBytes() < 2 * size) return false;
      (await this.disk.createZeroed(BALLAST_FILE, size)).close();
      return true;
    } catch (error) {
      this.#report(`${BALLAST_FILE}: could not be made (${(error as Error).message})`);
      this.#dropBallast();
      return false;
    }
  }

  #report(line: string): void {
    this.#reports.push(line);
    if (this.#reports.length > REPORTS_MAX) this.#reports.shift();
  }

  async #releaseFiles(): Promise<void> {
    for (const { stream } of this.#streams.values()) stream.close();
    await this.pool.closeAll();
    await this.#journal?.close();
  }
}

/** Keeps a copy of damaged bytes under a name that tells where they were. */
export function keepCopy(
  disk: Disk,
  stream: number,
  path: string,
  block: number,
  offset: number,
  length: number,
): void {
  if (disk.stat(path) === null || length <= 0) return;
  const copy = `${QUARANTINE_FOLDER}/${hex8(stream)}-${hex8(block)}-${hex8(offset)}.bad`;
  if (disk.stat(QUARANTINE_FOLDER) === null) disk.makeFolder(QUARANTINE_FOLDER);
  if (disk.stat(copy) !== null) return;
  const bytes = new Uint8Array(length);
  const from = disk.open(path, "read");
  const read = from.read(bytes, 0, length, offset);
  from.close();
  const to = disk.open(copy, "create");
  to.write(bytes, 0, read, 0);
  to.close();
}
