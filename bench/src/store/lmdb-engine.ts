// LMDB through the npm package `lmdb`: one database of records by stream and sequence, one of subjects.
//
//   record:  u32 stream, u48 sequence            ->  u16 length of the subject, subject, payload
//   subject: u32 stream, subject, u48 sequence   ->  nothing
//
// A commit waits for `flushed`, which is after the sync; the package's own overlapping of syncs is on, as it is by default.

import { createRequire } from "node:module";
import { join } from "node:path";
import { type Engine, makePayload, touch } from "./engine.ts";

const RECORD_KEY_BYTES = 10;

interface LmdbDatabase {
  put(key: Buffer, value: Buffer): Promise<boolean>;
  get(key: Buffer): Buffer | undefined;
  getRange(range: { start: Buffer; end: Buffer }): Iterable<{ key: Buffer; value: Buffer }>;
  getKeys(range: { start: Buffer; limit: number }): Iterable<Buffer>;
}

interface LmdbRoot {
  openDB(options: { name: string; keyEncoding: "binary"; encoding: "binary" }): LmdbDatabase;
  readonly flushed: Promise<unknown>;
  close(): Promise<void>;
}

interface LmdbModule {
  open(options: { path: string; maxDbs: number; mapSize: number }): LmdbRoot;
}

const MAP_BYTES = 16 * 1024 ** 3;

/** @param packageFolder - The folder whose `node_modules` has the package. */
export function openLmdb(folder: string, streams: number, payloadBytes: number, packageFolder: string): Engine {
  const lmdb = createRequire(join(packageFolder, "package.json"))("lmdb") as LmdbModule;
  const root = lmdb.open({ path: join(folder, "data.mdb"), maxDbs: 2, mapSize: MAP_BYTES });
  const records = root.openDB({ name: "records", keyEncoding: "binary", encoding: "binary" });
  const subjects = root.openDB({ name: "subjects", keyEncoding: "binary", encoding: "binary" });
  const payload = makePayload(payloadBytes);
  const sequences = new Float64Array(streams);
  const nothing = Buffer.alloc(0);
  const readKey = recordKey(0, 0);
  const rareStart = subjectKey(0, Buffer.from("rare."), 0).subarray(0, 9);
  return {
    append(stream, subject) {
      const seq = ++sequences[stream]!;
      const value = Buffer.allocUnsafe(2 + subject.length + payload.length);
      value.writeUInt16BE(subject.length, 0);
      subject.copy(value, 2);
      payload.copy(value, 2 + subject.length);
      void records.put(recordKey(stream, seq), value);
      void subjects.put(subjectKey(stream, subject, seq), nothing);
    },
    async commit() {
      await root.flushed;
    },
    scan() {
      let sum = 0;
      for (const { value } of records.getRange({ start: recordKey(0, 0), end: recordKey(1, 0) }))
        sum += touch(payloadOf(value));
      return sum;
    },
    get(seq) {
      readKey.writeUIntBE(seq, 4, 6);
      return touch(payloadOf(records.get(readKey)!));
    },
    firstRare() {
      for (const key of subjects.getKeys({ start: rareStart, limit: 1 })) return key.readUIntBE(key.length - 6, 6);
      throw new Error("the rare record is missing");
    },
    close: () => root.close(),
  };
}

function recordKey(stream: number, seq: number): Buffer {
  const key = Buffer.allocUnsafe(RECORD_KEY_BYTES);
  key.writeUInt32BE(stream, 0);
  key.writeUIntBE(seq, 4, 6);
  return key;
}

function subjectKey(stream: number, subject: Buffer, seq: number): Buffer {
  const key = Buffer.allocUnsafe(4 + subject.length + 6);
  key.writeUInt32BE(stream, 0);
  subject.copy(key, 4);
  key.writeUIntBE(seq, 4 + subject.length, 6);
  return key;
}

function payloadOf(value: Buffer): Buffer {
  return value.subarray(2 + value.readUInt16BE(0));
}
