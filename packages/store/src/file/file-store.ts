// The durable store: streams in files, behind one journal.
//
// A turn of the event loop gathers what all streams do. At its end the records of quiet streams and everything that is not a message
// go to the journal as one batch, the records of busy streams to their own blocks (turn-writer.ts); then one round of syncs covers all
// of it, and the turn's ticket is durable (sync-rounds.ts). Up to three rounds are under way; turns that end meanwhile share the next
// one. Checkpoints free the journal (checkpointer.ts).
//
// Invariant: a write or sync that fails is never tried again into success: the store takes no more changes and is opened anew,
// through recovery.

import type { Clock, Disk, Random, Timer } from "@myelin/platform";
import { StoreError } from "../errors.ts";
import { Scrubber } from "../scrubber.ts";
import type { EncryptionOptions } from "../seal/key-file.ts";
import type { Vault } from "../seal/vault.ts";
import { Slices } from "../slices.ts";
import { NO_LIMITS, type Store, type StoreHealth, type StreamLimits, type StreamLog } from "../store.ts";
import { StreamContext } from "../stream-context.ts";
import { Ballast } from "./ballast.ts";
import { FilePool } from "./block-file.ts";
import { Checkpointer } from "./checkpointer.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import { checkFolder } from "./folder-check.ts";
import { lockFolder } from "./folder-lock.ts";
import type { Journal } from "./journal.ts";
import { completeOptions, type FileStoreOptions } from "./options.ts";
import { isOutOfFiles, PatientDisk } from "./patient-disk.ts";
import { Quarantine } from "./quarantine.ts";
import { recoverStore } from "./recovery.ts";
import { StreamCatalog } from "./stream-catalog.ts";
import { SyncRounds } from "./sync-rounds.ts";
import { TurnWriter } from "./turn-writer.ts";

/** A turn ends early when it has gathered this much, or a quarter of a journal segment: its sync goes on while more is gathered. */
const TURN_BYTES_MAX = 384 * 1024;
/** How often a full disk is looked at again, or files are asked for. */
const DISK_FULL_RETRY_MS = 1000;
const REPORTS_MAX = 1000;
const NO_CONFIG = new Uint8Array(0);

