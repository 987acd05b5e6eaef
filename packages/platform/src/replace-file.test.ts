import assert from "node:assert/strict";
import { test } from "node:test";
import { replaceFile } from "./replace-file.ts";
import { type CrashMode, crashImage } from "./sim/crash.ts";
import { type DiskCall, SimDisk } from "./sim/disk.ts";
import { SimRandom } from "./sim/random.ts";

const random = new SimRandom(1);
const OLD = Buffer.from("old content");
const FRESH = Buffer.from("fresh content, and more of it");
const PIECES = [FRESH.subarray(0, 5), FRESH.subarray(5, 5), FRESH.subarray(5)];

function diskWith(path: string, bytes: Uint8Array): SimDisk {
  const disk = new SimDisk({ image: new Map([["folder", null], ...([[path, bytes]] as const)]) });
  return disk;
}

test("replaceFile() puts a file in the place of another, or of none", async () => {
  for (const path of ["file", "folder/file"]) {
    const disk = diskWith(path, OLD);
    await replaceFile(disk, path, PIECES, random);
    assert.deepEqual(Buffer.from(disk.image().get(path) as Uint8Array), FRESH);
    await replaceFile(disk, `${path}2`, PIECES, random);
    assert.deepEqual([...disk.image().keys()].sort(), ["folder", path, `${path}2`].sort());
    assert.equal(disk.openFiles, 0);
  }
});

test("after a loss of power there is all of the one or all of the other, and what was resolved is there", async () => {
  const disk = diskWith("folder/file", OLD);
  await replaceFile(disk, "folder/file", PIECES, random);
  for (let length = 0; length <= disk.trace.length; length++) {
    for (const mode of ["keep-all", "drop-all", "mixed"] as const satisfies readonly CrashMode[]) {
      const found = Buffer.from(
        crashImage(disk.startImage, disk.trace, length, mode, random).get("folder/file") as Uint8Array,
      ).toString();
      const wanted = length === disk.trace.length ? [FRESH.toString()] : [OLD.toString(), FRESH.toString()];
      assert.ok(wanted.includes(found), `${mode} after ${length} operations: ${found}`);
    }
  }
});

for (const failing of ["make", "write", "sync", "rename"] as const satisfies readonly DiskCall[]) {
  test(`replaceFile() leaves the old file, and nothing else, when ${failing} fails`, async () => {
    const disk = diskWith("file", OLD);
    disk.fault = (call) => (call === failing ? "EIO" : null);
    await assert.rejects(replaceFile(disk, "file", PIECES, random), { code: "EIO" });
    assert.deepEqual([...disk.image().keys()], ["folder", "file"]);
    assert.deepEqual(Buffer.from(disk.image().get("file") as Uint8Array), OLD);
    assert.equal(disk.openFiles, 0);
  });
}

test("replaceFile() tells what went wrong first, when nothing can be removed either", async () => {
  const disk = diskWith("file", OLD);
  disk.fault = (call) => (call === "write" ? "ENOSPC" : call === "remove" ? "EIO" : null);
  await assert.rejects(replaceFile(disk, "file", PIECES, random), { code: "ENOSPC" });
  assert.equal(disk.openFiles, 0);
});

test("replaceFile() ends with the error of what is to be written", async () => {
  const disk = diskWith("file", OLD);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield FRESH;
    throw new Error("no more");
  }
  await assert.rejects(replaceFile(disk, "file", pieces(), random), { message: "no more" });
  assert.deepEqual([...disk.image().keys()], ["folder", "file"]);
});
