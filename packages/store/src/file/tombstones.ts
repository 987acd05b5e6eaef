// Sequences taken away from between others, kept until their records are gone from the disk: two files of the same content, to which
// runs are appended at each checkpoint. What is in either of them counts, so damage to one costs nothing.
//
// The files hold records of the journal's kind 1 (control.ts) and nothing else.

import type { Disk, DiskFile } from "@myelin/platform";
import { viewOf } from "../checksum.ts";
import { StoreError } from "../errors.ts";
import { aligned, soundRecord, u32 } from "../record.ts";
import type { Slices } from "../slices.ts";
import { ControlBuffer, KIND_REMOVED, visitRuns } from "./control.ts";
import { streamFolder } from "./format.ts";
import { readAround } from "./read-around.ts";
import { readWholeInSlices } from "./read-file.ts";
import { SeqSet } from "./seq-set.ts";

const COPIES = [0, 1] as const;
/** Runs that are encoded between two looks at the clock. */
const RUNS_PER_LOOK = 256;
/** Bytes that are written in one step. */
const WRITE_BYTES = 512 * 1024;

function copyPath(incarnation: number, copy: number): string {
  return `${streamFolder(incarnation)}/deleted.${copy}`;
}

/** What was found in a stream's tombstone files. */
export interface FoundTombstones {
  readonly seqs: SeqSet;
  readonly reports: readonly string[];
}

/** A record of runs, `length` bytes at `at`; a length of 0: at that place there is none. */
interface TombstoneRecord {
  readonly at: number;
  readonly length: number;
}

/** The records of a tombstone file, and the places between them that cannot be read. */
export function* tombstoneRecords(bytes: Uint8Array, incarnation: number): Generator<TombstoneRecord> {
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; ) {
    const found = soundRecord(view, at, bytes.length);
    const ours = found > 0 && bytes[at + 23] === KIND_REMOVED && u32(bytes, at + 8) === incarnation;
    const length = ours ? found : 0;
    yield { at, length };
    at += ours ? aligned(length) : 8;
  }
}

/** The tombstone files of one stream. */
export class Tombstones {
  #disk: Disk;
  #incarnation: number;
  /** Where the next run goes in each file; -1: the file has to be made. */
  #ends: [number, number] = [-1, -1];
  /** The last write that was asked for. */
  #last: Promise<void> = Promise.resolve();

  constructor(disk: Disk, incarnation: number) {
    this.#disk = disk;
    this.#incarnation = incarnation;
  }

