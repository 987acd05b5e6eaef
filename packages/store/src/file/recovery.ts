// Opens a folder: recognises it, reads the checkpoint, brings the streams back from their blocks, replays the journal onto them.
// Nothing is removed here that was ever confirmed, and nothing by inference: what cannot be explained is kept, moved aside or refused.

import type { Disk, DiskFile, Random } from "@myelin/platform";
import { StoreError } from "../errors.ts";
import { StreamIndex } from "../index/stream-index.ts";
import { COMMON_HEADER_BYTES, KIND_MESSAGE, u32, u64 } from "../record.ts";
import { type EncryptionOptions, readKeyFile } from "../seal/key-file.ts";
import { openVault } from "../seal/vault.ts";
import type { Slices } from "../slices.ts";
import { Stream } from "../stream.ts";
import type { StreamContext } from "../stream-context.ts";
import { type Checkpoint, decodeCheckpoint, type StreamCheckpoint } from "./checkpoint.ts";
import {
  dependsOn,
  KIND_BOUNDS,
  KIND_CONSUMER,
  KIND_DELETED,
  KIND_DESCRIBED,
  KIND_REMOVED,
  KIND_TRUNCATED,
  readBounds,
  readConsumer,
  visitRuns,
} from "./control.ts";
import type { FileStoreCore } from "./core.ts";
import { FileBacking } from "./file-backing.ts";
import { checkContents, segmentNumbers } from "./folder-check.ts";
import { type Foreseen, foresee, foreseeFor, nothingForeseen } from "./foreseen.ts";
import {
  JOURNAL_FOLDER,
  MAGIC_CONSUMERS,
  MAGIC_META,
  MAGIC_STORE,
  numberInName,
  ORPHANS_FOLDER,
  STORE_FILE,
  STREAMS_FOLDER,
  streamFolder,
} from "./format.ts";
import { Journal, segmentPath } from "./journal.ts";
import { type JournalContent, JournalWalk, readJournal } from "./journal-reader.ts";
import { expectOpenFiles } from "./open-files.ts";
import { RecoveringStream } from "./recovering-stream.ts";
import { checkJournal, durableGeneration, olderCopies } from "./rollback.ts";
import type { OpenStream } from "./stream-catalog.ts";
import { emptyStreamFolder, removeStreamFolder } from "./stream-folder.ts";
import { CONSUMERS, decodeConsumers, decodeMeta, META, type StreamMeta } from "./stream-meta.ts";
import { readTwin, type TwinContent } from "./twin-file.ts";

/** What a folder held. */
export interface RecoveredStore {
  readonly storeId: number;
  /** Generation of the store files. */
  readonly generation: number;
  readonly nextIncarnation: number;
  readonly journal: Journal;
  readonly streams: readonly OpenStream[];
  readonly reports: string[];
}

/** What it means for a stream that its description is older. */
const LIMITS_HELD = "to take nothing away that should stay, its limits do not apply until the stream is updated";
const OUTDATED = `limits and configuration are those of then; ${LIMITS_HELD}, or newer copies are put back`;

interface Found {
  readonly meta: StreamMeta;
  /** The highest that is known of its description. */
  readonly metaGeneration: number;
  readonly checkpoint: StreamCheckpoint | null;
  recovering: RecoveringStream;
  /** Consumers by their file. */
  readonly savedConsumers: ReadonlyMap<string, Uint8Array>;
  consumers: Map<string, Uint8Array>;
  /** Records of the journal that take messages away and depend on a record that is not there yet. */
  waiting: JournalRecord[];
  /** Some never took effect, because what they depend on is beyond this last sequence; infinite: all did. */
  unmetBeyond: number;
}

/** A record of the journal, `length` bytes at `at`. */
interface JournalRecord {
  readonly body: Uint8Array;
  readonly at: number;
  readonly length: number;
}

const EMPTY_CHECKPOINT: Checkpoint = {
  epoch: 0,
  nextIncarnation: 1,
  firstBatch: 1,
  clean: false,
  streams: [],
  segments: { numbers: [], bytes: 0 },
  encrypted: false,
};
/**
 * Opens the folder, which was looked at (`checkFolder`) and is ours alone.
 *
 * @param random - For a new store's number and keys.
 */
