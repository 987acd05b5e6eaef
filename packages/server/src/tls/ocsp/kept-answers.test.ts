// What of the answers is on disk, and when.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { SimDisk, SimRandom } from "@myelin/platform/sim";
import { SimClock, TestAuthority, waitFor } from "@myelin/testing";
import { checkedAnswer, type OcspAnswer } from "./answer.ts";
import { readCacheFile } from "./cache-file.ts";
import { fingerprintOf } from "./certificate.ts";
import { type KeepOptions, KeptAnswers } from "./kept-answers.ts";
import { DEFAULT_OCSP_CACHE, type OcspCacheOptions } from "./settings.ts";

const AUTHORITY = new TestAuthority();
const ISSUER = new X509Certificate(AUTHORITY.cert);
const CLIENTS = Array.from({ length: 3 }, () => new X509Certificate(AUTHORITY.issue({ usage: "client" }).cert));
const [CLIENT, OTHER] = CLIENTS as [X509Certificate, X509Certificate];
const START_MS = Date.now();

function answerFor(certificate: X509Certificate, status: "good" | "revoked" = "good"): OcspAnswer {
  return checkedAnswer(AUTHORITY.answer(certificate.toString(), { status }), certificate, ISSUER, START_MS);
}

/** Folders that outlive servers, which come one after the other. */
class World {
  readonly clock: SimClock = new SimClock(START_MS);
  readonly disks: Map<string, SimDisk> = new Map();
  readonly lines: string[] = [];

  server(cache: Partial<OcspCacheOptions> = {}, storeDir: string | null = null): KeptAnswers {
    const log = (text: string): void => void this.lines.push(text);
    const kept = new KeptAnswers({
      clock: this.clock,
      logger: {
        debug: log,
        trace: log,
        info: log,
        warn: (text) => log(`warn: ${text}`),
        error: (text) => log(`error: ${text}`),
      },
      random: new SimRandom(4),
      openDisk: (folder) => this.disk(folder),
    });
    kept.use(this.options(cache, storeDir));
    kept.openCache();
    return kept;
  }

  options(cache: Partial<OcspCacheOptions>, storeDir: string | null = null): KeepOptions {
    return { ocspCache: { ...DEFAULT_OCSP_CACHE, type: "local", ...cache }, storeDir };
  }

  disk(folder: string): SimDisk {
    const disk = this.disks.get(folder) ?? new SimDisk();
    this.disks.set(folder, disk);
    return disk;
  }

  /** Fingerprints in a file; null without one. */
  saved(folder: string = "_rc_"): string[] | null {
    const bytes = this.disk(folder).image().get("cache.json");
    return bytes ? readCacheFile(Buffer.from(bytes).toString()).answers.map(({ fingerprint }) => fingerprint) : null;
  }

  damage(text: string): void {
    const image = new Map([["cache.json", Buffer.from(text)]]);
    this.disks.set("_rc_", new SimDisk({ image }));
  }
}

function known(kept: KeptAnswers, certificate: X509Certificate): string | undefined {
  return kept.clients?.get(certificate, ISSUER, START_MS)?.status;
}

test("what was heard is in the file some time later, and the next server knows it", async () => {
  const world = new World();
  const first = world.server();
  assert.equal(world.lines.at(-1), "OCSP peer cache online, type [local]");
  first.clients?.put(CLIENT, answerFor(CLIENT, "revoked"), "CN=client", START_MS);
  world.clock.advance(299_999);
  assert.equal(world.saved(), null);
  world.clock.advance(1);
  await waitFor(() => world.saved() !== null);
  assert.deepEqual(world.saved(), [fingerprintOf(CLIENT)]);
  assert.equal(known(world.server(), CLIENT), "revoked");
  first.clients?.put(OTHER, answerFor(OTHER), "", START_MS);
  assert.equal(world.clock.pendingTimers, 1);
  await first.close();
  assert.equal(world.clock.pendingTimers, 0);
});

test("the server's end writes the file, once, and not when nothing has changed", async () => {
  const world = new World();
  const first = world.server({ localStore: "cache" });
  await first.close();
  assert.equal(world.saved("cache"), null);
  const second = world.server({ localStore: "cache" });
  second.clients?.put(CLIENT, answerFor(CLIENT), "", START_MS);
  await second.close();
  assert.deepEqual(world.saved("cache"), [fingerprintOf(CLIENT)]);
  const operations = world.disk("cache").trace.length;
  const third = world.server({ localStore: "cache" });
  assert.equal(known(third, CLIENT), "good");
  await third.close();
  world.clock.advance(1_000_000);
  assert.equal(world.disk("cache").trace.length, operations);
});

test("a damaged file costs a line of the log, and is written anew when there is something to write", async () => {
  for (const [text, line] of [
    ["{ what", /^warn: Unable to load OCSP peer cache: read .*cache\.json: /],
    ["[]", /^warn: Unable to load OCSP peer cache: .*it is no JSON object/],
    [`{"a":1,"b":2}`, /^warn: Unable to load OCSP peer cache: 2 of 2 answers in .*cache\.json cannot be read/],
  ] as const) {
    const world = new World();
    world.damage(text);
    const kept = world.server();
    assert.match(world.lines.at(-2) ?? "", line);
    kept.clients?.put(CLIENT, answerFor(CLIENT), "", START_MS);
    await kept.close();
    assert.deepEqual(world.saved(), [fingerprintOf(CLIENT)]);
  }
});