  /** Bytes in the longer file. */
  get size(): number {
    return Math.max(...this.#ends);
  }

  /** Reads both files, when a store is opened. What cannot be read in one of them is reported; it usually stands in the other. */
  async read(slices: Slices): Promise<FoundTombstones> {
    const reports: string[] = [];
    const seqs = await this.#readBoth(slices, (copy, end, damaged) => {
      this.#ends[copy] = end;
      if (damaged) reports.push(`${copyPath(this.#incarnation, copy)}: damaged; what the other copy holds is used`);
    });
    return { seqs, reports };
  }

  /** What either file says. */
  collect(slices: Slices): Promise<SeqSet> {
    return this.#readBoth(slices, () => {});
  }

  /** @param found - Told of each file there is: where its last sound record ends, and whether there is damage before that. */
  async #readBoth(slices: Slices, found: (copy: 0 | 1, end: number, damaged: boolean) => void): Promise<SeqSet> {
    const seqs = new SeqSet();
    let before: { readonly bytes: Uint8Array; readonly end: number; readonly damaged: boolean } | null = null;
    for (const copy of COPIES) {
      const path = copyPath(this.#incarnation, copy);
      const stat = this.#disk.stat(path);
      if (stat === null) continue;
      if (stat.kind !== "file") throw oddEntry(this.#disk, path);
      const bytes = await readWholeInSlices(this.#disk, path, slices, readAround);
      if (before === null || Buffer.compare(before.bytes, bytes) !== 0)
        before = { bytes, ...(await collectRuns(bytes, this.#incarnation, seqs, slices)) };
      found(copy, before.end, before.damaged);
    }
    return seqs;
  }

  /** Appends runs to both files and syncs them. Returns whether a file was made: then the folder needs a sync. */
  append(runs: Iterable<readonly [first: number, count: number]>, slices: Slices): Promise<boolean> {
    return this.#inTurn(() => this.#append(runs, slices));
  }

  /** Replaces the content of both files, one after the other, and syncs the folder. */
  replace(runs: Iterable<readonly [first: number, count: number]>, slices: Slices): Promise<void> {
    return this.#inTurn(() => this.#replace(runs, slices));
  }

  /** A checkpoint and a truncation may want to write at the same time: one after the other. */
  #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(run);
    this.#last = result.then(
      () => {},
      () => {}, // whoever asked for it knows
    );
    return result;
  }

  async #encode(runs: Iterable<readonly [first: number, count: number]>, slices: Slices): Promise<ControlBuffer> {
    const control = new ControlBuffer();
    let encoded = 0;
    for (const [first, count] of runs) {
      if (++encoded % RUNS_PER_LOOK === 0 && slices.due) await slices.pause();
      control.addRun(this.#incarnation, first, count);
    }
    control.endRuns();
    return control;
  }

  async #append(runs: Iterable<readonly [first: number, count: number]>, slices: Slices): Promise<boolean> {
    const control = await this.#encode(runs, slices);
    if (control.length === 0) return false;
    let made = false;
    for (const copy of COPIES) {
      const path = copyPath(this.#incarnation, copy);
      const exists = this.#ends[copy] >= 0;
      const file: DiskFile = this.#disk.open(path, exists ? "write" : "create");
      try {
        const end = exists ? this.#ends[copy] : 0;
        await writeAll(file, control, end, slices);
        await file.sync();
        this.#ends[copy] = end + control.length;
      } finally {
        file.close();
      }
      made ||= !exists;
    }
    return made;
  }

  async #replace(runs: Iterable<readonly [first: number, count: number]>, slices: Slices): Promise<void> {
    const control = await this.#encode(runs, slices);
    for (const copy of COPIES) {
      const path = copyPath(this.#incarnation, copy);
      const fresh = `${path}.new`;
      if (this.#disk.stat(fresh) !== null) this.#disk.remove(fresh); // left by an interruption
      const file = this.#disk.open(fresh, "create");
      try {
        await writeAll(file, control, 0, slices);
        await file.sync();
      } finally {
        file.close();
      }
      this.#disk.rename(fresh, path);
      await this.#disk.syncFolder(streamFolder(this.#incarnation));
      this.#ends[copy] = control.length;
    }
  }
}

/** Adds what a file says to a set, a record at a time. */
async function collectRuns(
  bytes: Uint8Array,
  incarnation: number,
  into: SeqSet,
  slices: Slices,
): Promise<{ end: number; damaged: boolean }> {
  let end = 0;
  let damaged = false;
  for (const { at, length } of tombstoneRecords(bytes, incarnation)) {
    if (slices.due) await slices.pause();
    if (length === 0) continue;
    damaged ||= at > end;
    end = at + aligned(length);
    visitRuns(bytes, at, length, (first, count) => into.add(first, count));
  }
  return { end, damaged };
}

async function writeAll(file: DiskFile, { bytes, length }: ControlBuffer, to: number, slices: Slices): Promise<void> {
  for (let at = 0; at < length; at += WRITE_BYTES) {
    if (slices.due) await slices.pause();
    file.write(bytes, at, Math.min(length, at + WRITE_BYTES), to + at);
  }
}

/** Something stands where a file of ours belongs. */
export function oddEntry(disk: Disk, path: string): StoreError {
  return new StoreError("FOREIGN_FOLDER", `Cannot use ${path} in ${disk.name}: it is not a plain file. Move it away`);
}
