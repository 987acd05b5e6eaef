import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Disk } from "./disk.ts";
import { NodeDisk } from "./node/disk.ts";
import { SimDisk } from "./sim/disk.ts";

const folder = mkdtempSync(join(tmpdir(), "myelin-disk-"));
after(() => rmSync(folder, { recursive: true }));

let folders = 0;
const FORMS: Record<string, () => Disk> = {
  NodeDisk: () => {
    const disk = new NodeDisk(folder);
    const name = `disk${folders++}`;
    disk.makeFolder(name);
    return new NodeDisk(join(folder, name));
  },
  SimDisk: () => new SimDisk(),
};

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
  return "no error";
}

for (const [form, make] of Object.entries(FORMS)) {
  test(`${form}: what is written is read, short at the end of the file`, () => {
    const disk = make();
    const file = disk.open("a", "create");
    file.write(Buffer.from("xhello"), 1, 6, 3);
    assert.equal(file.size(), 8);
    const into = new Uint8Array(12);
    assert.equal(file.read(into, 1, 10, 0), 8);
    assert.deepEqual([...into], [0, 0, 0, 0, ...Buffer.from("hello"), 0, 0, 0]);
    assert.equal(file.read(into, 0, 4, 8), 0);
    file.truncate(4);
    file.truncate(6);
    assert.equal(file.read(into, 0, 12, 0), 6);
    assert.deepEqual([...into.subarray(0, 6)], [0, 0, 0, 104, 0, 0]);
    file.close();
    assert.throws(() => file.size(), "a closed file");
  });

  test(`${form}: folders list, rename and remove`, async () => {
    const disk = make();
    disk.makeFolder("f");
    disk.makeFolder("f/g");
    disk.open("f/b", "create").close();
    disk.open("f/a", "create").close();
    assert.deepEqual(disk.list("f"), [
      { name: "a", kind: "file" },
      { name: "b", kind: "file" },
      { name: "g", kind: "folder" },
    ]);
    disk.rename("f/a", "f/b");
    disk.rename("f/b", "c");
    await disk.syncFolder("f");
    await disk.syncFolder("");
    assert.deepEqual(disk.stat("c"), { kind: "file", size: 0 });
    assert.equal(disk.stat("f/b"), null);
    assert.equal(disk.stat("nothing/here"), null);
    assert.equal(
      codeOf(() => disk.removeFolder("f")),
      "ENOTEMPTY",
    );
    disk.removeFolder("f/g");
    disk.removeFolder("f");
    disk.remove("c");
    assert.deepEqual(disk.list(""), []);
  });

  test(`${form}: opening says what is wrong`, () => {
    const disk = make();
    disk.open("a", "create").close();
    assert.equal(
      codeOf(() => disk.open("a", "create")),
      "EEXIST",
    );
    assert.equal(
      codeOf(() => disk.open("b", "read")),
      "ENOENT",
    );
    assert.equal(
      codeOf(() => disk.open("b", "write")),
      "ENOENT",
    );
    assert.equal(
      codeOf(() => disk.list("b")),
      "ENOENT",
    );
    const file = disk.open("a", "read");
    assert.equal(
      codeOf(() => file.write(new Uint8Array(1), 0, 1, 0)),
      "EBADF",
    );
    file.close();
  });

  test(`${form}: createZeroed() allocates and syncs`, async () => {
    const disk = make();
    const file = await disk.createZeroed("z", 2_500_000);
    assert.equal(file.size(), 2_500_000);
    const into = new Uint8Array(10).fill(1);
    file.read(into, 0, 10, 2_499_990);
    assert.deepEqual([...into], Array(10).fill(0));
    file.write(into, 0, 1, 0);
    await file.sync();
    file.close();
    await assert.rejects(disk.createZeroed("z", 1), { code: "EEXIST" });
    assert.ok(disk.freeBytes() > 0);
  });
}

test("NodeDisk refuses paths that leave the folder, and does not follow links", () => {
  const disk = new NodeDisk(folder);
  for (const path of ["..", "a/../b", "/etc", "a//b", "./a", "a\\b", "a\0b"]) {
    assert.throws(() => disk.open(path, "read"), RangeError, path);
  }
  writeFileSync(join(folder, "target"), "secret");
  symlinkSync(join(folder, "target"), join(folder, "link"));
  assert.equal(disk.stat("link")?.kind, "other");
  assert.equal(
    codeOf(() => disk.open("link", "read")),
    "ELOOP",
  );
});

test("NodeDisk makes its own folder, with those above it", () => {
  const disk = new NodeDisk(join(folder, "above", "own"));
  assert.equal(disk.stat(""), null);
  disk.makeFolder("");
  assert.equal(disk.stat("")?.kind, "folder");
  assert.equal(
    codeOf(() => disk.makeFolder("a/b")),
    "ENOENT",
  );
});

test("NodeDisk names the file when reading, writing, cutting or syncing it fails", async () => {
  const disk = new NodeDisk(folder);
  disk.open("named", "create").close();
  const readOnly = disk.open("named", "read");
  const byName = { message: /named'$/, path: "named" };
  assert.throws(() => readOnly.write(new Uint8Array(1), 0, 1, 0), byName);
  assert.throws(() => readOnly.truncate(0), byName);
  readOnly.close();
  assert.throws(() => readOnly.read(new Uint8Array(1), 0, 1, 0), byName);
  if (process.platform !== "linux") return; // others sync that
  const device = new NodeDisk("/dev").open("null", "write");
  await assert.rejects(device.sync(), { code: "EINVAL", message: /'null'$/ });
  device.close();
});

test("SimDisk fails what it is told to fail, and has a capacity", async () => {
  const disk = new SimDisk({ capacityBytes: 10 });
  const file = disk.open("a", "create");
  file.write(new Uint8Array(10), 0, 10, 0);
  assert.equal(
    codeOf(() => file.write(new Uint8Array(1), 0, 1, 10)),
    "ENOSPC",
  );
  disk.fault = (call) => (call === "sync" ? "EIO" : null);
  await assert.rejects(file.sync(), { code: "EIO" });
  disk.fault = () => null;
  disk.holdSyncs = true;
  let done = false;
  const sync = file.sync().then(() => {
    done = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(done, false);
  assert.equal(disk.heldSyncs, 1);
  disk.holdSyncs = false;
  await sync;
  assert.equal(disk.openFiles, 1);
});
