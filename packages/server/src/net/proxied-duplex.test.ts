import assert from "node:assert/strict";
import { test } from "node:test";
import { type Duplex, type DuplexSink, duplexPair, type Endpoint } from "@myelin/platform";
import { SimClock } from "@myelin/platform/sim";
import fc from "fast-check";
import { PROXY_HEADER_TIMEOUT_MS, ProxiedDuplex } from "./proxied-duplex.ts";
import { ProxyHeaderError, readProxyHeader } from "./proxy-header.ts";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

/** A header of version 2. */
function binary(versionAndCommand: number, familyAndProtocol: number, rest: Uint8Array): Buffer {
  const size = rest.length;
  return Buffer.concat([SIGNATURE, Buffer.of(versionAndCommand, familyAndProtocol, size >> 8, size & 0xff), rest]);
}

/** Writes down what the owner of a duplex is told. The shared read buffer is overwritten whenever it is called, as a server does. */
class Owner implements DuplexSink {
  bytes = "";
  error: Error | null | undefined;
  hasEnded = false;

  received(bytes: Uint8Array, start: number, end: number): void {
    this.bytes += Buffer.from(bytes.subarray(start, end)).toString("latin1");
    bytes.fill(0, start, end);
  }

  written(): void {}

  ended(): void {
    this.hasEnded = true;
  }

  closed(error: Error | null): void {
    this.error = error;
  }
}

function isRefused({ error }: Owner): boolean {
  return error instanceof ProxyHeaderError;
}

interface Played {
  readonly owner: Owner;
  readonly remote: Endpoint | null;
  readonly warnings: readonly string[];
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Sends pieces through a proxied duplex. */
async function play(pieces: readonly Uint8Array[], ends: boolean): Promise<Played> {
  const clock = new SimClock();
  const [far, near] = duplexPair();
  far.open(new Owner());
  const warnings: string[] = [];
  const duplex: Duplex = new ProxiedDuplex(near, clock, (text) => warnings.push(text));
  const owner = new Owner();
  duplex.open(owner);
  for (const piece of pieces) {
    far.write(piece);
    await Promise.resolve(); // each write is a read of its own
  }
  if (ends) far.close();
  await turn();
  return { owner, remote: duplex.remote, warnings };
}

/** The same bytes whole, byte by byte, and cut once somewhere: what comes of it does not depend on that. */
async function playCut(bytes: Buffer, cut: number, ends: boolean): Promise<Played> {
  const whole = await play([bytes], ends);
  const halves = await play(
    [bytes.subarray(0, cut), bytes.subarray(cut)].filter(({ length }) => length > 0),
    ends,
  );
  const single = await play(
    Array.from(bytes, (byte) => Buffer.of(byte)),
    ends,
  );
  for (const other of [halves, single]) {
    assert.deepEqual(other.remote, whole.remote);
    assert.deepEqual(other.warnings, whole.warnings);
    assert.equal(other.owner.bytes, whole.owner.bytes);
    assert.equal(other.owner.hasEnded, whole.owner.hasEnded);
  }
  return whole;
}

const textHeader = fc.tuple(fc.ipV4(), fc.ipV4(), fc.nat(65_535), fc.nat(65_535)).map(([from, to, port, other]) => {
  return { bytes: Buffer.from(`PROXY TCP4 ${from} ${to} ${port} ${other}\r\n`), source: { host: from, port } };
});
const binaryHeader = fc
  .tuple(fc.ipV4(), fc.nat(65_535), fc.uint8Array({ maxLength: 300 }))
  .map(([host, port, extra]) => {
    const address = Buffer.from([...host.split(".").map(Number), 10, 0, 0, 1, port >> 8, port & 0xff, 0x10, 0x7e]);
    return { bytes: binary(0x21, 0x11, Buffer.concat([address, extra])), source: { host, port } };
  });
const localHeader = fc.uint8Array({ maxLength: 40 }).map((rest) => ({ bytes: binary(0x20, 0x00, rest), source: null }));
const anyHeader = fc.oneof(textHeader, binaryHeader, localHeader);

test("a header gives its address, and what comes behind it arrives as it was sent, however it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(anyHeader, fc.uint8Array({ maxLength: 50 }), fc.nat(400), async ({ bytes, source }, rest, cut) => {
      const { owner, remote, warnings } = await playCut(Buffer.concat([bytes, rest]), cut, true);
      assert.deepEqual(remote, source);
      assert.equal(owner.bytes, Buffer.from(rest).toString("latin1"));
      assert.equal(owner.hasEnded, true);
      assert.deepEqual(warnings, []);
    }),
    { numRuns: 200 },
  );
});

test("what does not begin like a header is passed on whole", async () => {
  const line = 'CONNECT {"verbose":false}\r\nPING\r\n';
  for (let cut = 0; cut <= 8; cut++) {
    const { owner, remote, warnings } = await playCut(Buffer.from(line), cut, false);
    assert.equal(owner.bytes, line);
    assert.equal(remote, null);
    assert.deepEqual(warnings, []);
  }
});

