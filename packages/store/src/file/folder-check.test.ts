// Folders with names in them that no store makes, and with things that are not what their names say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DiskCall, type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { StoreError } from "../errors.ts";
import { FILLED_OPTIONS, filledStore } from "../testing/filled-store.ts";
import { repairStore } from "./check/repair.ts";
import { verifyStore } from "./check/verify.ts";
import { FileStore } from "./file-store.ts";

/** Refused by opening and by verifying, with the same words, and nothing is changed. */
async function assertRefused(image: DiskImage, code: string, named: string): Promise<void> {
  const disk = new SimDisk({ image });
  const error = await FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS).catch((e: unknown) => e);
  assert.ok(error instanceof StoreError, `${named}: ${String(error)}`);
  assert.equal(error.code, code, named);
  assert.ok(error.message.includes(named), error.message);
  assert.match(error.message, /move|choose|restore/i);
  const { refusal } = await verifyStore(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS);
  assert.equal(refusal?.message, error.message);
  await assert.rejects(repairStore(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS), { message: error.message });
  assert.deepEqual(disk.image(), image, `${named}: untouched`);
  assert.equal(disk.openFiles, 0);
}

test("odd names are refused with a message that names the file and the remedy, and nothing is changed", async () => {
  const filled = await filledStore("stopped", 9);
  const one = new Uint8Array([1]);
  const cases: [string, Uint8Array | null][] = [
    ["notes.txt", one],
    ["jetstream", null],
    ["journal/readme", one],
    ["journal/ffffffff.seg", one],
    ["streams/name", null],
    ["streams/00000000", null],
    ["streams/ffffffff", null],
    ["streams/00000001/extra", one],
    ["streams/00000001/00000000.blk", one],
    ["streams/00000001/ffffffff.blk", one],
    // Nothing that is being made or removed has such a file: it is not removed with the folder.
    ["streams/00000009.new/letter", one],
    ["streams/00000009.gone/letters", null],
  ];
  for (const [path, bytes] of cases) {
    const image = new Map(filled.image);
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (folder !== "" && !image.has(folder)) image.set(folder, null);
    image.set(path, bytes);
    await assertRefused(image, "FOREIGN_FOLDER", path.split("/").at(-1) as string);
  }
});

test("files and folders in each other's place, and missing folders, are refused in the same way", async () => {
  const filled = await filledStore("stopped", 12);
  const one = new Uint8Array([1]);
  const without = (path: string): Map<string, Uint8Array | null> =>
    new Map([...filled.image].filter(([name]) => name !== path && !name.startsWith(`${path}/`)));
  const files = [...filled.image].filter(([, bytes]) => bytes !== null).map(([path]) => path);
  for (const kind of [
    /^store\.1$/,
    /^ballast$/,
    /\.seg$/,
    /meta\.0$/,
    /consumers\.1$/,
    /deleted\.0$/,
    /\.blk$/,
    /\.idx$/,
  ]) {
    const path = files.find((name) => kind.test(name)) as string;
    await assertRefused(without(path).set(path, null), "FOREIGN_FOLDER", path.split("/").at(-1) as string);
  }
  for (const path of ["journal", "streams", "streams/00000001", "quarantine", "orphans"])
    await assertRefused(without(path).set(path, one), "FOREIGN_FOLDER", path);
  for (const path of ["journal", "streams"]) await assertRefused(without(path), "DAMAGED", path);
});

test("a folder that may not be read or written is refused with the reason and the remedy", async () => {
  const filled = await filledStore("stopped", 16);
  const faults: [DiskCall, RegExp, string, RegExp][] = [
    ["open", /\.blk$/, "EROFS", /Mount it for writing/],
    ["open", /^store\.1$/, "EACCES", /Give the user/],
    ["write", /^store\.0$/, "EPERM", /Give the user/],
  ];
  for (const [call, path, code, remedy] of faults) {
    const disk = new SimDisk({ image: filled.image, record: false });
    disk.fault = (asked, name) => (asked === call && path.test(name) ? code : null);
    await assert.rejects(
      FileStore.open(disk, new SimClock(), new SimRandom(1), FILLED_OPTIONS),
      (error: StoreError) => {
        assert.equal(error.code, "NO_ACCESS");
        assert.match(error.message, remedy);
        assert.ok(error.message.includes(code), error.message);
        return true;
      },
    );
    assert.equal(disk.openFiles, 0);
  }
});

test("a folder of the reference server is recognised, from above and from inside, and left as it is", async () => {
  const whole: [string, Uint8Array | null][] = [
    ["jetstream", null],
    ["jetstream/$G", null],
    ["jetstream/$G/streams", null],
    ["jetstream/$G/streams/ORDERS", null],
    ["jetstream/$G/streams/ORDERS/meta.inf", new Uint8Array([123])],
    ["jetstream/$G/streams/ORDERS/msgs", null],
  ];
  const named = ["jetstream", "$G", "streams/ORDERS", "ORDERS", "meta.inf"];
  for (const [depth, name] of named.entries()) {
    const inside = whole.map(([path, bytes]) => [path.split("/").slice(depth).join("/"), bytes] as const);
    await assertRefused(
      new Map(inside.filter(([path]) => path !== "")),
      "FOREIGN_FOLDER",
      `${name} in it is a store of nats-server`,
    );
  }
});
