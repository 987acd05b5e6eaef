import assert from "node:assert/strict";
import { test } from "node:test";
import { type CrashMode, crashImage } from "./crash.ts";
import { type DiskImage, SimDisk } from "./disk.ts";
import { SimRandom } from "./random.ts";

function crash(disk: SimDisk, mode: CrashMode, seed = 1, length = disk.trace.length): DiskImage {
  return crashImage(disk.startImage, disk.trace, length, mode, new SimRandom(seed));
}

function fill(byte: number, size: number): Uint8Array {
  return new Uint8Array(size).fill(byte);
}

async function syncedFile(disk: SimDisk, path: string, bytes: Uint8Array): Promise<void> {
  const file = disk.open(path, "create");
  file.write(bytes, 0, bytes.length, 0);
  await file.sync();
  await disk.syncFolder(path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "");
  file.close();
}

test("crashImage() keeps what was synced, in every mode", async () => {
  const disk = new SimDisk();
  disk.makeFolder("f");
  await disk.syncFolder("");
  await syncedFile(disk, "f/a", fill(7, 2000));
  for (const mode of ["drop-all", "keep-all", "mixed"] as const) {
    assert.deepEqual(
      [...crash(disk, mode)],
      [
        ["f", null],
        ["f/a", fill(7, 2000)],
      ],
    );
  }
});

test("crashImage() drops a name whose folder was not synced, even when the bytes were", async () => {
  const disk = new SimDisk();
  const file = disk.open("a", "create");
  file.write(fill(1, 10), 0, 10, 0);
  await file.sync();
  assert.equal(crash(disk, "drop-all").size, 0);
  assert.deepEqual([...crash(disk, "keep-all")], [["a", fill(1, 10)]]);
});

test("crashImage() covers only what was written before the sync began", async () => {
  const disk = new SimDisk();
  await syncedFile(disk, "a", fill(1, 4));
  const file = disk.open("a", "write");
  file.write(fill(2, 1), 0, 1, 0);
  const sync = file.sync();
  file.write(fill(3, 1), 0, 1, 1);
  assert.deepEqual(crash(disk, "drop-all").get("a"), fill(1, 4), "a sync that has not ended promises nothing");
  await sync;
  assert.deepEqual([...(crash(disk, "drop-all").get("a") as Uint8Array)], [2, 1, 1, 1]);
  assert.deepEqual([...(crash(disk, "keep-all").get("a") as Uint8Array)], [2, 3, 1, 1]);
});

test("crashImage() tears writes at sectors and reorders them", async () => {
  const disk = new SimDisk();
  await syncedFile(disk, "a", fill(0, 1024));
  const file = disk.open("a", "write");
  file.write(fill(1, 700), 0, 700, 100);
  file.write(fill(2, 100), 0, 100, 1000);
  const seen = new Set<string>();
  for (let seed = 1; seed < 400; seed++) {
    const bytes = crash(disk, "mixed", seed).get("a") as Uint8Array;
    const shape = [bytes[100], bytes[511], bytes[512], bytes[799], bytes[1000], bytes[1024] ?? "-"].join(" ");
    seen.add(shape);
    assert.equal(bytes[100], bytes[511], "a sector is kept or dropped whole");
    assert.equal(bytes[512], bytes[799]);
  }
  for (const shape of ["0 0 0 0 0 -", "0 0 1 1 0 -", "0 0 0 0 2 -", "1 1 1 1 2 2", "0 0 0 0 0 0"]) {
    assert.ok(seen.has(shape), shape);
  }
});

test("crashImage() keeps the order of changes to one name", async () => {
  const disk = new SimDisk();
  await syncedFile(disk, "a", fill(1, 1));
  disk.rename("a", "b");
  await syncedFile(disk, "c", fill(2, 1)); // syncs the folder: the rename is durable
  disk.remove("b");
  disk.open("b", "create");
  const seen = new Set<string>();
  for (let seed = 1; seed < 100; seed++) {
    const image = crash(disk, "mixed", seed);
    assert.equal(image.has("a"), false);
    assert.ok(image.has("c"));
    seen.add(image.has("b") ? `b${(image.get("b") as Uint8Array).length}` : "none");
  }
  assert.deepEqual([...seen].sort(), ["b0", "b1", "none"], "the new b never without the removal of the old");
});

test("crashImage() of a disk that began with an image", async () => {
  const first = new SimDisk();
  first.makeFolder("f");
  await first.syncFolder("");
  await syncedFile(first, "f/a", fill(1, 3));
  const second = new SimDisk({ image: first.image() });
  second.open("f/a", "write").truncate(1);
  assert.deepEqual(crash(second, "drop-all").get("f/a"), fill(1, 3));
  assert.deepEqual(crash(second, "keep-all").get("f/a"), fill(1, 1));
});
