// Sequences taken away from between others, kept until their records are gone from the disk: two files of the same content, to which
// runs are appended at each checkpoint. What is in either of them counts, so damage to one costs nothing.
//
// The files hold records of the journal's kind 1 (control.ts) and nothing else. Each has a number, which is never given twice, and names
// the one before it, so that a checkpoint need only name the last one: whatever of the files is older, cut or missing breaks the chain.
// A record with none before it begins a chain: records with lower numbers do not count any more.

import type { Disk, DiskFile } from "@myelin/platform";
import { viewOf } from "../checksum.ts";
import { StoreError } from "../errors.ts";
import { aligned, soundRecord, u32 } from "../record.ts";
import type { Slices } from "../slices.ts";
import { ControlBuffer, KIND_REMOVED, numberRecords, recordNumbers, visitRuns } from "./control.ts";
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

/** What is in one of the files. */
interface Copy {
  readonly bytes: Uint8Array;
  /** The sound records: of each number the one before it, and the place. */
  readonly records: ReadonlyMap<number, { readonly previous: number; readonly at: number; readonly length: number }>;
  /** Where the last of them ends. */
  readonly end: number;
  /** Something before that cannot be read. */
  readonly damaged: boolean;
}

/** Both files. */
interface Copies {
  /** Null: there is no such file. */
  readonly copies: readonly [Copy | null, Copy | null];
  /** The highest number in them, or 0. */
  readonly highest: number;
  /** The number with which the newest chain begins, or 0: what is lower does not count. */
  readonly begin: number;
}

/** The tombstone files of one stream. */
export class Tombstones {
  #disk: Disk;
  #incarnation: number;
  /** Where the next run goes in each file; -1: the file has to be made. */
  #ends: [number, number] = [-1, -1];
  /** Number of the last record that is durable in both files; the next one names it. */
  #lastNumber = 0;
  #nextNumber = 1;
  /** Not all that counts is in the chain of the last record. */
  #unsettled = false;
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

  /** Number of the last record that is durable, for the checkpoint; 0: there is none. */
  get last(): number {
    return this.#lastNumber;
  }

