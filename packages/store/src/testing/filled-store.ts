// A stopped store with known content, for tests that damage its files.

import { type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { FileStore } from "../file/file-store.ts";
import type { FileStoreOptions } from "../file/options.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamLimits } from "../store.ts";

/** Options of these stores. */
export const FILLED_OPTIONS: FileStoreOptions = {
  blockBytes: 4096,
  segmentBytes: 16 * 1024,
  segments: 3,
  directBytes: 1500,
  indexBytes: 256,
  ballastBytes: 4096,
};

/** What a filled store holds: for each stream the payload of each sequence. */
export interface FilledStore {
  readonly image: DiskImage;
  readonly streams: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

/** How a filled store ends. */
export type FilledEnd =
  /** Stopped in order: everything is in the blocks. */
  | "stopped"
  /** Synced, not stopped: some is in the journal only. */
  | "synced";

/** Makes three streams of some `messages` in all, with interior deletions and a consumer each. */
export async function filledStore(
  end: FilledEnd,
  seed: number,
  options: FileStoreOptions = FILLED_OPTIONS,
  limits: StreamLimits = NO_LIMITS,
  messages = 260,
): Promise<FilledStore> {
  const disk = new SimDisk({ record: false });
  const random = new SimRandom(seed);
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(seed), options);
  const streams = new Map<string, Map<number, string>>();
  for (const name of ["A", "B", "C"]) {
    streams.set(name, new Map());
    await store.createStream(name, limits, Buffer.from(name));
  }
  for (let step = 0; step < messages; step++) {
    const name = "ABC"[random.uint32() % 3] as string;
    const log = store.stream(name)!;
    const stored = streams.get(name)!;
    const payload = `${step} `.repeat(1 + (random.uint32() % 30));
    stored.set(log.append(new MessageDraft().set(`s.${random.uint32() % 5}`, payload)), payload);
    const gone = 1 + (random.uint32() % log.state().lastSeq);
    if (random.uint32() % 6 === 0 && log.remove(gone)) stored.delete(gone);
    if (random.uint32() % 20 === 0) log.consumer("C").save(Buffer.from(`state of ${name}`));
    if (random.uint32() % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const name of ["A", "B", "C"])
    store
      .stream(name)!
      .consumer("C")
      .save(Buffer.from(`state of ${name}`));
  if (end === "stopped") await store.stop();
  else await store.durable();
  return { image: disk.image(), streams };
}
