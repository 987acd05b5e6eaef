// Where the transcripts are.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSessions, type Session } from "./session.ts";

/** The folder of the transcripts, seen from the compiled file. */
const FOLDER = fileURLToPath(new URL("../../transcripts/", import.meta.url));

/** One file of transcripts. */
export interface TranscriptFile {
  readonly name: string;
  readonly path: string;
  readonly sessions: readonly Session[];
}

/** Reads all transcripts, in the order of their names. */
export async function readTranscripts(): Promise<TranscriptFile[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith(".txt")).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const path = join(FOLDER, name);
      return { name, path, sessions: parseSessions(name, await readFile(path, "utf8")) };
    }),
  );
}