  /**
   * Reads both files, when a store is opened. What cannot be read in one of them is reported; it usually stands in the other.
   *
   * @param vouched - Number of the last record that the checkpoint vouches for; 0: none.
   */
  async read(slices: Slices, vouched: number): Promise<FoundTombstones> {
    const reports: string[] = [];
    const found = await this.#readBoth(slices);
    const { copies, highest, begin } = found;
    const lacking = lackingCopies(found, vouched);
    for (const copy of COPIES) {
      const content = copies[copy];
      this.#ends[copy] = content?.end ?? -1;
      if (content?.damaged !== true && !lacking.copies[copy]) continue;
      const why = content === null ? "missing" : content.damaged ? "damaged" : "older than the checkpoint";
      reports.push(`${copyPath(this.#incarnation, copy)}: ${why}; what the other copy holds is used`);
    }
    if (lacking.all) {
      const paths = COPIES.map((copy) => copyPath(this.#incarnation, copy)).join(" and ");
      reports.push(
        `${paths}: missing, older than the checkpoint, or damaged: messages that were removed may be back, and later ones be gone`,
      );
    }
    this.#unsettled = begin > vouched || lacking.all;
    this.#lastNumber = Math.max(vouched, begin);
    this.#nextNumber = Math.max(vouched, highest) + 1;
    return { seqs: await collectRuns(found, slices), reports };
  }

  /** After {@link read}, when it is known that the files can be written to: sees to it that the next checkpoint can vouch for them. */
  async settle(slices: Slices): Promise<void> {
    if (this.#unsettled) await this.replace((await this.collect(slices)).runs(0), slices);
  }

  /** What either file says. */
  async collect(slices: Slices): Promise<SeqSet> {
    return collectRuns(await this.#readBoth(slices), slices);
  }

  async #readBoth(slices: Slices): Promise<Copies> {
    const copies: [Copy | null, Copy | null] = [null, null];
    for (const copy of COPIES) {
      const path = copyPath(this.#incarnation, copy);
      const stat = this.#disk.stat(path);
      if (stat === null) continue;
      if (stat.kind !== "file") throw oddEntry(this.#disk, path);
      const bytes = await readWholeInSlices(this.#disk, path, slices, readAround);
      const same = copy === 1 && copies[0] !== null && Buffer.compare(copies[0].bytes, bytes) === 0;
      copies[copy] = same ? copies[0] : await readRecords(bytes, this.#incarnation, slices);
    }
    return together(copies);
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
    const last = await this.#number(control, this.#lastNumber, slices);
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
    this.#lastNumber = last;
    return made;
  }

  async #replace(runs: Iterable<readonly [first: number, count: number]>, slices: Slices): Promise<void> {
    const control = await this.#encode(runs, slices);
    if (control.length === 0) control.noRuns(this.#incarnation);
    const last = await this.#number(control, 0, slices);
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
    this.#lastNumber = last;
    this.#unsettled = false;
  }

  /** Gives records numbers that no others had, or will have; returns that of the last one. */
  async #number(control: ControlBuffer, previous: number, slices: Slices): Promise<number> {
    const first = this.#nextNumber;
    this.#nextNumber = await numberRecords(control, first, previous, slices);
    return this.#nextNumber - 1;
  }
}

async function readRecords(bytes: Uint8Array, incarnation: number, slices: Slices): Promise<Copy> {
  const steps = readSteps(bytes, incarnation);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (slices.due) await slices.pause();
  }
}

/** Pauses at each place that it has looked at. */
function* readSteps(bytes: Uint8Array, incarnation: number): Generator<void, Copy> {
  const records: Map<number, { previous: number; at: number; length: number }> = new Map();
  let end = 0;
  let damaged = false;
  for (const { at, length } of tombstoneRecords(bytes, incarnation)) {
    yield;
    if (length === 0) continue;
    damaged ||= at > end;
    end = at + aligned(length);
    const { number, previous } = recordNumbers(bytes, at);
    records.set(number, { previous, at, length });
  }
  return { bytes, records, end, damaged };
}

function together(copies: readonly [Copy | null, Copy | null]): Copies {
  let highest = 0;
  let begin = 0;
  for (const copy of copies) {
    for (const [number, { previous }] of copy?.records ?? []) {
      highest = Math.max(highest, number);
      if (previous === 0) begin = Math.max(begin, number);
    }
  }
  return { copies, highest, begin };
}

/** Which copies lack something that the checkpoint vouches for, and whether something is in neither of them. */
function lackingCopies({ copies, begin }: Copies, vouched: number): { copies: [boolean, boolean]; all: boolean } {
  const lacking: [boolean, boolean] = [false, false];
  if (begin > vouched) return { copies: lacking, all: false }; // written anew since
  for (let number = vouched; number !== 0; ) {
    const inCopies = copies.map((copy) => copy?.records.get(number));
    const record = inCopies[0] ?? inCopies[1];
    if (record === undefined) return { copies: [false, false], all: true };
    for (const copy of COPIES) lacking[copy] ||= inCopies[copy] === undefined;
    number = record.previous;
  }
  return { copies: lacking, all: false };
}

/** What either copy says. */
async function collectRuns({ copies, begin }: Copies, slices: Slices): Promise<SeqSet> {
  const seqs = new SeqSet();
  for (const copy of copies[0] === copies[1] ? [copies[0]] : copies) {
    if (copy === null) continue;
    for (const [number, { at, length }] of copy.records) {
      if (slices.due) await slices.pause();
      if (number >= begin) visitRuns(copy.bytes, at, length, (first, count) => seqs.add(first, count));
    }
  }
  return seqs;
}

/**
 * Which of a stream's tombstone files lack something that the checkpoint vouches for; both where neither of them has it.
 *
 * @param contents - Of the files; null: there is no such file.
 * @param vouched - Number of the last record that the checkpoint names; 0: none.
 */
export function olderTombstones(
  contents: readonly [Uint8Array | null, Uint8Array | null],
  incarnation: number,
  vouched: number,
): readonly [boolean, boolean] {
  const read = (bytes: Uint8Array | null): Copy | null => {
    if (bytes === null) return null;
    const steps = readSteps(bytes, incarnation);
    for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
  };
  const lacking = lackingCopies(together([read(contents[0]), read(contents[1])]), vouched);
  return lacking.all ? [true, true] : lacking.copies;
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