export async function recoverStore(
  core: FileStoreCore,
  streamContext: StreamContext,
  random: Random,
  encryption: EncryptionOptions | null,
): Promise<RecoveredStore> {
  const { disk } = core;
  const reports: string[] = [];
  const { slices } = core;
  await checkContents(disk, slices);
  const twin = readTwin(disk, STORE_FILE, MAGIC_STORE, null);
  if (twin === null) checkNothingThere(disk);
  reportUnusable(twin, reports);
  const checkpoint = twin === null ? EMPTY_CHECKPOINT : decodeCheckpoint(twin.body);
  const keys = readKeyFile(disk, twin?.owner ?? null);
  reportUnusable(keys, reports);
  const storeId = twin?.owner ?? keys?.owner ?? u32(random.fillSecret(new Uint8Array(4)), 0);
  const segments = segmentNumbers(disk);
  reports.push(...checkJournal(disk, storeId, checkpoint, segments));
  const store = twin === null ? null : { encrypted: checkpoint.encrypted };
  core.vault = await openVault(disk, random, encryption, { storeId, store, keys, epoch: checkpoint.epoch + 1 });
  if (twin === null) await makeFolders(disk);

  const paths = segments.map(segmentPath);
  const { firstBatch } = checkpoint;
  // A store that was stopped in order has written nothing since.
  const content = checkpoint.clean
    ? { batches: [], damaged: false, reports: [], nextBatch: firstBatch }
    : await readJournal(disk, paths, storeId, checkpoint.epoch, firstBatch, twin?.generation ?? 0, slices);
  reports.push(...content.reports);
  const foreseen = await foresee(content, slices);
  const found = await readStreams(core, storeId, checkpoint, foreseen, reports, slices);
  for (const [incarnation, one] of found) await one.recovering.keepHoles(foreseen.get(incarnation)?.truncatedTo);
  const named = await replay(content, found, slices);
  for (const [incarnation, one] of found) await correctForesight(core, content, incarnation, one, storeId, slices);
  for (const { incarnation, lastSeq } of checkpoint.streams) {
    if (found.has(incarnation) || named.deleted.has(incarnation) || orphaned(disk, incarnation)) continue;
    reports.push(`${streamFolder(incarnation)}: missing; it held sequences up to ${lastSeq}`);
  }
  const streams: OpenStream[] = [];
  for (const [incarnation, one] of found) {
    if (slices.due) await slices.pause();
    if (one.recovering.deleted) {
      one.recovering.backing.blocks.close();
      await removeStreamFolder(disk, incarnation, slices);
      continue;
    }
    named.incarnation = Math.max(named.incarnation, incarnation);
    if (!one.meta.published) {
      // Nobody was told of it. It goes when a checkpoint that does not name it is durable.
      one.recovering.backing.blocks.close();
      core.afterTurn(() => removeStreamFolder(disk, incarnation, slices));
      continue;
    }
    await one.recovering.finish();
    reports.push(...one.recovering.rebuilt.reports);
    streams.push(await openStream(one, streamContext));
  }
  // One that an interrupted opening made may be there without its name being durable.
  if (!checkpoint.clean) await disk.syncFolder(JOURNAL_FOLDER);
  const journal = reuseSegments(core, storeId, checkpoint.epoch + 1, content.nextBatch, segments);
  return {
    storeId,
    generation: twin?.generation ?? 0,
    nextIncarnation: Math.max(checkpoint.nextIncarnation, named.incarnation + 1),
    journal,
    streams,
    reports,
  };
}

/** Without a store file, nothing may speak of a store: whatever is there would be overwritten, or sealed with another key. */
function checkNothingThere(disk: Disk): void {
  for (const folder of [JOURNAL_FOLDER, STREAMS_FOLDER]) {
    if (disk.stat(folder) === null || disk.list(folder).length === 0) continue;
    throw new StoreError(
      "DAMAGED",
      `Cannot open ${disk.name}: ${STORE_FILE}.0 and ${STORE_FILE}.1 are missing or not whole, but ${folder} is not empty. Restore one of them from a backup`,
    );
  }
}

/** Makes the folders of a new store. */
async function makeFolders(disk: Disk): Promise<void> {
  for (const folder of [JOURNAL_FOLDER, STREAMS_FOLDER]) if (disk.stat(folder) === null) disk.makeFolder(folder);
  await disk.syncFolder("");
}