test("a file with any byte changed, or cut anywhere, is read for what is still true of it", async () => {
  const world = new World();
  const writer = world.server();
  writer.clients?.put(CLIENT, answerFor(CLIENT, "revoked"), "CN=client", START_MS);
  writer.clients?.put(OTHER, answerFor(OTHER), "CN=other", START_MS);
  await writer.close();
  const whole = world.disk("_rc_").image().get("cache.json") as Uint8Array;
  const random = new SimRandom(11);
  let believed = 0;
  for (let i = 0; i < 300; i++) {
    const changed = whole.slice(0, i % 10 === 0 ? random.uint32() % whole.length : whole.length);
    const at = random.uint32() % whole.length;
    if (at < changed.length) changed[at] = random.uint32();
    world.disks.set("_rc_", new SimDisk({ image: new Map([["cache.json", changed]]) }));
    const reader = world.server();
    const found = [known(reader, CLIENT) ?? "revoked", known(reader, OTHER) ?? "good"];
    assert.deepEqual(found, ["revoked", "good"]);
    if (known(reader, CLIENT) !== undefined) believed++;
    await reader.close();
  }
  assert.ok(believed > 50 && believed < 290, `${believed} of 300`);
});

test("what is no file, is too large or cannot be read is left alone", async () => {
  for (const [prepare, line] of [
    [(disk: SimDisk) => disk.makeFolder("cache.json"), /it is no file/],
    [
      (disk: SimDisk) => {
        const file = disk.open("cache.json", "create");
        file.truncate(64 * 1024 * 1024 + 1);
        file.close();
      },
      /it has 67108865 bytes, more than 67108864/,
    ],
    [
      (disk: SimDisk) => {
        disk.open("cache.json", "create").close();
        disk.fault = (call) => (call === "open" ? "EACCES" : null);
      },
      /read .*: permission denied/,
    ],
  ] as const) {
    const world = new World();
    prepare(world.disk("_rc_"));
    const kept = world.server();
    assert.match(world.lines.at(-2) ?? "", line);
    await kept.close();
    assert.equal(world.disk("_rc_").openFiles, 0);
  }
});

test("a file that cannot be written is tried again", async () => {
  const world = new World();
  const disk = world.disk("_rc_");
  disk.fault = (call) => (call === "write" ? "ENOSPC" : null);
  const kept = world.server({ saveIntervalMs: 1_000 });
  kept.clients?.put(CLIENT, answerFor(CLIENT), "", START_MS);
  world.clock.advance(1_000);
  await waitFor(() => world.lines.some((line) => /^error: Unable to save .*: no space left on device$/.test(line)));
  disk.fault = () => null;
  world.clock.advance(1_000);
  await waitFor(() => world.saved() !== null);
  await kept.close();
});

test("what is heard while the file is written is in the next one", async () => {
  const world = new World();
  const disk = world.disk("_rc_");
  const kept = world.server({ saveIntervalMs: 1_000 });
  disk.holdSyncs = true;
  kept.clients?.put(CLIENT, answerFor(CLIENT), "", START_MS);
  world.clock.advance(1_000);
  await waitFor(() => disk.heldSyncs === 1);
  kept.clients?.put(OTHER, answerFor(OTHER), "", START_MS);
  const closed = kept.close();
  disk.holdSyncs = false;
  await closed;
  assert.equal(world.saved()?.length, 2);
});

test("other options: the file of the former is written, that of the next is read, and memory goes on", async () => {
  const world = new World();
  const other = world.server({ localStore: "b" });
  other.clients?.put(OTHER, answerFor(OTHER), "", START_MS);
  await other.close();

  const kept = world.server({ localStore: "a" });
  kept.clients?.put(CLIENT, answerFor(CLIENT), "", START_MS);
  kept.use(world.options({ localStore: "b" }));
  kept.openCache();
  assert.deepEqual([known(kept, CLIENT), known(kept, OTHER)], ["good", "good"]);
  kept.use(world.options({ type: "none" }));
  kept.openCache();
  assert.equal(kept.clients, null);
  assert.equal(world.lines.at(-1), "OCSP peer cache online, type [none]");
  kept.use(world.options({ type: "memory" }));
  assert.equal(known(kept, CLIENT), "good");
  await kept.close();
  assert.ok(world.saved("a")?.includes(fingerprintOf(CLIENT)));
  assert.equal(world.saved("b")?.length, 2);
});

test("a server that asks nobody about its clients does not touch the file", async () => {
  const world = new World();
  const kept = new KeptAnswers({
    clock: world.clock,
    logger: console,
    random: new SimRandom(1),
    openDisk: (folder) => world.disk(folder),
  });
  kept.use(world.options({}));
  await kept.close();
  assert.equal(world.disks.size, 0);
});

test("staples are in a folder of the store's, by fingerprint, and none is begun after the end", async () => {
  const world = new World();
  const kept = world.server({ type: "memory" }, "data");
  const folder = kept.stapleFolder;
  const { der } = answerFor(CLIENT);
  folder?.prepare();
  assert.equal(folder?.read("ab"), null);
  await Promise.all([folder?.write("ab", Buffer.from("x")), folder?.write("ab", der)]);
  assert.deepEqual(folder?.read("ab"), new Uint8Array(der));
  assert.deepEqual([...world.disk("data/ocsp").image().keys()], ["ab"]);
  const disk = world.disk("data/ocsp");
  disk.holdSyncs = true;
  const written = folder?.write("cd", der);
  const closed = kept.close();
  await waitFor(() => disk.heldSyncs === 1);
  await folder?.write("ef", der);
  disk.holdSyncs = false;
  await Promise.all([written, closed]);
  assert.deepEqual([...disk.image().keys()].sort(), ["ab", "cd"]);
});
