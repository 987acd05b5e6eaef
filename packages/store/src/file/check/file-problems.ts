// Looks at each file of a store's folder by itself: what of it cannot be read, and where. What that costs is for verify.ts to find out,
// by trying to open the store.

import type { Disk } from "@myelin/platform";
import { viewOf } from "../../checksum.ts";
import { StoreError } from "../../errors.ts";
import { aligned, soundMessage, u64 } from "../../record.ts";
import { KEYS_FILE, MAGIC_KEYS } from "../../seal/key-file.ts";
import { BLOCK_HEADER_BYTES, readBlockHeader } from "../block-file.ts";
import { decodeCheckpoint, type StreamCheckpoint } from "../checkpoint.ts";
import {
  MAGIC_CONSUMERS,
  MAGIC_META,
  MAGIC_STORE,
  numberInName,
  STORE_FILE,
  STREAMS_FOLDER,
  streamFolder,
} from "../format.ts";
import { soundChunksEnd } from "../index-chunk.ts";
import { readWhole } from "../read-file.ts";
import { olderTombstones, tombstoneRecords } from "../tombstones.ts";
import { copyGeneration, readTwin } from "../twin-file.ts";

const OLDER = "a copy that is older than the checkpoint says";

/** A stretch of a file that cannot be read. */
export interface FileProblem {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  readonly text: string;
  /** For a block: its stream and number, and the sequences right before and right after the stretch (0 and Infinity: none). */
  readonly block: {
    readonly incarnation: number;
    readonly number: number;
    readonly after: number;
    readonly before: number;
  } | null;
  /** The file that holds the same content a second time. */
  readonly twin: string | null;
}

/** Finds all problems. Reads every file but the journal's segments. */
export function* fileProblems(disk: Disk): Generator<FileProblem> {
  yield* twinProblems(disk, STORE_FILE, MAGIC_STORE, null);
  yield* twinProblems(disk, KEYS_FILE, MAGIC_KEYS, null);
  if (disk.stat(STREAMS_FOLDER)?.kind !== "folder") return;
  const vouched = checkpoints(disk);
  for (const { name, kind } of disk.list(STREAMS_FOLDER)) {
    const incarnation = numberInName(name, "");
    if (kind !== "folder" || incarnation < 0) continue;
    const folder = streamFolder(incarnation);
    const own = vouched.get(incarnation);
    yield* twinProblems(disk, `${folder}/meta`, MAGIC_META, incarnation, own?.metaGeneration);
    yield* twinProblems(disk, `${folder}/consumers`, MAGIC_CONSUMERS, incarnation, own?.consumersGeneration);
    yield* tombstoneProblems(disk, `${folder}/deleted`, incarnation, own?.tombstone ?? 0);
    yield* blockProblems(disk, incarnation);
    yield* indexProblems(disk, folder);
  }
}

/** What the checkpoint says of the streams; nothing where it cannot be read, which is a problem of its own. */
function checkpoints(disk: Disk): Map<number, StreamCheckpoint> {
  try {
    const twin = readTwin(disk, STORE_FILE, MAGIC_STORE, null);
    const streams = twin === null ? [] : decodeCheckpoint(twin.body).streams;
    return new Map(streams.map((stream) => [stream.incarnation, stream]));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return new Map();
  }
}

/** Index files are made anew from their blocks: what is wrong with them costs time and nothing else. */
function* indexProblems(disk: Disk, folder: string): Generator<FileProblem> {
  for (const { name } of disk.list(folder)) {
    if (numberInName(name, ".idx") < 0) continue;
    const path = `${folder}/${name}`;
    const bytes = readWhole(disk, path);
    const offset = soundChunksEnd(bytes);
    const length = bytes.length - offset;
    const text = "an index that cannot be read, and is made anew";
    if (length > 0) yield { path, offset, length, text, block: null, twin: null };
  }
}

