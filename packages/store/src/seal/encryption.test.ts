// Encrypted stores: which key opens which folder, what is to be read in their files, and what damage costs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { crashImage, type DiskImage, SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { viewOf } from "../checksum.ts";
import { StoreError } from "../errors.ts";
import { repairStore } from "../file/check/repair.ts";
import { verifyStore } from "../file/check/verify.ts";
import { FileStore } from "../file/file-store.ts";
import type { FileStoreOptions } from "../file/options.ts";
import { MessageDraft } from "../message-draft.ts";
import { aligned, recordDataOffset, sealRecord, soundRecord, u32 } from "../record.ts";
import { NO_LIMITS, type StreamLog } from "../store.ts";
import { FILLED_OPTIONS, filledStore } from "../testing/filled-store.ts";
import { seqsOf } from "../testing/seqs-of.ts";
import type { EncryptionOptions } from "./key-file.ts";
import { SEAL_BYTES } from "./sealer.ts";

const FLIPS = Number(process.env["MYELIN_DAMAGE_FLIPS"] ?? 40);
const ONE = "first key, that nobody guesses";
const TWO = "second key, that nobody guesses";
const NO_CONFIG = new Uint8Array(0);

function withKey(encryption: EncryptionOptions | null): FileStoreOptions {
  return { ...FILLED_OPTIONS, encryption };
}

function openOn(disk: SimDisk, encryption: EncryptionOptions | null, seed = 1): Promise<FileStore> {
  return FileStore.open(disk, new SimClock(), new SimRandom(seed), withKey(encryption));
}

async function imageOf(encryption: EncryptionOptions | null): Promise<DiskImage> {
  const disk = new SimDisk({ record: false });
  const store = await openOn(disk, encryption);
  (await store.createStream("S", NO_LIMITS, NO_CONFIG)).append(new MessageDraft().set("a", "payload"));
  await store.stop();
  return disk.image();
}

const REFUSALS: readonly [
  made: EncryptionOptions | null,
  given: EncryptionOptions | null,
  code: string,
  says: RegExp,
][] = [
  [{ key: ONE }, null, "KEY_MISSING", /no key is given.*give the key/],
  [{ key: ONE }, { key: TWO }, "WRONG_KEY", /The key is not the one.*give the right key/],
  [{ key: ONE }, { key: TWO, previousKey: `${TWO}!` }, "WRONG_KEY", /Neither the key nor the previous key/],
  [{ key: ONE }, { key: ONE, cipher: "aes" }, "CIPHER_MISMATCH", /it was made with "chacha"/],
  [null, { key: ONE }, "NOT_ENCRYPTED", /myelin store backup/],
];

for (const [made, given, code, says] of REFUSALS) {
  test(`a folder made with ${made === null ? "no key" : "a key"} refuses ${code}, and not a byte of it changes`, async () => {
    const image = await imageOf(made);
    for (let attempt = 0; attempt < 3; attempt++) {
      const disk = new SimDisk({ image });
      const error = await openOn(disk, given, attempt).catch((e: unknown) => e);
      assert.ok(error instanceof StoreError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, says);
      for (const secret of [ONE, TWO]) assert.ok(!inspect(error).includes(secret), "no key in an error");
      assert.deepEqual(disk.trace, []);
      assert.equal(disk.openFiles, 0);
    }
    const verdict = await verifyStore(new SimDisk({ image }), new SimClock(), new SimRandom(1), withKey(given));
    assert.equal(verdict.refusal?.code, code);
    const store = await openOn(new SimDisk({ image }), made);
    assert.equal(store.stream("S")!.state().messages, 1, "the right key still opens it");
    await store.stop();
  });
}

test("without its key files an encrypted store is refused: no new ones are made over data", async () => {
  const image = await imageOf({ key: ONE });
  const lost = new Map([...image].filter(([path]) => !path.startsWith("keys.")));
  const flipped = new Map(image);
  for (const copy of ["keys.0", "keys.1"]) {
    const bytes = new Uint8Array(image.get(copy)!);
    bytes[60]! ^= 1;
    flipped.set(copy, bytes);
  }
  const storeLost = new Map([...image].filter(([path]) => !/^(keys|store)\./.test(path)));
  for (const [what, damaged] of Object.entries({ lost, flipped, storeLost })) {
    for (const given of [{ key: ONE }, { key: TWO }]) {
      const disk = new SimDisk({ image: damaged });
      await assert.rejects(openOn(disk, given), { code: "DAMAGED" }, what);
      assert.deepEqual(disk.trace, [], what);
    }
  }
});

