import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { MessageDraft } from "../message-draft.ts";
import { u32 } from "../record.ts";
import { NO_LIMITS } from "../store.ts";
import { verifyStore } from "./check/verify.ts";
import { FileStore } from "./file-store.ts";
import { COPIES_PER_BLOCK, Quarantine } from "./quarantine.ts";

const BLOCK = "block";

function diskWithBlock(bytes: number): SimDisk {
  const disk = new SimDisk({ record: false });
  const file = disk.open(BLOCK, "create");
  file.write(
    Uint8Array.from({ length: bytes }, (_, i) => i),
    0,
    bytes,
    0,
  );
  file.close();
  return disk;
}

function copies(disk: SimDisk): Map<string, string> {
  const found = [...disk.image()].filter(([path]) => path.startsWith("quarantine/"));
  return new Map(found.map(([path, bytes]) => [path, [...bytes!].join()]));
}

test("neighbours share a copy, also when the store was opened anew between them", () => {
  const disk = diskWithBlock(64);
  new Quarantine(disk).keep(1, BLOCK, 2, 8, 4);
  const quarantine = new Quarantine(disk);
  quarantine.keep(1, BLOCK, 2, 12, 2);
  quarantine.keep(1, BLOCK, 2, 10, 6); // a part of it is there
  quarantine.keep(1, BLOCK, 2, 9, 3);
  quarantine.keep(1, BLOCK, 3, 60, 20); // the file ends before that
  quarantine.keep(2, "another", 2, 8, 4); // there is no such file
  assert.deepEqual(
    copies(disk),
    new Map([
      ["quarantine/00000001-00000002-00000008.bad", "8,9,10,11,12,13,14,15"],
      ["quarantine/00000001-00000003-0000003c.bad", "60,61,62,63"],
    ]),
  );
  const has = [7, 8, 15, 16].map((offset) => new Quarantine(disk).has(1, 2, offset));
  assert.deepEqual(has, [false, true, true, false]);
  assert.equal(disk.openFiles, 0);
});

test("of a block that is damaged all over a few copies are kept, and its problems are known then", async () => {
  const options = { blockBytes: 64 * 1024, ballastBytes: 4096, segmentBytes: 64 * 1024 };
  const disk = new SimDisk({ record: false });
  const store = await FileStore.open(disk, new SimClock(), new SimRandom(1), options);
  const log = await store.createStream("S", NO_LIMITS, new Uint8Array(0));
  for (let i = 0; i < 400; i++) log.append(new MessageDraft().set("a", "payload"));
  await store.stop();
  const image = disk.image();
  const path = [...image.keys()].find((name) => name.endsWith(".blk")) as string;
  const bytes = new Uint8Array(image.get(path)!);
  // Every second record, so that no two of them are neighbours.
  for (let at = 64, i = 0; at < bytes.length; at += Math.ceil(u32(bytes, at + 4) / 8) * 8, i++)
    if (i % 2 === 1 && i < 399) bytes[at + 50]! ^= 1;
  const damaged = new SimDisk({ image: new Map(image).set(path, bytes), record: false });
  const again = await FileStore.open(damaged, new SimClock(), new SimRandom(2), options);
  const found = again.stream("S")!;
  for (let seq = 1; seq <= 400; seq++) found.load(seq);
  assert.equal(found.state().lost.length, 199);
  await again.stop();
  assert.equal(copies(damaged).size, COPIES_PER_BLOCK);
  const { problems } = await verifyStore(damaged, new SimClock(), new SimRandom(3), options);
  assert.deepEqual(new Set(problems.map(({ cost }) => cost)), new Set(["known"]));
});