test("damaged headers are taken, refused with a word, or passed on; nothing is thrown, nothing gets through a refusal", async () => {
  const damage = fc.record({ at: fc.nat(130), byte: fc.nat(255), kind: fc.constantFrom("set", "drop", "add", "stop") });
  await fc.assert(
    fc.asyncProperty(
      anyHeader,
      fc.array(damage, { minLength: 1, maxLength: 3 }),
      fc.nat(130),
      async ({ bytes }, all, cut) => {
        let damaged: Buffer = Buffer.concat([bytes, Buffer.from("PING\r\n")]);
        for (const { at, byte, kind } of all) {
          const place = Math.min(at, damaged.length);
          const [head, tail] = [damaged.subarray(0, place), damaged.subarray(place)];
          if (kind === "set") damaged = Buffer.concat([head, Buffer.of(byte), tail.subarray(1)]);
          else if (kind === "drop") damaged = Buffer.concat([head, tail.subarray(1)]);
          else if (kind === "add") damaged = Buffer.concat([head, Buffer.of(byte), tail]);
          else damaged = head;
        }
        const { owner, warnings } = await playCut(damaged, cut, true);
        assert.equal(warnings.length, isRefused(owner) ? 1 : 0);
        if (warnings.length > 0) assert.equal(owner.bytes, "");
        else assert.ok(damaged.toString("latin1").endsWith(owner.bytes));
      },
    ),
    { numRuns: 500 },
  );
});

test("readProxyHeader() answers any bytes, and at most once more for the header than it has length", () => {
  const begin = fc.constantFrom(Buffer.from("PROXY "), SIGNATURE, Buffer.alloc(0));
  fc.assert(
    fc.property(begin, fc.uint8Array({ maxLength: 200 }), (first, rest) => {
      const bytes = Buffer.concat([first, rest]);
      const header = readProxyHeader(bytes);
      if (header.kind === "header") assert.ok(header.length <= bytes.length);
      if (header.kind === "incomplete") assert.ok(bytes.length < 16 + 65_535);
    }),
    { numRuns: 20_000 },
  );
});

test("who does not finish his header in five seconds is closed, and so is who says nothing", async () => {
  for (const begun of ["", "PROXY TCP4 192.0.2.1", "\r\n\r\n\0\r\nQUIT\n\x21", "PROX"]) {
    const clock = new SimClock();
    const [far, near] = duplexPair();
    far.open(new Owner());
    const warnings: string[] = [];
    const owner = new Owner();
    new ProxiedDuplex(near, clock, (text) => warnings.push(text)).open(owner);
    far.write(Buffer.from(begun, "latin1"));
    await turn();
    clock.advance(PROXY_HEADER_TIMEOUT_MS - 1);
    await turn();
    assert.equal(isRefused(owner), false);
    clock.advance(1);
    await turn();
    assert.equal(isRefused(owner), true);
    assert.deepEqual(warnings, ["Error reading PROXY protocol header from pipe: i/o timeout"]);
  }
});

test("a duplex that was closed leaves no timer behind", async () => {
  const clock = new SimClock();
  const [far, near] = duplexPair();
  far.open(new Owner());
  const warnings: string[] = [];
  const duplex = new ProxiedDuplex(near, clock, (text) => warnings.push(text));
  const owner = new Owner();
  duplex.open(owner);
  duplex.destroy();
  await turn();
  clock.advance(2 * PROXY_HEADER_TIMEOUT_MS);
  assert.equal(owner.error, null);
  assert.deepEqual(warnings, []);
});

test("a handshake that begins while the header is awaited takes the place of the look at the first byte", () => {
  const [, near] = duplexPair();
  const asked: string[] = [];
  let look = (_bytes: Uint8Array): number => -1;
  let done = (_gone: boolean): void => {};
  const inner: Duplex = Object.assign(near, {
    peek(nextLook: typeof look, nextDone: typeof done): void {
      asked.push("peek");
      [look, done] = [nextLook, nextDone];
    },
    startTls(): void {
      asked.push("startTls");
    },
  });
  const duplex = new ProxiedDuplex(inner, new SimClock(), (text) => assert.fail(text));
  duplex.peek(
    () => assert.fail("the look was given up"),
    () => assert.fail("the look was given up"),
  );
  duplex.startTls({ verifies: false }, { secured: () => {}, failed: () => assert.fail("the header is good") });
  assert.deepEqual(asked, ["peek"]);
  const header = Buffer.from("PROXY TCP4 192.0.2.7 192.0.2.8 1234 4222\r\n");
  assert.equal(look(header.subarray(0, 20)), -1);
  assert.equal(look(header), header.length);
  done(false);
  assert.deepEqual(asked, ["peek", "startTls"]);
  assert.deepEqual(duplex.remote, { host: "192.0.2.7", port: 1234 });
});
