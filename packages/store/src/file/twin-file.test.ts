import assert from "node:assert/strict";
import { test } from "node:test";
import { crashImage, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MAGIC_CONSUMERS } from "./format.ts";
import { readTwin, writeTwin } from "./twin-file.ts";

test("a first write that is interrupted, and interrupted again, leaves nothing or a whole copy", async () => {
  const write = (disk: SimDisk): Promise<void> =>
    writeTwin(disk, "consumers", MAGIC_CONSUMERS, 7, 1, new Uint8Array(900));
  const once = new SimDisk();
  await write(once);
  for (let seed = 0; seed < 20; seed++) {
    const random = new SimRandom(seed);
    for (let at = 0; at <= once.trace.length; at++) {
      const twice = new SimDisk({ image: crashImage(once.startImage, once.trace, at, "mixed", random) });
      if (readTwin(twice, "consumers", MAGIC_CONSUMERS, 7) !== null) continue;
      await write(twice);
      for (let cut = 0; cut <= twice.trace.length; cut++) {
        const image = crashImage(twice.startImage, twice.trace, cut, "mixed", random);
        const body = readTwin(new SimDisk({ image }), "consumers", MAGIC_CONSUMERS, 7)?.body.length ?? 900;
        assert.equal(body, 900, `seed ${seed}, cut at ${at}, then at ${cut}`);
      }
    }
  }
});
