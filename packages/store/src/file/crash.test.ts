// Loss of power at every kind of place, by simulation. MYELIN_CRASH_STATES makes it longer.

import { test } from "node:test";
import { type CrashMode, crashImage, SimRandom } from "@myelin/platform/sim";
import { CRASH_OPTIONS, judgeCrash, recordRun } from "../testing/crash-run.ts";
import type { FileStoreOptions } from "./options.ts";

const STATES = Number(process.env["MYELIN_CRASH_STATES"] ?? 1000);
const FIRST_SEED = Number(process.env["MYELIN_CRASH_SEED"] ?? 1);
const STATES_PER_RUN = 100;
const STEPS = 120;

const ENCRYPTED: FileStoreOptions = {
  ...CRASH_OPTIONS,
  encryption: { key: "a key that nobody guesses", cipher: "aes" },
};

for (let run = 0; run < STATES / STATES_PER_RUN; run++) {
  const seed = FIRST_SEED + run;
  // A seal takes longer than all the rest: a fifth of the runs.
  const options = run % 5 === 4 ? ENCRYPTED : CRASH_OPTIONS;
  test(`every crash state recovers: seed ${seed}${options === ENCRYPTED ? ", encrypted" : ""}`, async () => {
    const recorded = await recordRun(seed, STEPS, options);
    const random = new SimRandom(seed * 31);
    const { trace, startImage } = recorded.disk;
    for (let state = 0; state < STATES_PER_RUN; state++) {
      const at = random.uint32() % (trace.length + 1);
      const mode = (["mixed", "mixed", "drop-all", "keep-all"] as const)[state % 4] as CrashMode;
      const imageSeed = random.uint32();
      try {
        const image = crashImage(startImage, trace, at, mode, new SimRandom(imageSeed));
        const { disk, openedAt } = await judgeCrash(recorded, image, at, options);
        if (state % 5 !== 0) continue;
        // The power goes again while the store recovers.
        const cut = random.uint32() % (openedAt + 1);
        await judgeCrash(recorded, crashImage(disk.startImage, disk.trace, cut, "mixed", random), at, options);
      } catch (error) {
        throw new Error(`seed ${seed}, cut at ${at} of ${trace.length}, ${mode}, image seed ${imageSeed}`, {
          cause: error,
        });
      }
    }
  });
}