async function readStreams(
  core: FileStoreCore,
  storeId: number,
  checkpoint: Checkpoint,
  foreseen: ReadonlyMap<number, Foreseen>,
  reports: string[],
  slices: Slices,
): Promise<Map<number, Found>> {
  const { disk } = core;
  const found = new Map<number, Found>();
  const checkpoints = new Map(checkpoint.streams.map((stream) => [stream.incarnation, stream]));
  const entries = disk.list(STREAMS_FOLDER);
  if (checkpoint.streams.length > 0)
    await expectOpenFiles(disk, `${STORE_FILE}.0`, Math.min(entries.length, core.options.openFilesMax), slices);
  for (const { name } of entries) {
    if (slices.due) await slices.pause();
    const path = `${STREAMS_FOLDER}/${name}`;
    const incarnation = numberInName(name, "");
    if (incarnation < 0) {
      // Its name says that it was never finished, or that it is going.
      await emptyStreamFolder(disk, path, slices);
    } else {
      const own = checkpoints.get(incarnation) ?? null;
      const foreseenOwn = foreseen.get(incarnation) ?? nothingForeseen();
      const one = await readStream(core, storeId, incarnation, own, foreseenOwn, reports, slices);
      if (one !== null) found.set(incarnation, one);
    }
  }
  return found;
}

async function readStream(
  core: FileStoreCore,
  storeId: number,
  incarnation: number,
  checkpoint: StreamCheckpoint | null,
  foreseen: Foreseen,
  reports: string[],
  slices: Slices,
): Promise<Found | null> {
  const { disk } = core;
  const folder = streamFolder(incarnation);
  const meta = tryTwin(disk, `${folder}/meta`, MAGIC_META, incarnation, reports);
  if (meta === null) {
    await setAside(disk, incarnation, reports);
    return null;
  }
  const { body, generation } = meta;
  const backing = new FileBacking(core, incarnation, new StreamIndex());
  const plain = openBytes(backing, body, META);
  if (plain === null) {
    reports.push(`${folder}/meta: its seal is broken`);
    await setAside(disk, incarnation, reports);
    return null;
  }
  const description = decodeMeta(plain);
  const { consumersGeneration = 0 } = checkpoint ?? {};
  const metaGeneration = Math.max(checkpoint?.metaGeneration ?? 0, foreseen.metaGeneration);
  reports.push(...olderCopies(meta, `${folder}/meta`, metaGeneration, OUTDATED));
  const outdated = generation < metaGeneration;
  if (description.outdated && !outdated)
    reports.push(`${folder}/meta: restored from a backup, in which it was older than it should be; ${LIMITS_HELD}`);
  if (!description.published && outdated) {
    // It may have been published since.
    await setAside(disk, incarnation, reports);
    return null;
  }
  const recovering = new RecoveringStream(core, backing, checkpoint, description.firstSeq, foreseen, storeId, slices);
  await recovering.readBlocks();
  const known = reports.length;
  const consumers = tryTwin(disk, `${folder}/consumers`, MAGIC_CONSUMERS, incarnation, reports);
  if (consumers !== null || reports.length === known)
    reports.push(
      ...olderCopies(consumers, `${folder}/consumers`, consumersGeneration, "consumers may be gone, or behind"),
    );
  backing.saver.consumersGeneration = consumers?.generation ?? 0;
  backing.saver.consumersDurable = durableGeneration(consumers, consumersGeneration);
  // Also of a newer description that is not there any more: that this one is older has to be known until there is another.
  backing.saver.metaDurable = Math.max(durableGeneration(meta, metaGeneration), metaGeneration);
  const states = consumers === null ? null : openBytes(backing, consumers.body, CONSUMERS);
  if (consumers !== null && states === null) reports.push(`${folder}/consumers: its seal is broken`);
  const savedConsumers = states === null ? new Map<string, Uint8Array>() : decodeConsumers(states);
  return {
    meta: { ...description, outdated: description.outdated || outdated },
    metaGeneration: Math.max(generation, metaGeneration),
    checkpoint,
    recovering,
    savedConsumers,
    consumers: new Map(savedConsumers),
    waiting: [],
    unmetBeyond: Number.POSITIVE_INFINITY,
  };
}

