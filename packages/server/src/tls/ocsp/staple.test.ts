// How one certificate's answer is fetched and kept fresh, on a clock that stands still.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import type { HttpAnswer, HttpRequest } from "@myelin/platform";
import { SimDisk, SimRandom } from "@myelin/platform/sim";
import { type OcspAnswerRequest, SimClock, TestAuthority, waitFor } from "@myelin/testing";
import type { OcspAnswer } from "./answer.ts";
import { fingerprintOf } from "./certificate.ts";
import { Staple } from "./staple.ts";
import { StapleFolder } from "./staple-folder.ts";

const AUTHORITY = new TestAuthority();
const SERVER = AUTHORITY.issue({ ocspUrls: ["http://a.example/", "http://b.example/ocsp"] });
const HOUR_MS = 3_600_000;

/** One staple with its world: what is asked, what is logged, and what responders answer next. */
class World {
  readonly clock: SimClock = new SimClock(Date.now());
  readonly asked: string[] = [];
  readonly lines: string[] = [];
  readonly answers: Map<string, OcspAnswer> = new Map();
  readonly closed: AbortController = new AbortController();
  folder: StapleFolder | null = null;
  shutDowns = 0;
  /** Called for each question. */
  respond: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer> = () => this.answer({});

  answer(request: OcspAnswerRequest, status: number = 200): HttpAnswer {
    const now = this.clock.wallMs();
    const times = { thisUpdate: new Date(now - 1000), nextUpdate: new Date(now + HOUR_MS) };
    return { status, body: AUTHORITY.answer(SERVER.cert, { ...times, ...request }) };
  }

  staple(shutsDown: boolean = false): Staple {
    const log = (text: string): void => void this.lines.push(text);
    return new Staple(
      {
        certificate: new X509Certificate(SERVER.cert),
        issuer: new X509Certificate(AUTHORITY.cert),
        file: "server.pem",
        urls: ["http://a.example/", "http://b.example/ocsp"],
        shutsDown,
      },
      {
        clock: this.clock,
        logger: { debug: log, trace: log, info: log, warn: log, error: log },
        fetch: async (request) => {
          this.asked.push(`${request.method} ${request.url}`);
          return this.respond(request);
        },
        answers: this.answers,
        folder: () => this.folder,
        signal: this.closed.signal,
        shutDown: () => this.shutDowns++,
      },
    );
  }

  async advance(ms: number, asked: number): Promise<void> {
    const lines = this.lines.length;
    this.clock.advance(ms);
    await waitFor(() => this.asked.length === asked);
    if (asked > 0) await waitFor(() => this.lines.length > lines);
  }
}

test("start() asks by POST, and the answer is what is stapled", async () => {
  const world = new World();
  const staple = world.staple();
  assert.equal(await staple.current(), null);
  await staple.start();
  assert.deepEqual(world.asked, ["POST http://a.example"]);
  const [kept] = world.answers.values();
  assert.deepEqual([kept?.status, await staple.current()], ["good", kept?.der]);
  assert.match(
    world.lines[0] ?? "",
    /^Found OCSP status for Client certificate at 'server.pem': good, next update .*, checking again in (30m0s|29m59)/,
  );
  staple.stop();
});

test("start() goes on to GET and to the next responder, and tells of all when none answers", async () => {
  const world = new World();
  world.respond = ({ method, url }) => {
    if (url.startsWith("http://a.example")) throw new Error("connect ECONNREFUSED");
    return method === "POST" ? { status: 405, body: new Uint8Array(0) } : world.answer({});
  };
  await world.staple().start();
  const [first, second, third, fourth, ...more] = world.asked;
  assert.deepEqual([first, third, more], ["POST http://a.example", "POST http://b.example/ocsp", []]);
  assert.match(second ?? "", /^GET http:\/\/a\.example\/MF[\w%]+$/);
  assert.match(fourth ?? "", /^GET http:\/\/b\.example\/ocsp\/MF[\w%]+$/);
  world.answers.clear();
  world.respond = () => ({ status: 500, body: new Uint8Array(0) });
  await assert.rejects(world.staple().start(), {
    code: "OCSP_FAILED",
    message:
      /^bad OCSP status update for certificate at 'server.pem': exhausted ocsp servers: non-ok http status on POST request of http:\/\/a.example\/: 500; .*GET request of http:\/\/b.example\/ocsp: 500$/,
  });
});

test("an answer is fetched again at half of the time that it has left", async () => {
  const world = new World();
  const staple = world.staple();
  await staple.start();
  world.clock.advance(HOUR_MS / 2 - 2_000);
  assert.equal(world.asked.length, 1);
  await world.advance(4_000, 2);
  assert.match(
    world.lines.at(-1) ?? "",
    /^Received OCSP status for Client certificate 'server.pem': good, next update /,
  );
  staple.stop();
  world.clock.advance(100 * HOUR_MS);
  assert.equal(world.asked.length, 2);
});

