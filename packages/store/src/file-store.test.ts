import { SimDisk, SimRandom } from "@myelin/platform/sim";
import { FileStore } from "./file/file-store.ts";
import type { FileStoreOptions } from "./file/options.ts";
import type { Store } from "./store.ts";
import { storeCompliance } from "./testing/store-compliance.ts";

// Small, so that blocks roll, segments fill and checkpoints run.
const OPTIONS = { blockBytes: 4096, segmentBytes: 16 * 1024, segments: 4, ballastBytes: 8192 };
const disks = new WeakMap<Store, SimDisk>();

async function openOn(
  disk: SimDisk,
  clock: Parameters<typeof FileStore.open>[1],
  options: FileStoreOptions,
): Promise<Store> {
  const store = await FileStore.open(disk, clock, new SimRandom(1), options);
  disks.set(store, disk);
  return store;
}

const FORMS: Record<string, FileStoreOptions> = {
  FileStore: OPTIONS,
  "FileStore, encrypted": { ...OPTIONS, encryption: { key: "a key that nobody guesses" } },
};

for (const [name, options] of Object.entries(FORMS)) {
  storeCompliance(name, {
    open: (clock) => openOn(new SimDisk({ record: false }), clock, options),
    reopen: async (store, clock) => {
      await store.stop();
      return openOn(disks.get(store) as SimDisk, clock, options);
    },
    countsAsFile: true,
  });
}