/** A store in a folder. */
export class FileStore implements Store, FileStoreCore {
  readonly disk: Disk;
  readonly pool: FilePool;
  readonly options: Required<FileStoreOptions>;
  readonly slices: Slices;
  vault: Vault | null = null;
  onDurable: ((ticket: number) => void) | null = null;
  onFailure: ((error: StoreError) => void) | null = null;
  readonly #clock: Clock;
  readonly #streamContext: StreamContext;
  readonly #turns: TurnWriter;
  readonly #rounds: SyncRounds;
  readonly #catalog: StreamCatalog;
  readonly #checkpoints: Checkpointer;
  readonly #ballast: Ballast;
  #journal!: Journal;
  #claim: Awaited<ReturnType<typeof lockFolder>> | null = null;
  #scheduled = false;
  /** One for all turns: a function made in {@link touchTurn} would have each append allocate. */
  readonly #flushLater: () => void = () => {
    this.#scheduled = false;
    this.#flush();
  };
  #failure: StoreError | null = null;
  /** The stopping that is under way, or done. */
  #stopped: Promise<void> | null = null;
  /** Long work that goes on when the turn has been written. */
  #roomWaiters: (() => void)[] = [];
  /** The journal is not there yet. */
  #opening = true;
  #diskFull = false;
  /** A call got no file, and there was none that could be closed: no appends until that is better. */
  #outOfFiles = false;
  #reports: string[] = [];
  readonly #quarantine: Quarantine;
  #retryTimer: Timer | null = null;
  #scrubber: Scrubber | null = null;

  private constructor(disk: Disk, clock: Clock, options: Required<FileStoreOptions>) {
    const patient = new PatientDisk(disk);
    this.disk = patient;
    this.#quarantine = new Quarantine(patient);
    this.#clock = clock;
    this.#streamContext = new StreamContext(clock);
    this.options = options;
    this.slices = this.#streamContext.slices;
    this.pool = new FilePool(patient, options.openFilesMax);
    patient.closeSome = () => this.pool.closeSome();
    this.#turns = new TurnWriter(this, new Slices(clock));
    this.#rounds = new SyncRounds(this, clock, this.#turns);
    this.#rounds.onDurable = (turn) => this.onDurable?.(turn);
    this.#catalog = new StreamCatalog(this, this.#streamContext, this.#turns, this.#rounds);
    this.#checkpoints = new Checkpointer(this, this.#catalog);
    // The turn may have been waiting for room, and may need more of it.
    this.#checkpoints.onEnd = () => {
      if (this.#turns.waitsForRoom) this.#flush();
    };
    this.#ballast = new Ballast(patient, options.ballastBytes, (line) => this.#report(line));
  }

  /**
   * Opens the store in a folder, recovering from whatever happened to it; an empty folder becomes a new store.
   *
   * @param disk - The folder; it is locked against other processes and other stores of this one.
   * @throws StoreError `LOCKED`, `FOREIGN_FOLDER`, `NO_ACCESS`, `DAMAGED`, `UNSUPPORTED_VERSION`, `KEY_MISSING`, `WRONG_KEY`, `NOT_ENCRYPTED`,
   *   `CIPHER_MISMATCH`; the platform's errors.
   */
  static async open(disk: Disk, clock: Clock, random: Random, options: FileStoreOptions = {}): Promise<FileStore> {
    // The keys are not kept where somebody might print them.
    const { encryption, ...others } = completeOptions(options);
    const store = new FileStore(disk, clock, { ...others, encryption: null });
    try {
      checkFolder(disk);
      await store.#lock();
      // A process that opens its first store has loaded much code up to here.
      await store.slices.pause();
      await store.#recover(random, encryption);
      if (store.#failure !== null) throw store.#failure;
    } catch (error) {
      await store.#releaseFiles();
      throw withRemedy(disk, error);
    }
    if (!(await store.#ballast.make()))
      store.writeFailed(Object.assign(new Error("no room for the ballast"), { code: "ENOSPC" }));
    store.#opening = false;
    store.#checkpoints.opened = true;
    const { slices } = store;
    for (const { stream } of store.#catalog.open.values()) {
      await stream.begin();
      if (slices.due) await slices.pause();
    }
    store.#flush();
    if (store.#checkpoints.indexBehind) store.#startCheckpoint();
    store.#startScrub();
    return store;
  }

  async #lock(): Promise<void> {
    this.#claim = await lockFolder(this.disk);
    const { weakness } = this.#claim;
    if (weakness === null) return;
    this.#report(`${this.disk.name}: cannot be locked, ${weakness}: see to it that no other process opens the store`);
  }

  async #recover(random: Random, encryption: EncryptionOptions | null): Promise<void> {
    const recovered = await recoverStore(this, this.#streamContext, random, encryption);
    const { journal, storeId, generation } = recovered;
    this.#journal = journal;
    this.#turns.begin(journal);
    this.#rounds.begin(journal);
    this.#checkpoints.begin(journal, storeId, generation);
    this.#catalog.nextIncarnation = recovered.nextIncarnation;
    this.#reports.push(...recovered.reports);
    for (const open of recovered.streams) this.#catalog.adopt(open);
    journal.onFree = () => this.#flush();
    journal.onError = (error) => this.writeFailed(error);
    // What recovery found is made durable first, in a new epoch, so that no old segment is ever believed again.
    await this.#checkpoints.run();
  }

  async createStream(name: string, limits: StreamLimits, config: Uint8Array, firstSeq = 1): Promise<StreamLog> {
    this.checkAppend();
    return this.#catalog.create({ name, limits, config, firstSeq, published: true, outdated: false });
  }

  async createUnpublished(
    name: string,
    firstSeq = 1,
    compression: StreamLimits["compression"] = "none",
  ): Promise<StreamLog> {
    this.checkAppend();
    const limits = { ...NO_LIMITS, compression };
    return this.#catalog.create({ name, limits, config: NO_CONFIG, firstSeq, published: false, outdated: false });
  }

  publishStream(
    name: string,
    limits: StreamLimits,
    config: Uint8Array,
    lastTimeNs: bigint | null = null,
    outdated = false,
  ): Promise<void> {
    return this.#catalog.publish(name, limits, config, lastTimeNs, outdated);
  }

  stream(name: string): StreamLog | null {
    return this.#catalog.find(name);
  }

  streams(): StreamLog[] {
    return this.#catalog.list();
  }

  async deleteStream(name: string): Promise<void> {
    this.checkWritable();
    return this.#catalog.delete(name);
  }

  get durableTicket(): number {
    return this.#rounds.durableTurn;
  }

  ticket(): number {
    return this.#turns.ticket;
  }

  endTurn(): void {
    this.#flush();
  }

  durable(): Promise<void> {
    return this.#rounds.durable(this.#turns.ticket);
  }

  health(): StoreHealth {
    return {
      failure: this.#failure,
      diskFull: this.#diskFull,
      reports: [...this.#reports],
      scrub: this.#scrubber?.state() ?? null,
    };
  }

  /** For the tools that check a folder: the number that names a stream's files; 0 for a stream that is not there. */
  incarnationOf(name: string): number {
    return this.#catalog.open.get(name)?.backing.incarnation ?? 0;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#scrubber?.stop();
    this.#catalog.close();
    try {
      if (!this.#checkpoints.epochDurable) await this.#beginLate();
      if (this.#failure === null) {
        await this.settled();
        await this.#catalog.deleted();
        // From here on nothing goes to the journal: the last checkpoint says that there is nothing in it.
        while (this.#checkpoints.running !== null) await this.#checkpoints.running;
        this.#checkpoints.stopping = true;
        await this.checkpointNow();
      }
    } finally {
      this.#checkpoints.stopping = true;
      await this.#rounds.close();
      await this.#checkpoints.running;
      await this.#catalog.deleted().catch(() => undefined); // whoever deleted knows; nothing may go on when the folder is not ours
      this.#roomMade();
      this.#retryTimer?.cancel();
      await this.#releaseFiles();
    }
  }

  /** The disk was full on opening: what waits since is written when the store stops, or refused. */
  async #beginLate(): Promise<void> {
    if (this.#failure === null) await this.checkpointNow();
    if (this.#checkpoints.epochDurable) this.#flush();
    else if (this.#turns.dirty) this.fail(new Error("the disk is full"));
  }

  // --- for the streams' files ---

  checkWritable(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#stopped !== null)
      throw new StoreError("CLOSED", `Cannot use the store in ${this.disk.name}: it is stopped`);
  }

  checkAppend(): void {
    this.checkWritable();
    if (this.#diskFull) {
      throw new StoreError(
        "DISK_FULL",
        `Cannot store in ${this.disk.name}: the disk is full. Remove or purge messages, or make room`,
      );
    }
    if (this.#outOfFiles) {
      throw new StoreError(
        "BUSY",
        `Cannot store now in ${this.disk.name}: too many files are open. Raise the limit (ulimit -n); it is tried again by itself`,
      );
    }
    if (this.#turns.bytes > this.options.pendingBytesMax) {
      throw new StoreError(
        "BUSY",
        `Cannot store now: ${this.#turns.bytes} bytes wait for the disk, at most ${this.options.pendingBytesMax}`,
      );
    }
  }

  checkRoom(bytes: number): void {
    const free = this.disk.freeBytes();
    // As much again as the ballast is left to the rest: the journal, the checkpoint, whoever else writes.
    if (free >= bytes + this.options.ballastBytes) return;
    throw new StoreError(
      "DISK_FULL",
      `Cannot store a record of ${bytes} bytes in ${this.disk.name}: the disk has room for ${free}, and ${this.options.ballastBytes} are kept free. Remove or purge messages, or make room`,
    );
  }

  writeFailed(error: unknown): void {
    if (isOutOfFiles(error)) {
      if (!this.#outOfFiles) this.#report(`${this.disk.name}: too many files are open (${(error as Error).message})`);
      this.#outOfFiles = true;
      this.#retryTimer ??= this.#clock.setTimer(0, () => void this.#retryDisk());
      return;
    }
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOSPC" && code !== "EDQUOT") {
      this.fail(error);
      return;
    }
    if (!this.#diskFull) this.#report(`${this.disk.name}: the disk is full (${(error as Error).message})`);
    this.#diskFull = true;
    this.#roomMade();
    const freed = this.#ballast.drop();
    this.#retryTimer ??= this.#clock.setTimer(freed ? 0 : DISK_FULL_RETRY_MS, () => void this.#retryDisk());
  }

  fail(cause: unknown): void {
    if (this.#failure !== null) return;
    const text = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new StoreError(
      "READ_ONLY",
      `Cannot change the store in ${this.disk.name} any more: ${text}. What was not confirmed may be lost; open the store again`,
      { cause },
    );
    this.#report(this.#failure.message);
    this.#rounds.abort(this.#failure);
    this.#roomMade();
    this.#retryTimer?.cancel();
    this.onFailure?.(this.#failure);
  }

  enterTurn(stream: FileBacking, bytes: number): void {
    this.#turns.enter(stream);
    this.touchTurn(bytes);
    this.#checkpoints.note(bytes);
  }

  blockEnds(stream: FileBacking): void {
    this.#turns.take(stream);
  }

  touchTurn(bytes: number): void {
    const turns = this.#turns;
    turns.dirty = true;
    turns.bytes += bytes;
    if (turns.bytes > Math.min(TURN_BYTES_MAX, this.options.segmentBytes / 4)) {
      this.#flush();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flushLater);
    }
  }

  room(): Promise<void> {
    const goesOn = this.#failure !== null || this.#diskFull || this.#checkpoints.stopping;
    if (goesOn || !this.#turns.waitsForRoom) return Promise.resolve();
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  #roomMade(): void {
    const waiting = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const goOn of waiting) goOn();
  }

  afterTurn(action: () => Promise<void>): void {
    this.#rounds.after(this.#turns.turn, action);
    this.touchTurn(0);
  }

  settled(): Promise<void> {
    return this.#rounds.settled();
  }

  async checkpointNow(): Promise<void> {
    while (this.#checkpoints.running !== null) await this.#checkpoints.running;
    await this.#checkpoints.run();
    if (this.#failure !== null) throw this.#failure;
  }

  async eraseJournal(): Promise<void> {
    this.#journal.retire();
    await this.checkpointNow();
    try {
      await this.#journal.wipeFree();
    } catch (error) {
      this.writeFailed(error);
      this.checkAppend();
      throw error;
    }
  }

  reportDamage(stream: number, path: string, block: number, offset: number, length: number, lines: string[]): void {
    for (const line of lines) this.#report(`${path} at ${offset}: ${line}`);
    try {
      this.#quarantine.keep(stream, path, block, offset, length);
    } catch (error) {
      this.#report(`${path} at ${offset}: no copy could be kept (${(error as Error).message})`);
    }
  }

  #startScrub(): void {
    const { scrub } = this.options;
    if (scrub === null) return;
    this.#scrubber = new Scrubber(this.#catalog, this.#clock, scrub);
    this.#scrubber.start();
  }

  /** Ends the turn: writes everything it has gathered. When the journal has no room, the turn goes on until it has. */
  #flush(): void {
    const turns = this.#turns;
    if (!turns.dirty || this.#opening || this.#failure !== null || this.#checkpoints.stopping) return;
    // The disk was full on opening: what is written now would not be believed.
    if (!this.#checkpoints.epochDurable) return this.#startCheckpoint();
    const ending = turns.turn;
    const begin = this.#clock.monotonicMs();
    try {
      if (!turns.end()) {
        // Without a full segment, one is being made.
        if (this.#journal.fullSegments > 0) this.#startCheckpoint();
        return;
      }
    } catch (error) {
      this.fail(error);
      return;
    }
    // It has what the slices have done since the turn before: where that was much, they do less in the next one.
    this.slices.spent(this.#clock.monotonicMs() - begin);
    this.#roomMade();
    this.#rounds.turnEnded(ending);
    if (this.#checkpoints.due) this.#startCheckpoint();
  }

  #startCheckpoint(): void {
    if (this.#checkpoints.running === null && this.#failure === null && !this.#diskFull) void this.#checkpoints.run();
  }

  /** Never rejects. */
  async #retryDisk(): Promise<void> {
    if (this.#failure !== null || this.#stopped !== null) return;
    const outOfFiles = this.#outOfFiles;
    this.#outOfFiles = false;
    if (outOfFiles) this.pool.closeClean();
    for (const { backing } of this.#catalog.open.values()) this.#turns.writeLazy(backing);
    // What a checkpoint has synced can be closed.
    if (outOfFiles || this.#turns.waitsForRoom || this.#journal.fullSegments > 0 || !this.#checkpoints.epochDurable)
      await (this.#checkpoints.running ?? this.#checkpoints.run());
    if (this.#failure !== null || this.#stopped !== null) return;
    this.#flush();
    this.#diskFull = !(await this.#ballast.make()) || !this.#checkpoints.epochDurable;
    this.#retryTimer = null;
    if (this.#diskFull || this.#outOfFiles)
      this.#retryTimer = this.#clock.setTimer(DISK_FULL_RETRY_MS, () => void this.#retryDisk());
  }

  #report(line: string): void {
    this.#reports.push(line);
    if (this.#reports.length > REPORTS_MAX) this.#reports.shift();
  }

  async #releaseFiles(): Promise<void> {
    this.#catalog.close();
    await this.pool.closeAll();
    await this.#journal?.close();
    await this.#claim?.release();
    this.#claim = null;
  }
}

/** What kept a store from opening, with what to do where that is a matter of access. */
function withRemedy(disk: Disk, error: unknown): unknown {
  const cause = error instanceof StoreError && error.code === "READ_ONLY" ? error.cause : error;
  if (!(cause instanceof Error)) return error;
  const { code, message }: NodeJS.ErrnoException = cause;
  if (code !== "EROFS" && code !== "EACCES" && code !== "EPERM") return error;
  const remedy =
    code === "EROFS"
      ? "Mount it for writing"
      : "Give the user of this process the right to read and write everything in it";
  const text = `Cannot open the store in ${disk.name}: ${message}. ${remedy}; verifying it takes no more than reading`;
  return new StoreError("NO_ACCESS", text, { cause });
}