/** What {@link FileBacking.sealed} made; null when its seal is broken. */
function openBytes(backing: FileBacking, bytes: Uint8Array, purpose: string): Uint8Array | null {
  return backing.sealer === null ? bytes : backing.sealer.openBytes(bytes, purpose);
}

function reportUnusable(twin: TwinContent | null, reports: string[]): void {
  for (const copy of twin?.unusable ?? [])
    reports.push(`${copy}, by an interrupted write or by damage; the other copy is used`);
}

/** Reads a twin file; null when it is not there or damaged, which is reported. */
function tryTwin(
  disk: Disk,
  path: string,
  magic: number,
  owner: number,
  reports: string[],
): ReturnType<typeof readTwin> {
  try {
    const twin = readTwin(disk, path, magic, owner);
    reportUnusable(twin, reports);
    return twin;
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "DAMAGED") throw error;
    reports.push(error.message);
    return null;
  }
}

/** A stream that nobody can name any more: its folder is kept for a person to look at. */
async function setAside(disk: Disk, incarnation: number, reports: string[]): Promise<void> {
  const folder = streamFolder(incarnation);
  if (disk.stat(ORPHANS_FOLDER) === null) disk.makeFolder(ORPHANS_FOLDER);
  const wanted = folder.replace(STREAMS_FOLDER, ORPHANS_FOLDER);
  let target = wanted;
  // Somebody may have brought an orphan's folder back, as it was, and kept the orphan.
  for (let i = 2; disk.stat(target) !== null; i++) target = `${wanted}-${i}`;
  disk.rename(folder, target);
  await disk.syncFolder(ORPHANS_FOLDER);
  await disk.syncFolder(STREAMS_FOLDER);
  reports.push(`${folder}: its description cannot be read; moved to ${target}`);
}

function orphaned(disk: Disk, incarnation: number): boolean {
  return disk.stat(streamFolder(incarnation).replace(STREAMS_FOLDER, ORPHANS_FOLDER)) !== null;
}

/** Replays the journal; returns the highest incarnation that it names, and the streams that it says were deleted. */
async function replay(
  content: JournalContent,
  found: ReadonlyMap<number, Found>,
  slices: Slices,
): Promise<{ incarnation: number; deleted: Set<number> }> {
  const named = { incarnation: 0, deleted: new Set<number>() };
  for (const walk = new JournalWalk(content, slices); walk.next(); ) {
    if (walk.due) await slices.pause();
    const { at, length } = walk;
    const { body, synced } = walk.batch;
    const incarnation = u32(body, at + 8);
    named.incarnation = Math.max(named.incarnation, incarnation);
    if (body[at + 23] === KIND_DELETED) named.deleted.add(incarnation);
    const one = found.get(incarnation);
    // A stream that is not there was deleted, durably, before the journal could be freed of it.
    if (one === undefined) continue;
    // What was truncated may be what others depend on.
    if (body[at + 23] === KIND_TRUNCATED) await takeWaiting(one, Number.POSITIVE_INFINITY, slices);
    replayRecord(one, { body, at, length }, synced, content.damaged);
    while (one.recovering.takeAwayMore()) if (slices.due) await slices.pause();
  }
  for (const one of found.values()) await takeWaiting(one, one.recovering.lastSeq, slices);
  return named;
}

/**
 * A hole may have been taken for explained by a record of the journal that proves never to have counted: what stands behind the hole was
 * never confirmed then. Reads such a stream once more, without what did not count. What the first time has written is behind what the
 * checkpoint vouches for, and is judged like everything there.
 */
async function correctForesight(
  core: FileStoreCore,
  content: JournalContent,
  incarnation: number,
  one: Found,
  storeId: number,
  slices: Slices,
): Promise<void> {
  for (let end = Number.POSITIVE_INFINITY; one.unmetBeyond < end && one.recovering.rebuilt.reliedOnJournal; ) {
    end = one.unmetBeyond;
    const { backing } = one.recovering;
    const foreseen = await foreseeFor(content, incarnation, end, slices);
    const { reports } = one.recovering.rebuilt;
    await one.recovering.giveUp();
    const again = new FileBacking(core, incarnation, new StreamIndex());
    again.saver.knows(backing.saver);
    const { checkpoint, meta } = one;
    one.recovering = new RecoveringStream(core, again, checkpoint, meta.firstSeq, foreseen, storeId, slices);
    one.consumers = new Map(one.savedConsumers);
    one.unmetBeyond = Number.POSITIVE_INFINITY;
    await one.recovering.readBlocks();
    await one.recovering.keepHoles(foreseen.truncatedTo);
    await replay(content, new Map([[incarnation, one]]), slices);
    one.recovering.rebuilt.tells(reports);
  }
}