/** @param vouched - The generation that the checkpoint names: a copy with a lower one is no copy of what counts. */
function* twinProblems(
  disk: Disk,
  path: string,
  magic: number,
  owner: number | null,
  vouched = 0,
): Generator<FileProblem> {
  for (const copy of [0, 1]) {
    const name = `${path}.${copy}`;
    const stat = disk.stat(name);
    if (stat === null) {
      yield* missingCopy(disk, path, copy, vouched);
      continue;
    }
    const generation = copyGeneration(disk, name, magic, owner);
    if (generation >= vouched) continue;
    const text = generation < 0 ? "a copy that is not whole" : OLDER;
    yield { path: name, offset: 0, length: stat.size, text, block: null, twin: `${path}.${1 - copy}` };
  }
}

/** One of two copies alone: the other one has no second any more. Or neither of them, and there should be something. */
function* missingCopy(disk: Disk, path: string, copy: number, vouched: number): Generator<FileProblem> {
  const twin = `${path}.${1 - copy}`;
  if (disk.stat(twin) === null && vouched === 0) return;
  yield { path: `${path}.${copy}`, offset: 0, length: 0, text: "a copy that is missing", block: null, twin };
}

function* tombstoneProblems(disk: Disk, path: string, incarnation: number, vouched: number): Generator<FileProblem> {
  const read = (name: string): Uint8Array | null => (disk.stat(name) === null ? null : readWhole(disk, name));
  const contents = [read(`${path}.0`), read(`${path}.1`)] as const;
  const older = olderTombstones(contents, incarnation, vouched);
  for (const copy of [0, 1] as const) {
    const bytes = contents[copy];
    if (bytes === null) {
      yield* missingCopy(disk, path, copy, vouched);
      continue;
    }
    const name = `${path}.${copy}`;
    const damaged = [...unreadableTombstones(bytes, path, copy, incarnation)];
    yield* damaged;
    if (damaged.length > 0 || !older[copy]) continue;
    yield { path: name, offset: 0, length: bytes.length, text: OLDER, block: null, twin: `${path}.${1 - copy}` };
  }
}

function* unreadableTombstones(
  bytes: Uint8Array,
  path: string,
  copy: number,
  incarnation: number,
): Generator<FileProblem> {
  const name = `${path}.${copy}`;
  const problem = (offset: number, end: number): FileProblem => {
    const text = "tombstones that cannot be read";
    return { path: name, offset, length: end - offset, text, block: null, twin: `${path}.${1 - copy}` };
  };
  let start = -1;
  for (const { at, length } of tombstoneRecords(bytes, incarnation)) {
    if (length > 0 && start >= 0) yield problem(start, at);
    if (length > 0) start = -1;
    else if (start < 0) start = at;
  }
  if (start >= 0) yield problem(start, bytes.length);
}

function* blockProblems(disk: Disk, incarnation: number): Generator<FileProblem> {
  const folder = streamFolder(incarnation);
  /** Stretches whose next sequence is not known yet. */
  let open: FileProblem[] = [];
  let last = 0;
  for (const { name } of disk.list(folder)) {
    const number = numberInName(name, ".blk");
    if (number < 0) continue;
    const path = `${folder}/${name}`;
    const bytes = readWhole(disk, path);
    if (bytes.length === 0) continue; // nothing was written to it yet; a checkpoint that says otherwise is told of by the opening
    const view = viewOf(bytes);
    const header = readBlockHeader(bytes);
    if (header === null || header.stream !== incarnation || header.block !== number) {
      const length = Math.min(BLOCK_HEADER_BYTES, bytes.length);
      yield { path, offset: 0, length, text: "a header that cannot be read", block: null, twin: null };
    }
    const note = (offset: number, end: number): void => {
      const block = { incarnation, number, after: last, before: Number.POSITIVE_INFINITY };
      open.push({ path, offset, length: end - offset, text: "records that cannot be read", block, twin: null });
    };
    let start = -1;
    for (let at = BLOCK_HEADER_BYTES; at < bytes.length; ) {
      const length = soundMessage(view, at, bytes.length, incarnation, number, at);
      if (length === 0) {
        if (start < 0) start = at;
        at += 8;
        continue;
      }
      if (start >= 0) note(start, at);
      start = -1;
      last = u64(bytes, at + 24);
      for (const problem of open) yield { ...problem, block: { ...problem.block!, before: last } };
      open = [];
      at += aligned(length);
    }
    if (start >= 0) note(start, bytes.length);
  }
  yield* open;
}
