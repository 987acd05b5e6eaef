// Finds out what is wrong with a store's folder that nobody has open, without changing it.
//
// Two ways at once: every file is looked at by itself, which tells places; and the store is opened on an overlay that keeps all
// writes in memory, and every message is read, which tells what opening it would do and what is lost.

import type { Clock, Disk, Random } from "@myelin/platform";
import { StoreError } from "../../errors.ts";
import type { SeqRun } from "../../index/lost-runs.ts";
import { MessageView } from "../../message-view.ts";
import { Slices } from "../../slices.ts";
import type { StreamLog } from "../../store.ts";
import { FileStore } from "../file-store.ts";
import { checkContents, checkFolder, checkNotReferences } from "../folder-check.ts";
import { lockFolder } from "../folder-lock.ts";
import { STORE_FILE, STREAMS_FOLDER } from "../format.ts";
import type { FileStoreOptions } from "../options.ts";
import { Quarantine } from "../quarantine.ts";
import { type FileProblem, fileProblems } from "./file-problems.ts";
import { OverlayDisk } from "./overlay-disk.ts";

/** What a problem costs. */
export type ProblemCost =
  /** Nothing: what is there was never confirmed, or was taken away. Opening the store deals with it. */
  | "nothing"
  /** One of two copies: repairing makes it whole. */
  | "copy"
  /** Messages, or a stream whose description is gone. Repairing keeps a copy of the bytes in quarantine. */
  | "messages"
  /** Messages, and a copy of the bytes is in quarantine already. */
  | "known";

/** Something in a folder that is not as it should be. */
export interface StoreProblem {
  readonly path: string;
  /** First byte, and how many. */
  readonly offset: number;
  readonly length: number;
  /** What it is, for a person. */
  readonly text: string;
  /** Name of the stream that it costs messages; null: it costs none. */
  readonly stream: string | null;
  /** Sequences of that stream that are lost by it. */
  readonly lost: readonly SeqRun[];
  readonly cost: ProblemCost;
}

/** What a stream has. */
export interface VerifiedStream {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lost: readonly SeqRun[];
}

/** What was found out about a folder. */
export interface StoreVerdict {
  readonly problems: readonly StoreProblem[];
  readonly streams: readonly VerifiedStream[];
  /** What opening the store would find, do and say, a line each. */
  readonly reports: readonly string[];
  /** The store cannot be opened at all: for this reason. Then `streams` and `reports` are empty. */
  readonly refusal: StoreError | null;
}

/**
 * Verifies a folder. Changes nothing, but for the lock that it takes meanwhile. Reads everything: some 300 MB per second.
 *
 * @param disk - The folder; one that somebody has open is refused with `LOCKED`.
 * @param options - As the store is opened otherwise: its keys, above all.
 * @throws The platform's errors.
 */
export async function verifyStore(
  disk: Disk,
  clock: Clock,
  random: Random,
  options: FileStoreOptions = {},
): Promise<StoreVerdict> {
  let found: FileProblem[] = [];
  try {
    checkIsStore(disk);
    checkFolder(disk);
    found = await lockedProblems(disk, clock);
    return await tryOpening(disk, clock, random, options, found);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const kept = new Quarantine(disk);
    const problems = found.map((problem) => judge(disk, kept, problem, found, new Map()));
    return { problems, streams: [], reports: [], refusal: error };
  }
}

/** Looks at the files while nobody else may write to them. */
async function lockedProblems(disk: Disk, clock: Clock): Promise<FileProblem[]> {
  const lock = await lockFolder(disk);
  try {
    await checkContents(disk, new Slices(clock));
    return [...fileProblems(disk)];
  } finally {
    await lock.release();
  }
}

/** @throws StoreError for a folder in which nothing speaks of a store, or one of nats-server. */
export function checkIsStore(disk: Disk): void {
  checkNotReferences(disk);
  if ([`${STORE_FILE}.0`, `${STORE_FILE}.1`, STREAMS_FOLDER].some((path) => disk.stat(path) !== null)) return;
  throw new StoreError(
    "FOREIGN_FOLDER",
    `Cannot check ${disk.name}: there is no store in it. Name the folder of a store`,
  );
}

async function tryOpening(
  disk: Disk,
  clock: Clock,
  random: Random,
  options: FileStoreOptions,
  found: readonly FileProblem[],
): Promise<StoreVerdict> {
  const store = await FileStore.open(new OverlayDisk(disk), clock, random, { ...options, scrub: null });
  try {
    for (const log of store.streams()) await readAll(log);
    const lost = new Map<number, { readonly name: string; readonly runs: readonly SeqRun[] }>();
    for (const log of store.streams()) {
      lost.set(store.incarnationOf(log.name), { name: log.name, runs: log.state().lost });
    }
    const kept = new Quarantine(disk);
    const problems = found.map((problem) => judge(disk, kept, problem, found, lost));
    return { problems, streams: store.streams().map(verified), reports: store.health().reports, refusal: null };
  } finally {
    await store.stop();
  }
}

/** Reads every message of a stream, so that what cannot be read is known. */
export async function readAll(log: StreamLog): Promise<void> {
  const view = new MessageView();
  for (let seq = 0, count = 1; log.next("", seq, view) !== null; seq = view.seq + 1, count++) {
    if (count % 10_000 === 0) await new Promise((resolve) => setImmediate(resolve)); // others may have something to do
  }
}

/** A stream as it is now. */
export function verified(log: StreamLog): VerifiedStream {
  const { messages, bytes, firstSeq, lastSeq, lost } = log.state();
  return { name: log.name, messages, bytes, firstSeq, lastSeq, lost };
}

/** What a problem costs. */
function judge(
  disk: Disk,
  kept: Quarantine,
  problem: FileProblem,
  all: readonly FileProblem[],
  lost: ReadonlyMap<number, { readonly name: string; readonly runs: readonly SeqRun[] }>,
): StoreProblem {
  const { path, offset, length, text, block, twin } = problem;
  const place = { path, offset, length, text };
  if (twin !== null) {
    const alone = disk.stat(twin) === null || all.some((other) => other.path === twin);
    return { ...place, stream: null, lost: [], cost: alone ? "messages" : "copy" };
  }
  const stream = block === null ? undefined : lost.get(block.incarnation);
  const runs: SeqRun[] = [];
  for (const [first, last] of stream?.runs ?? []) {
    const from = Math.max(first, block!.after + 1);
    const to = Math.min(last, block!.before - 1);
    if (from <= to) runs.push([from, to]);
  }
  if (stream === undefined || runs.length === 0) return { ...place, stream: null, lost: [], cost: "nothing" };
  const cost = kept.has(block!.incarnation, block!.number, offset) ? "known" : "messages";
  return { ...place, stream: stream.name, lost: runs, cost };
}
