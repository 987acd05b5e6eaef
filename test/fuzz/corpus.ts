// The transcripts as a corpus: good sessions to make bad ones of.

import { readTranscripts } from "../transcripts/files.ts";
import { stepsOf } from "../transcripts/session.ts";

/** Longer sessions would be most of every run. */
const BYTES_MAX = 10_000;

/** Every client of every transcript, as the bytes it sends. */
export async function readCorpus(): Promise<Buffer[]> {
  const corpus: Buffer[] = [];
  for (const { sessions } of await readTranscripts()) {
    for (const session of sessions) {
      const byClient = new Map<string, Buffer[]>();
      for (const step of stepsOf(session, session.each?.values[0] ?? null)) {
        if (step.kind === "send") byClient.set(step.client, [...(byClient.get(step.client) ?? []), ...step.writes]);
      }
      for (const writes of byClient.values()) corpus.push(Buffer.concat(writes));
    }
  }
  return corpus.filter((bytes) => bytes.length < BYTES_MAX);
}
