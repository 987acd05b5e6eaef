// Makes written turns durable by rounds of syncs. A round covers every turn that ended before it began; up to three are under way.
//
//   append ... append | end of turn: batch, blocks | round: fdatasync ... | durable | answers go out
//                     append ... append | end of turn | round: fdatasync ...   | durable
//
// Invariant: nothing is called durable before every file that holds a part of it has been synced, names included, and everything that
// came before it is durable: a round ends after the one before it. A sync that fails is never tried again into success: it fails the
// store, and with it every round that began later.

import type { Clock, Timer } from "@myelin/platform";
import type { StoreError } from "../errors.ts";
import type { FileStoreCore } from "./core.ts";
import type { FileBacking } from "./file-backing.ts";
import type { Journal } from "./journal.ts";
import type { TurnWriter } from "./turn-writer.ts";

/** A disk makes several syncs at once in less time than one after the other; more than these cost processor time and win nothing. */
const ROUNDS_MAX = 3;
/** So many of those that wait for a turn are told in one turn of the event loop: each goes on at once. */
const TOLD_PER_TURN = 2048;

interface Waiter {
  readonly turn: number;
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
}

/** How far the newest block of a stream was written. */
interface Reached {
  readonly stream: FileBacking;
  readonly block: number;
  readonly offset: number;
}

/** The syncing half of a store. */
export class SyncRounds {
  /** The last turn that is synced. */
  syncedTurn = 0;
  /** The last turn that was called durable. */
  durableTurn = 0;
  /** Called when `durableTurn` has grown. */
  onDurable: (turn: number) => void = () => {};
  #core: FileStoreCore;
  #clock: Clock;
  #turns: TurnWriter;
  #journal!: Journal;
  #failure: StoreError | null = null;
  /** Rounds that are under way. */
  #rounds = 0;
  /** The newest of them; rejects when it has failed, or one before it. */
  #newest: Promise<void> = Promise.resolve();
  /** The last turn that a round covers. */
  #coveredTurn = 0;
  /** Who waits for a turn to be called durable, in order. Those in front have been told. */
  readonly #waiting: Waiter[] = [];
  #told = 0;
  /** Others are told in the next turn of the event loop. */
  #telling = false;
  /** Who waits for a turn to be synced. */
  #syncWaiting: Waiter[] = [];
  #actions: { turn: number; run: () => Promise<void> }[] = [];
  #acting: Promise<void> | null = null;
  /** In lazy mode: when the next round begins. */
  #timer: Timer | null = null;

  constructor(core: FileStoreCore, clock: Clock, turns: TurnWriter) {
    this.#core = core;
    this.#clock = clock;
    this.#turns = turns;
  }

  /** The journal is there: rounds can begin. */
  begin(journal: Journal): void {
    this.#journal = journal;
  }