test("an answer without a time of the next is fetched again after a day, and counts until then", async () => {
  const world = new World();
  world.respond = () => world.answer({ nextUpdate: null });
  const staple = world.staple();
  await staple.start();
  world.clock.advance(23 * HOUR_MS);
  assert.equal(world.asked.length, 1);
  assert.notEqual(await staple.current(), null);
  await world.advance(2 * HOUR_MS, 2);
  staple.stop();
});

test("while no responder answers the old answer counts to its end, and nothing is stapled afterwards", async () => {
  const world = new World();
  const staple = world.staple();
  await staple.start();
  world.respond = () => Promise.reject(new Error("down"));
  await world.advance(HOUR_MS / 2 + 1_000, 5);
  assert.match(
    world.lines.at(-1) ?? "",
    /^Bad OCSP status update for certificate 'server.pem': exhausted ocsp servers: .*down, trying again in 14m5\d/,
  );
  assert.notEqual(await staple.current(), null);
  await world.advance(HOUR_MS / 2, 9);
  assert.equal(await staple.current(), null);
  assert.match(world.lines.at(-1) ?? "", /trying again in 2m0s$/);
  world.respond = () => world.answer({});
  await world.advance(120_000, 10);
  assert.notEqual(await staple.current(), null);
  staple.stop();
});

for (const [what, respond, text] of [
  ["garbage", () => ({ status: 200, body: Buffer.from("<html>") }), /the answer cannot be read/],
  ["an empty answer", () => ({ status: 200, body: new Uint8Array(0) }), /the answer cannot be read/],
  [
    "an answer out of date",
    (world: World) => world.answer({ nextUpdate: new Date(world.clock.wallMs() - 1_000) }),
    /NextUpdate, is past time/,
  ],
  [
    "an answer from the future",
    (world: World) => world.answer({ thisUpdate: new Date(world.clock.wallMs() + 60_000) }),
    /ThisUpdate, is future time/,
  ],
  [
    "an answer about another certificate",
    () => ({ status: 200, body: AUTHORITY.answer(AUTHORITY.issue().cert) }),
    /no response matching/,
  ],
  [
    "an answer of somebody else",
    () => ({ status: 200, body: new TestAuthority().answer(SERVER.cert) }),
    /signed neither by/,
  ],
] as const) {
  test(`${what} is none`, async () => {
    const world = new World();
    world.respond = () => respond(world);
    await assert.rejects(world.staple().start(), { code: "OCSP_FAILED", message: text });
    assert.equal(world.answers.size, 0);
  });
}

for (const status of ["revoked", "unknown"] as const) {
  test(`start() refuses a server whose certificate is ${status}, where that is asked for`, async () => {
    const world = new World();
    world.respond = () => world.answer({ status });
    await assert.rejects(world.staple(true).start(), {
      message: `found existing OCSP status for certificate at 'server.pem': ${status}`,
    });
    const staple = world.staple(false);
    await staple.start();
    assert.equal(world.lines.at(-1), `Found OCSP status for Client certificate at 'server.pem': ${status}`);
    assert.notEqual(await staple.current(), null);
    staple.stop();
  });

  test(`a running server goes down when its certificate is ${status} now, where that is asked for`, async () => {
    for (const shutsDown of [true, false]) {
      const world = new World();
      const staple = world.staple(shutsDown);
      await staple.start();
      world.respond = () => world.answer({ status });
      await world.advance(HOUR_MS / 2 + 1_000, 2);
      assert.equal(world.lines.at(-1), `Received OCSP status for Client certificate 'server.pem': ${status}`);
      assert.equal(world.shutDowns, shutsDown ? 1 : 0);
      staple.stop();
    }
  });
}

test("a certificate that was revoked at a reload takes the server down when it is still so two minutes later", async () => {
  const world = new World();
  world.respond = () => world.answer({ status: "revoked" });
  const staple = world.staple(true);
  await assert.rejects(staple.start(), { code: "OCSP_FAILED" });
  staple.retry();
  world.clock.advance(119_000);
  assert.equal(world.asked.length, 1);
  await world.advance(2_000, 2);
  assert.equal(world.shutDowns, 1);
  staple.stop();
});

test("an answer that still counts outlives a reload", async () => {
  const world = new World();
  const first = world.staple();
  await first.start();
  first.stop();
  const second = world.staple();
  await second.start();
  assert.equal(world.asked.length, 1);
  second.stop();
});

test("current() waits a second for an answer that is being asked for, and goes without one then", async () => {
  const world = new World();
  let answer!: (answer: HttpAnswer) => void;
  world.respond = () => new Promise((resolve) => (answer = resolve));
  const staple = world.staple();
  const started = staple.start();
  await waitFor(() => world.asked.length === 1);
  const impatient = staple.current();
  world.clock.advance(1_000);
  assert.equal(await impatient, null);
  const patient = staple.current();
  answer(world.answer({}));
  assert.notEqual(await patient, null);
  await started;
  staple.stop();
});

test("a question under way ends when the server closes", async () => {
  const world = new World();
  let signal: AbortSignal | undefined;
  world.respond = (request) => {
    signal = request.signal;
    return new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new Error("aborted")));
    });
  };
  const started = world.staple().start();
  await waitFor(() => signal !== undefined);
  world.closed.abort();
  await assert.rejects(started, { name: "OcspError" });
});

