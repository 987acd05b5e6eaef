// Where log lines go: a file descriptor that is there already (stderr), or a file that is opened, reopened and set aside.
// Writes are synchronous: a line that was logged before a crash is in the log. Writing a log never throws: a full disk
// or a reader that went away must not stop a server. Lines that were lost are counted, and the log says so when it can.

import { closeSync, existsSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";

/** Takes whole lines. */
export interface LogOutput {
  write(line: string): void;
}

/** How long a line waits for a reader that is behind, where the descriptor does not block by itself. */
const WAIT_MS_MAX = 1000;
/** Log files may be read by their group, as the reference's. */
const LOG_FILE_MODE = 0o640;

/** Writes to a descriptor that somebody else opened. */
export class DescriptorOutput implements LogOutput {
  #descriptor: number;
  #lostLines = 0;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(line: string): void {
    if (this.#lostLines > 0 && writeAll(this.#descriptor, `[${this.#lostLines} log lines could not be written]\n`)) {
      this.#lostLines = 0;
    }
    if (!writeAll(this.#descriptor, line)) this.#lostLines++;
  }
}

/** @returns False when the bytes could not be written, or not all of them. */
function writeAll(descriptor: number, text: string): boolean {
  const bytes = Buffer.from(text);
  let at = 0;
  let waitedMs = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || waitedMs >= WAIT_MS_MAX) return false;
      waitedMs += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
  return true;
}

/** What a file output tells when it has begun a new file. */
export interface RotationNews {
  /** The line that a new file begins with. */
  rotated(backup: string): string;
  /** The line for a file that could not be set aside; it is tried again at twice the size. */
  failed(error: Error): string;
  /** What the name of the file set aside gets after a dot; each `attempt`, from 0, gives another. */
  stamp(attempt: number): string;
}

/** Appends to a file. */
export class FileOutput implements LogOutput {
  readonly path: string;
  #out: DescriptorOutput;
  #descriptor: number;
  #sizeBytes: number;
  #limitBytes: number;
  #nextLimitBytes: number;
  #news: RotationNews;

  /**
   * Opens the file, or makes it.
   *
   * @param limitBytes - Size above which the file is set aside under another name; 0 means never.
   * @throws The platform's error when it cannot be opened.
   */
  constructor(path: string, limitBytes: number, news: RotationNews) {
    this.path = path;
    this.#limitBytes = limitBytes;
    this.#nextLimitBytes = limitBytes;
    this.#news = news;
    this.#descriptor = openLog(path);
    this.#out = new DescriptorOutput(this.#descriptor);
    this.#sizeBytes = fstatSync(this.#descriptor).size;
  }

  write(line: string): void {
    this.#out.write(line);
    this.#sizeBytes += Buffer.byteLength(line);
    if (this.#nextLimitBytes > 0 && this.#sizeBytes > this.#nextLimitBytes) this.#rotate();
  }

  /**
   * Opens the path again, after something else has moved the file away.
   *
   * @throws The platform's error; the output then goes on with the file it has.
   */
  reopen(): void {
    const descriptor = openLog(this.path);
    closeSync(this.#descriptor);
    this.#descriptor = descriptor;
    this.#out = new DescriptorOutput(descriptor);
    this.#sizeBytes = fstatSync(descriptor).size;
    this.#nextLimitBytes = this.#limitBytes;
  }

  /** Closes the file; nothing is written to it any more. */
  close(): void {
    closeSync(this.#descriptor);
  }

  #rotate(): void {
    const backup = this.#freeBackupPath();
    let first: string;
    try {
      renameSync(this.path, backup);
      this.reopen();
      first = this.#news.rotated(backup);
    } catch (error) {
      this.#nextLimitBytes = this.#sizeBytes * 2;
      first = this.#news.failed(error as Error);
    }
    // Not through write(): with a limit of a few bytes the news itself would rotate for ever.
    this.#out.write(first);
    this.#sizeBytes += Buffer.byteLength(first);
  }

  /** Renaming onto a file would lose it: two rotations may fall on one tick of the clock. */
  #freeBackupPath(): string {
    for (let attempt = 0; ; attempt++) {
      const path = `${this.path}.${this.#news.stamp(attempt)}`;
      if (!existsSync(path)) return path;
    }
  }
}

function openLog(path: string): number {
  return openSync(path, "a", LOG_FILE_MODE);
}