/** Has the waiting records take effect that depend on a record up to `lastSeq`. The others were never confirmed, nor was that. */
async function takeWaiting(one: Found, lastSeq: number, slices: Slices): Promise<void> {
  const { recovering, waiting } = one;
  one.waiting = [];
  for (const record of waiting) {
    if (dependsOn(record.body, record.at) > lastSeq) {
      one.unmetBeyond = lastSeq;
      continue;
    }
    takeAway(recovering, record);
    while (recovering.takeAwayMore()) if (slices.due) await slices.pause();
  }
}

function takeAway(recovering: RecoveringStream, { body, at, length }: JournalRecord): void {
  if (body[at + 23] === KIND_BOUNDS) recovering.bounds(readBounds(body, at));
  else visitRuns(body, at, length, (first, count) => recovering.removed(first, count));
}

/**
 * @param synced - Everything up to it was durable.
 * @param damaged - The journal has lost something that was durable.
 */
function replayRecord(one: Found, record: JournalRecord, synced: boolean, damaged: boolean): void {
  const { recovering } = one;
  const { body, at, length } = record;
  switch (body[at + 23]) {
    case KIND_MESSAGE:
      recovering.message(body, at, length, damaged);
      return;
    case KIND_REMOVED:
    case KIND_BOUNDS:
      if (synced || dependsOn(body, at) <= recovering.lastSeq) takeAway(recovering, record);
      else one.waiting.push(record);
      return;
    case KIND_TRUNCATED:
      recovering.truncated(u64(body, at + COMMON_HEADER_BYTES));
      return;
    case KIND_DESCRIBED:
      return; // foreseen
    case KIND_DELETED:
      recovering.deleted = true;
      return;
    case KIND_CONSUMER: {
      const consumer = readConsumer(body, at, length, recovering.backing.sealer);
      if (consumer === null) {
        recovering.rebuilt.reports.push(`${streamFolder(recovering.backing.incarnation)}: a consumer's seal is broken`);
        return;
      }
      const { name, state } = consumer;
      if (state === null) one.consumers.delete(name);
      else one.consumers.set(name, state);
      recovering.backing.markConsumersDirty();
      return;
    }
    default:
      throw new StoreError(
        "UNSUPPORTED_VERSION",
        `Cannot replay the journal: a record of kind ${body[at + 23]} is not known`,
      );
  }
}

async function openStream(one: Found, context: StreamContext): Promise<OpenStream> {
  const { meta, recovering } = one;
  const { backing, rebuilt } = recovering;
  const stream = new Stream(meta.name, meta.limits, meta.config, backing, backing.index, context);
  if (meta.outdated) stream.holdLimits();
  stream.restoreLastTime(rebuilt, rebuilt.lastTimeCut);
  stream.gap = backing.index.records.last === null ? 0 : backing.index.lastSeq - backing.index.lastRecord;
  for (const [name, state] of one.consumers) stream.restoreConsumer(name, state);
  stream.restoreTtls(rebuilt.ttls);
  await stream.countBytes();
  return { stream, backing, firstSeq: meta.firstSeq, metaGeneration: one.metaGeneration, published: true };
}

/** Segments of the right size are used again, in a new epoch; others go once the new checkpoint is durable. */
function reuseSegments(
  core: FileStoreCore,
  storeId: number,
  epoch: number,
  nextBatch: number,
  numbers: readonly number[],
): Journal {
  const { disk, options } = core;
  const files = new Map<number, DiskFile>();
  let made = 0;
  for (const number of numbers) {
    const path = segmentPath(number);
    made = Math.max(made, number + 1);
    if (files.size < options.segments && disk.stat(path)?.size === options.segmentBytes)
      files.set(number, disk.open(path, "write"));
    else core.afterTurn(async () => disk.remove(path));
  }
  return new Journal(disk, storeId, epoch, nextBatch, files, made, options.segmentBytes, options.segments);
}