  /** A turn was written. */
  turnEnded(turn: number): void {
    const { sync } = this.#core.options;
    if (sync === "always") {
      this.start();
      return;
    }
    this.#timer ??= this.#clock.setTimer(sync.intervalMs, () => {
      this.#timer = null;
      this.start();
    });
    this.#madeDurable(turn);
    if (this.#syncWaiting.length > 0) queueMicrotask(() => this.start());
  }

  /** Begins a round, if a turn has ended that none covers. */
  start(): void {
    const turn = this.#turns.turn - 1;
    if (this.#rounds === ROUNDS_MAX || this.#failure !== null || turn <= this.#coveredTurn) return;
    this.#rounds++;
    this.#coveredTurn = turn;
    this.#newest = this.#run(turn, this.#newest);
    this.#newest.then(
      () => {
        this.#rounds--;
        if (this.#core.options.sync === "always" || this.#syncWaiting.length > 0) this.start();
      },
      (error: unknown) => {
        this.#rounds--;
        this.#core.fail(error);
      },
    );
  }

  /** Resolves when the turn is durable; rejects when it never will be. */
  durable(turn: number): Promise<void> {
    return turn <= this.durableTurn ? Promise.resolve() : this.#wait(turn, this.#waiting);
  }

  /** Resolves when everything up to now is synced, whatever the mode. */
  async synced(): Promise<void> {
    const turn = this.#turns.ticket;
    if (turn <= this.syncedTurn) return;
    const synced = this.#wait(turn, this.#syncWaiting);
    this.start();
    await synced;
  }

  /** Runs `action` when everything up to the turn is synced. Actions run one after the other. */
  after(turn: number, run: () => Promise<void>): void {
    this.#actions.push({ turn, run });
  }

  /** Resolves when everything up to now is synced and the actions for it have run. */
  async settled(): Promise<void> {
    await this.synced();
    while (this.#acting !== null) await this.#acting;
  }

  /** The store has failed: what is not durable will never be. */
  abort(failure: StoreError): void {
    this.#failure = failure;
    for (const waiter of this.#waiting.splice(0).slice(this.#told)) {
      if (waiter.turn <= this.durableTurn) waiter.resolve();
      else waiter.reject(failure);
    }
    this.#told = 0;
    for (const waiter of this.#syncWaiting.splice(0)) waiter.reject(failure);
    this.#timer?.cancel();
  }

  /** Ends the timer, and waits for the rounds that are under way. */
  async close(): Promise<void> {
    while (this.#rounds > 0) await this.#newest.catch(() => undefined); // it has failed the store already
    this.#timer?.cancel();
  }

  async #run(turn: number, before: Promise<void>): Promise<void> {
    const batch = this.#journal.nextBatch - 1;
    const synced = this.#sync();
    synced.catch(() => undefined); // looked at when it is this round's time
    await before;
    const reached = await synced;
    this.#journal.syncedBatch = batch;
    for (const { stream, block, offset } of reached) stream.syncedTo(block, offset);
    this.syncedTurn = turn;
    this.#madeDurable(turn);
    const waiting = this.#syncWaiting;
    this.#syncWaiting = waiting.filter((waiter) => waiter.turn > turn);
    for (const waiter of waiting) if (waiter.turn <= turn) waiter.resolve();
    this.#act();
  }

  /** Syncs what the ended turns have written. @returns How far streams were written that went the direct way. */
  async #sync(): Promise<Reached[]> {
    const syncs: Promise<unknown>[] = this.#journal.takeDirty().map((segment) => segment.file.sync());
    const reached: Reached[] = [];
    for (const stream of this.#turns.takeDirect()) {
      const sync = stream.syncTurns();
      if (sync === null) continue;
      syncs.push(sync);
      reached.push({ stream, block: stream.blocks.last, offset: stream.tail.start });
    }
    await Promise.all(syncs);
    return reached;
  }

  #madeDurable(turn: number): void {
    if (turn > this.durableTurn) {
      this.durableTurn = turn;
      this.onDurable(turn);
    }
    if (!this.#telling) this.#tell();
  }

  /** Tells those whose turn is durable: some now, the others in the next turns of the event loop. */
  #tell(): void {
    const waiting = this.#waiting;
    const end = Math.min(waiting.length, this.#told + TOLD_PER_TURN);
    while (this.#told < end && waiting[this.#told]!.turn <= this.durableTurn) waiting[this.#told++]!.resolve();
    this.#telling = this.#told === end && end < waiting.length;
    if (this.#telling) {
      setImmediate(() => this.#tell());
    } else if (this.#told > waiting.length / 2) {
      waiting.splice(0, this.#told);
      this.#told = 0;
    }
  }

  #wait(turn: number, among: Waiter[]): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      among.push({ turn, resolve, reject });
    });
  }

  /** Runs what was waiting for its turn to be synced. */
  #act(): void {
    if (this.#acting !== null || (this.#actions[0]?.turn ?? Number.POSITIVE_INFINITY) > this.syncedTurn) return;
    this.#acting = this.#runActions().then(
      () => {
        this.#acting = null;
        this.#act();
      },
      (error: unknown) => {
        this.#acting = null;
        this.#core.writeFailed(error);
      },
    );
  }

  async #runActions(): Promise<void> {
    const { slices } = this.#core;
    for (let next = this.#actions[0]; next !== undefined && next.turn <= this.syncedTurn; next = this.#actions[0]) {
      this.#actions.shift();
      await next.run();
      // Removing a large file takes a millisecond or two, and a purge removes hundreds.
      if (slices.due) await slices.pause();
    }
  }
}