// On disk.

const FINGERPRINT = fingerprintOf(new X509Certificate(SERVER.cert));

/** A world whose answers are on a disk. */
function worldWithDisk(disk: SimDisk): World {
  const world = new World();
  world.folder = new StapleFolder(disk, new SimRandom(7));
  return world;
}

/** A disk with an answer on it. */
function diskWith(der: Uint8Array): SimDisk {
  return new SimDisk({ image: new Map([[FINGERPRINT, der]]) });
}

test("an answer is on disk when the server starts, and the next server needs no responder", async () => {
  const disk = new SimDisk();
  const first = worldWithDisk(disk);
  const staple = first.staple(true);
  await staple.start();
  staple.stop();
  const [kept] = first.answers.values();
  assert.deepEqual([...disk.image()], [[FINGERPRINT, new Uint8Array(kept?.der ?? [])]]);

  const second = worldWithDisk(disk);
  second.respond = () => Promise.reject(new Error("down"));
  const next = second.staple(true);
  await next.start();
  assert.deepEqual(second.asked, []);
  assert.deepEqual(Buffer.from((await next.current()) ?? []), Buffer.from(kept?.der ?? []));
  assert.match(second.lines[0] ?? "", /^Found OCSP status for Client certificate at 'server.pem': good/);
  second.respond = () => second.answer({});
  await second.advance(HOUR_MS / 2 + 1_000, 1);
  assert.notDeepEqual(disk.image().get(FINGERPRINT), new Uint8Array(kept?.der ?? []));
  next.stop();
});

const NOW = Date.now();
const NOT_COUNTING: ReadonlyArray<readonly [what: string, der: Uint8Array, why: RegExp]> = [
  [
    "that has ended",
    AUTHORITY.answer(SERVER.cert, { nextUpdate: new Date(NOW - 5_000) }),
    /invalid ocsp NextUpdate, is past time/,
  ],
  [
    "from the future",
    AUTHORITY.answer(SERVER.cert, { thisUpdate: new Date(NOW + 600_000) }),
    /invalid ocsp ThisUpdate, is future time/,
  ],
  [
    "without an end, a day old",
    AUTHORITY.answer(SERVER.cert, { thisUpdate: new Date(NOW - 25 * HOUR_MS), nextUpdate: null }),
    /is past time/,
  ],
  ["about another certificate", AUTHORITY.answer(AUTHORITY.issue().cert), /no response matching/],
  ["of somebody else", new TestAuthority().answer(SERVER.cert), /signed neither by/],
  ["that is none", Buffer.from("garbage"), /cannot be read/],
  ["that is empty", new Uint8Array(0), /cannot be read/],
  ["that is too large", new Uint8Array(65_537), /it has 65537 bytes, more than 65536/],
];
for (const [what, der, why] of NOT_COUNTING) {
  test(`an answer on disk ${what} is not used, and replaced when there is another`, async () => {
    const disk = diskWith(der);
    const world = worldWithDisk(disk);
    const staple = world.staple(true);
    await staple.start();
    assert.equal(world.asked.length, 1);
    assert.match(world.lines[0] ?? "", /^Stored OCSP status for certificate 'server.pem' in .* cannot be used: /);
    assert.match(world.lines[0] ?? "", why);
    assert.deepEqual(disk.image().get(FINGERPRINT), new Uint8Array((await staple.current()) ?? []));
    staple.stop();

    const down = worldWithDisk(diskWith(der));
    down.respond = () => Promise.reject(new Error("down"));
    await assert.rejects(down.staple(true).start(), { code: "OCSP_FAILED", message: /exhausted ocsp servers/ });
  });
}

test("an answer on disk that a certificate is revoked keeps the server from starting", async () => {
  const world = worldWithDisk(diskWith(AUTHORITY.answer(SERVER.cert, { status: "revoked" })));
  await assert.rejects(world.staple(true).start(), {
    message: "found existing OCSP status for certificate at 'server.pem': revoked",
  });
  assert.deepEqual(world.asked, []);
});

test("a disk that cannot be written or read costs a line of the log", async () => {
  for (const [failing, line] of [
    ["write", /^failed to write ocsp status: write .*: no space left on device$/],
    ["open", /^Stored OCSP status .* cannot be used: read .*: no space left on device$/],
  ] as const) {
    const disk = diskWith(AUTHORITY.answer(AUTHORITY.issue().cert));
    disk.fault = (call) => (call === failing ? "ENOSPC" : null);
    const world = worldWithDisk(disk);
    const staple = world.staple(true);
    await staple.start();
    assert.ok(
      world.lines.some((each) => line.test(each)),
      world.lines.join("\n"),
    );
    assert.notEqual(await staple.current(), null);
    staple.stop();
  }
});

test("an answer from before a reload is put where the reload wants it", async () => {
  const world = new World();
  await world.staple().start();
  const disk = new SimDisk();
  world.folder = new StapleFolder(disk, new SimRandom(8));
  const staple = world.staple();
  await staple.start();
  assert.equal(world.asked.length, 1);
  assert.deepEqual([...disk.image().keys()], [FINGERPRINT]);
  staple.stop();
});
