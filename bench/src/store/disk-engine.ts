// What the disk gives, as a bound: records are copied one behind the other into a file of zeros, which is written and synced in rounds,
// one at a time. No sequences, no index, no checksums, nothing that could be read again.

import { closeSync, fdatasync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { BenchError } from "../errors.ts";
import { type Engine, makePayload } from "./engine.ts";

const FILE_BYTES = 64 * 1024 * 1024;
const BUFFER_BYTES = 8 * 1024 * 1024;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export function openDisk(folder: string, payloadBytes: number): Engine {
  const fd = openSync(join(folder, "zeros"), "wx+");
  const buffer = Buffer.alloc(BUFFER_BYTES);
  for (let at = 0; at < FILE_BYTES; at += BUFFER_BYTES) writeSync(fd, buffer, 0, BUFFER_BYTES, at);
  fdatasyncSync(fd);
  const payload = makePayload(payloadBytes);
  let used = 0;
  let position = 0;
  let waiting: Waiting[] = [];
  let isSyncing = false;
  let isPlanned = false;

  /** Writes what has come together, and syncs it. */
  function round(): void {
    isPlanned = false;
    if (isSyncing || waiting.length === 0) return;
    if (position + used > FILE_BYTES) position = 0;
    writeSync(fd, buffer, 0, used, position);
    position += used;
    used = 0;
    const covered = waiting;
    waiting = [];
    isSyncing = true;
    fdatasync(fd, (error) => {
      isSyncing = false;
      for (const { resolve, reject } of covered) {
        if (error === null) resolve();
        else reject(error);
      }
      plan();
    });
  }

  function plan(): void {
    if (isPlanned) return;
    isPlanned = true;
    setImmediate(round);
  }

  return {
    append(_stream, subject) {
      buffer.set(subject, used);
      buffer.set(payload, used + subject.length);
      used += subject.length + payloadBytes;
    },
    commit() {
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        plan();
      });
    },
    scan: refuse,
    get: refuse,
    firstRare: refuse,
    close() {
      closeSync(fd);
      return Promise.resolve();
    },
  };
}

function refuse(): never {
  throw new BenchError("LOAD_FAILED", "The bare disk keeps nothing that could be read");
}