test("another store's key files are not taken for this one's", async () => {
  const image = await imageOf({ key: ONE });
  const other = new SimDisk({ record: false });
  await (await openOn(other, { key: ONE }, 77)).stop();
  const mixed = new Map(image);
  for (const copy of ["keys.0", "keys.1"]) mixed.set(copy, other.image().get(copy)!);
  await assert.rejects(openOn(new SimDisk({ image: mixed }), { key: ONE }), { code: "DAMAGED" });
});

test("keys and ciphers that are none are refused, without showing them", async () => {
  for (const [encryption, says] of [
    [{ key: "too short" }, /encryption\.key: it has 9 bytes, at least 16/],
    [{ key: ONE, previousKey: new Uint8Array(15) }, /encryption\.previousKey: it has 15 bytes/],
    [{ key: ONE, cipher: "des" as "aes" }, /encryption\.cipher: des is not "chacha" or "aes"/],
  ] as const) {
    const disk = new SimDisk();
    const error = await openOn(disk, encryption).catch((e: unknown) => e);
    assert.ok(error instanceof RangeError);
    assert.match(error.message, says);
    assert.ok(!error.message.includes("too short"));
    assert.deepEqual(disk.trace, []);
  }
});

test("an open store shows nobody its keys", async () => {
  const store = await openOn(new SimDisk(), { key: ONE, previousKey: TWO });
  const shown = inspect(store, { depth: 20, showHidden: true }) + JSON.stringify(store.options);
  for (const secret of [ONE, TWO]) assert.ok(!shown.includes(secret));
  await store.stop();
});

test("a new key takes the place of the previous one, and an interruption at any place leaves one that opens", async () => {
  const image = await imageOf({ key: ONE, cipher: "aes" });
  const rotate = { key: TWO, previousKey: ONE };
  const disk = new SimDisk({ image });
  await (await openOn(disk, rotate)).stop();
  await assert.rejects(openOn(new SimDisk({ image: disk.image() }), { key: ONE }), { code: "WRONG_KEY" });
  const store = await openOn(new SimDisk({ image: disk.image() }), { key: TWO });
  assert.equal(Buffer.from(store.stream("S")!.load(1)!.payload).toString(), "payload");
  await store.stop();
  const random = new SimRandom(5);
  for (let at = 0; at <= disk.trace.length; at++) {
    for (const mode of ["mixed", "drop-all", "keep-all"] as const) {
      const left = crashImage(disk.startImage, disk.trace, at, mode, random);
      const again = await openOn(new SimDisk({ image: left, record: false }), rotate, at + 2);
      assert.equal(Buffer.from(again.stream("S")!.load(1)!.payload).toString(), "payload", `cut at ${at}, ${mode}`);
      assert.deepEqual(again.stream("S")!.state().lost, []);
      await again.stop();
    }
  }
});

test("making an encrypted store can be interrupted at any place", async () => {
  const disk = new SimDisk();
  const store = await openOn(disk, { key: ONE });
  const made = disk.trace.length;
  await store.stop();
  const random = new SimRandom(6);
  for (let at = 0; at <= made; at++) {
    const left = crashImage(disk.startImage, disk.trace, at, "mixed", random);
    const again = await openOn(new SimDisk({ image: left, record: false }), { key: ONE }, at + 2);
    await again.createStream("S", NO_LIMITS, NO_CONFIG);
    await again.stop();
  }
});

const CANARY = "CanaryThatMustNotBeSeen";

/** Files that hold the canary in any of its forms. */
function filesWithCanary(image: DiskImage): string[] {
  const forms = [0, 1, 2].map((shift) =>
    Buffer.from("x".repeat(shift) + CANARY)
      .toString("base64")
      .slice(4, -4),
  );
  const hex = Buffer.from(CANARY).toString("hex");
  return [...image]
    .filter(([path, bytes]) => {
      const text = Buffer.from(bytes ?? []).toString("latin1");
      return [CANARY, hex, ...forms].some((form) => text.includes(form) || path.includes(form));
    })
    .map(([path]) => path);
}

