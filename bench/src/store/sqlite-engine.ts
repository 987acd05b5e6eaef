// SQLite as Node has it, from version 22 on: a write-ahead log that is synced at every commit, one transaction per batch.

import { join } from "node:path";
import { type Engine, makePayload, touch } from "./engine.ts";

interface SqliteStatement {
  run(...values: (number | string | Uint8Array)[]): unknown;
  get(...values: (number | string)[]): Record<string, unknown> | undefined;
  iterate(...values: (number | string)[]): Iterable<Record<string, unknown>>;
}

interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

interface SqliteModule {
  DatabaseSync: new (path: string) => SqliteDatabase;
}

/** The module's name is not written where the compiler, whose types are Node 20's, would look for it. */
const MODULE: string = "node:sqlite";

export async function openSqlite(folder: string, streams: number, payloadBytes: number): Promise<Engine> {
  const { DatabaseSync } = (await import(MODULE)) as SqliteModule;
  const database = new DatabaseSync(join(folder, "data.sqlite"));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -262144");
  database.exec(
    "CREATE TABLE records (stream INTEGER, seq INTEGER, subject TEXT, payload BLOB, PRIMARY KEY (stream, seq)) WITHOUT ROWID",
  );
  database.exec("CREATE INDEX subjects ON records (stream, subject, seq)");
  const insert = database.prepare("INSERT INTO records VALUES (?, ?, ?, ?)");
  const one = database.prepare("SELECT payload FROM records WHERE stream = 0 AND seq = ?");
  const all = database.prepare("SELECT payload FROM records WHERE stream = 0 ORDER BY seq");
  const rare = database.prepare(
    "SELECT min(seq) AS seq FROM records WHERE stream = 0 AND subject >= 'rare.' AND subject < 'rare/'",
  );
  const payload = makePayload(payloadBytes);
  const sequences = new Float64Array(streams);
  let inTransaction = false;
  return {
    append(stream, subject) {
      if (!inTransaction) database.exec("BEGIN");
      inTransaction = true;
      insert.run(stream, ++sequences[stream]!, subject.toString("latin1"), payload);
    },
    commit() {
      if (inTransaction) database.exec("COMMIT");
      inTransaction = false;
      return Promise.resolve();
    },
    scan() {
      let sum = 0;
      for (const row of all.iterate()) sum += touch(row["payload"] as Uint8Array);
      return sum;
    },
    get: (seq) => touch(one.get(seq)!["payload"] as Uint8Array),
    firstRare: () => Number(rare.get()!["seq"]),
    close() {
      database.close();
      return Promise.resolve();
    },
  };
}