/** Puts the canary wherever a user may put something. */
async function fillWithCanaries(disk: SimDisk, encryption: EncryptionOptions | null): Promise<FileStore> {
  const store = await openOn(disk, encryption);
  for (let i = 0; i < 3; i++) {
    const log = await store.createStream(`${CANARY}-${i}`, NO_LIMITS, Buffer.from(`config ${CANARY}`));
    for (let j = 0; j < 60; j++) {
      const draft = new MessageDraft();
      log.append(
        draft.set(`${CANARY}.${j % 7}`, `${CANARY} `.repeat(1 + (j % 9)), `NATS/1.0\r\n${CANARY}: ${CANARY}\r\n\r\n`),
      );
      if (j % 5 === 0) log.remove(j - 2);
      if (j % 9 === 0) log.consumer(`${CANARY}-consumer`).save(Buffer.from(`state ${CANARY} ${j}`));
      if (j % 4 === 0) await store.durable();
    }
    await log.update({ ...NO_LIMITS, maxMsgs: 50 }, Buffer.from(`new config ${CANARY}`));
    log.consumer(`${CANARY}-gone`).save(Buffer.from(CANARY));
    await store.durable();
    log.consumer(`${CANARY}-gone`).delete();
  }
  return store;
}

test("no file of an encrypted store shows what is in it: while it is open, after a crash, stopped, damaged, compacted", async () => {
  const plain = new SimDisk({ record: false });
  await (await fillWithCanaries(plain, null)).checkpointNow();
  const kinds = new Set(filesWithCanary(plain.image()).map((path) => path.replace(/^.*\//, "").replace(/\d/g, "")));
  for (const kind of ["meta.", ".blk", ".seg", ".idx"])
    assert.ok(
      [...kinds].some((name) => name.endsWith(kind)),
      kind,
    );

  const disk = new SimDisk();
  const store = await fillWithCanaries(disk, { key: ONE });
  assert.deepEqual(filesWithCanary(disk.image()), []);
  const log = store.stream(`${CANARY}-0`)!;
  log.erase(40);
  for (let seq = 1; seq < 50; seq++) log.remove(seq);
  await store.checkpointNow();
  assert.deepEqual(filesWithCanary(disk.image()), []);
  await store.stop();
  assert.deepEqual(filesWithCanary(disk.image()), []);
  const random = new SimRandom(9);
  for (let i = 0; i < 40; i++) {
    const left = crashImage(disk.startImage, disk.trace, random.uint32() % disk.trace.length, "mixed", random);
    assert.deepEqual(filesWithCanary(left), []);
    const after = new SimDisk({ image: left, record: false });
    await (await openOn(after, { key: ONE }, i + 2)).stop();
    assert.deepEqual(filesWithCanary(after.image()), []);
  }
  for (const [path, bytes] of disk.image()) {
    if (!path.endsWith(".blk")) continue;
    const broken = new Uint8Array(bytes!);
    broken[200]! ^= 1;
    const after = new SimDisk({ image: new Map(disk.image()).set(path, broken), record: false });
    const repair = await repairStore(after, new SimClock(), new SimRandom(3), withKey({ key: ONE }));
    assert.deepEqual(filesWithCanary(after.image()), []);
    assert.ok(!repair.reports.some((line) => line.includes(CANARY)));
  }
});

test("a flipped bit in an encrypted store costs at most its record, which is reported", async () => {
  const encryption = { key: ONE };
  const filled = await filledStore("stopped", 1, withKey(encryption));
  const random = new SimRandom(4);
  const paths = [...filled.image.keys()].filter((path) =>
    /\.(blk|idx)$|(meta|consumers|deleted|keys|store)\.[01]$/.test(path),
  );
  let found = 0;
  for (let flip = 0; flip < FLIPS; flip++) {
    const path = paths[random.uint32() % paths.length] as string;
    const bytes = new Uint8Array(filled.image.get(path)!);
    const at = random.uint32() % bytes.length;
    bytes[at]! ^= 1 << (random.uint32() % 8);
    const what = `byte ${at} of ${path}`;
    const disk = new SimDisk({ image: new Map(filled.image).set(path, bytes), record: false });
    const store = await openOn(disk, encryption, flip);
    let missing = 0;
    for (const [name, messages] of filled.streams) {
      const log = store.stream(name) as StreamLog;
      assert.equal(Buffer.from(log.config).toString(), name);
      assert.equal(Buffer.from(log.consumers()[0]!.state!).toString(), `state of ${name}`);
      for (const [seq, payload] of messages) {
        const message = log.load(seq);
        if (message !== null) assert.equal(Buffer.from(message.payload).toString(), payload, what);
        else assert.ok(seqsOf(log.state().lost).includes(seq), what);
        missing += message === null ? 1 : 0;
      }
    }
    assert.ok(missing <= (path.endsWith(".blk") ? 1 : 0), what);
    found += missing;
    await store.stop();
  }
  assert.ok(found > 0);
});

/** Changes a byte of each message's payload and makes the checksum fit, as damage never does. */
function forge(image: DiskImage): Map<string, Uint8Array | null> {
  const forged = new Map(image);
  for (const [path, bytes] of image) {
    if (!/00000001\/.*\.blk$/.test(path)) continue;
    const copy = new Uint8Array(bytes!);
    const view = viewOf(copy);
    for (let at = 64; at < copy.length; ) {
      const length = soundRecord(view, at, copy.length);
      copy[at + length - SEAL_BYTES - 1]! ^= 1;
      sealRecord(view, at, length);
      at += aligned(length);
    }
    forged.set(path, copy);
  }
  return forged;
}

test("records that somebody changed, checksum and all, are not delivered", async () => {
  const encryption = { key: ONE };
  const filled = await filledStore("stopped", 2, withKey(encryption));
  const disk = new SimDisk({ image: forge(filled.image), record: false });
  const store = await openOn(disk, encryption);
  const log = store.stream("A") as StreamLog;
  for (const seq of filled.streams.get("A")!.keys()) assert.equal(log.load(seq), null);
  assert.deepEqual(seqsOf(log.state().lost), [...filled.streams.get("A")!.keys()]);
  assert.ok(store.health().reports.some((line) => /seal is broken/.test(line)));
  assert.equal(store.stream("B")!.state().messages, filled.streams.get("B")!.size);
  await store.stop();
});

/** Every sealed message in an image: its nonce, and what is sealed with it. */
function* sealsOf(image: DiskImage): Generator<[nonce: string, sealed: string]> {
  for (const [path, bytes] of image) {
    if (!/\.(blk|seg)$/.test(path)) continue;
    const view = viewOf(bytes!);
    for (let at = 0; at < bytes!.length; at += 8) {
      const length = soundRecord(view, at, bytes!.length);
      if (length === 0 || (bytes![at + 22]! & 32) === 0) continue;
      const end = at + length - SEAL_BYTES;
      const data = at + (bytes![at + 23] === 0 ? recordDataOffset(bytes![at + 22]!) : 24);
      const sealed = Buffer.from(bytes!.subarray(data, end)).toString("hex");
      yield [`${u32(bytes!, at + 8)} ${Buffer.from(bytes!.subarray(end, end + 12)).toString("hex")}`, sealed];
    }
  }
}

test("nonces never repeat, whatever a crash rolls back and a truncation gives again", async () => {
  const random = new SimRandom(12);
  const seen = new Map<string, string>();
  let image: DiskImage = new Map();
  for (let opening = 0; opening < 25; opening++) {
    const disk = new SimDisk({ image });
    const store = await openOn(disk, { key: ONE }, opening + 1);
    const log = store.stream("S") ?? (await store.createStream("S", NO_LIMITS, NO_CONFIG));
    for (let i = 0; i < 30; i++) {
      log.append(new MessageDraft().set("s", `${opening} ${i} `.repeat(1 + (random.uint32() % 20))));
      if (i % 7 === 0) log.consumer("c").save(Buffer.from(`${opening} ${i}`));
      if (i % 10 === 9) await log.truncate(log.state().lastSeq - 3);
      if (i % 3 === 0) await store.durable();
      for (const [nonce, sealed] of i % 10 === 9 ? sealsOf(disk.image()) : []) {
        assert.equal(seen.get(nonce) ?? sealed, sealed, `nonce ${nonce} in opening ${opening}`);
        seen.set(nonce, sealed);
      }
    }
    image = crashImage(disk.startImage, disk.trace, random.uint32() % disk.trace.length, "mixed", random);
  }
  assert.ok(seen.size > 300);
});

test("an older copy of a folder goes on with other nonces than the folder did", async () => {
  const image = await imageOf({ key: ONE });
  const seen = new Map<string, string>();
  for (let copy = 0; copy < 6; copy++) {
    const disk = new SimDisk({ image, record: false });
    const store = await openOn(disk, { key: ONE }, copy + 50);
    for (let i = 0; i < 20; i++) store.stream("S")!.append(new MessageDraft().set("s", `${copy} ${i}`));
    await store.stop();
    for (const [nonce, sealed] of sealsOf(disk.image())) {
      assert.equal(seen.get(nonce) ?? sealed, sealed);
      seen.set(nonce, sealed);
    }
  }
  assert.equal(seen.size, 1 + 6 * 20);
});
