import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sharedArena } from "@myelin/platform/node";
import { latin1 } from "@myelin/protocol";
import fc from "fast-check";
import * as ws from "ws";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { Unmasker } from "./unmask.ts";

/** The parts of `ws` that its type package does not have: the oracle. */
interface Library {
  readonly Sender: {
    frame(data: Buffer, options: Readonly<Record<string, unknown>>): Buffer[];
  };
  readonly Receiver: new (options: object) => NodeJS.WritableStream & NodeJS.EventEmitter;
}
const { Receiver, Sender } = ws as unknown as Library;

interface FrameOptions {
  readonly fin?: boolean;
  readonly rsv1?: boolean;
}

function frame(opcode: number, payload: Uint8Array | string, { fin = true, rsv1 = false }: FrameOptions = {}): Buffer {
  const options = { opcode, fin, rsv1, mask: true, readOnly: true };
  return Buffer.concat(Sender.frame(Buffer.from(payload as Uint8Array), options));
}

/** Writes down what the reader finds. */
class Notes implements FrameSink {
  stream = "";
  readonly compressedParts: string[] = [];
  readonly controls: string[] = [];
  problem: string | null = null;

  data(bytes: Uint8Array, start: number, end: number): void {
    this.stream += latin1(bytes, start, end);
  }

  compressed(bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    this.compressedParts.push(latin1(bytes, start, end) + (isLast ? "|" : ""));
  }

  control(opcode: number, payload: Uint8Array): void {
    this.controls.push(`${opcode} ${latin1(payload, 0, payload.length)}`);
  }

  broken(problem: string): void {
    assert.equal(this.problem, null);
    this.problem = problem;
  }
}

function readAll(chunks: readonly Uint8Array[], takesCompressed = false): Notes {
  const notes = new Notes();
  const reader = new FrameReader(notes, new Unmasker(sharedArena()), takesCompressed);
  for (const chunk of chunks) reader.feed(Buffer.from(chunk), 0, chunk.length);
  return notes;
}

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((start, at) => bytes.subarray(start, sorted[at] ?? bytes.length));
}

/** Named by what the reference says to them. */
const BROKEN: ReadonlyArray<readonly [problem: string, bytes: Buffer]> = [
  ["RSV2 and RSV3 must be clear", Buffer.from([0xa2, 0x80])],
  ["RSV2 and RSV3 must be clear", Buffer.from([0x92, 0x80])],
  ["compressed frame received without negotiated permessage-deflate", frame(2, "x", { rsv1: true })],
  ["mask bit missing", Buffer.from([0x82, 0x01, 0x61])],
  ["control frame length bigger than maximum allowed of 125 bytes", Buffer.from([0x89, 0xfe, 0, 126])],
  ["control frame does not have final bit set", frame(9, "x", { fin: false })],
  ["new message started before final frame for previous message was received", twice(frame(2, "a", { fin: false }))],
  ["invalid continuation frame", frame(0, "a")],
  ["unknown opcode 3", frame(3, "a")],
  ["unknown opcode 11", frame(11, "a")],
  ["invalid 64-bit payload length", Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4])],
];

function twice(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, bytes]);
}

describe("FrameReader", () => {
  for (const [problem, bytes] of BROKEN) {
    test(`feed() refuses ${bytes.subarray(0, 14).toString("hex")}: ${problem}`, () => {
      for (let cut = 0; cut < bytes.length; cut++) {
        const notes = readAll([bytes.subarray(0, cut), bytes.subarray(cut), frame(2, "more")]);
        assert.equal(notes.problem, problem, `cut at ${cut}`);
        assert.ok(!notes.stream.includes("more"));
      }
    });
  }

  test("feed() refuses a compressed control frame, and a continuation that says it is compressed", () => {
    assert.equal(readAll([frame(9, "x", { rsv1: true })], true).problem, "control frame must not be compressed");
    const frames = [frame(2, "x", { rsv1: true, fin: false }), frame(0, "y", { rsv1: true })];
    assert.equal(readAll(frames, true).problem, "invalid continuation frame");
  });

  test("feed() hands a frame on as it comes, however long it says it is", () => {
    const notes = new Notes();
    const reader = new FrameReader(notes, new Unmasker(sharedArena()), false);
    const long = Buffer.from([0x82, 0xff, 0x00, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    reader.feed(Buffer.concat([long, Buffer.from("PI")]), 0, long.length + 2);
    assert.equal(notes.stream, "PI");
    reader.feed(Buffer.from("NG"), 0, 2);
    assert.equal(notes.stream, "PING");
  });

  test("feed() puts messages of any frames and cuts together to one stream, control frames among them", () => {
    const piece = fc.record({
      payload: fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ minLength: 120, maxLength: 130 })),
      isText: fc.boolean(),
      fragments: fc.nat(3),
      ping: fc.option(fc.uint8Array({ maxLength: 125 }), { nil: undefined }),
    });
    const cuts = fc.array(fc.nat(5_000), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), cuts, (pieces, places) => {
        const frames: Buffer[] = [];
        let pings = 0;
        for (const { payload, isText, fragments, ping } of pieces) {
          const size = Math.ceil(payload.length / (fragments + 1));
          for (let n = 0; n <= fragments; n++) {
            const part = payload.subarray(n * size, (n + 1) * size);
            frames.push(frame(n > 0 ? 0 : isText ? 1 : 2, part, { fin: n === fragments }));
            if (ping === undefined) continue;
            frames.push(frame(9, ping));
            pings++;
          }
        }
        const notes = readAll(cutAt(Buffer.concat(frames), places));
        assert.equal(notes.problem, null);
        const sent = Buffer.concat(pieces.map(({ payload }) => payload));
        assert.equal(notes.stream, sent.toString("latin1"));
        assert.equal(notes.controls.length, pings);
      }),
    );
  });

  test("feed() says which part of a compressed message is its last", () => {
    const frames = [frame(2, "ab", { rsv1: true, fin: false }), frame(9, "p"), frame(0, "cd", { fin: false })];
    const whole = Buffer.concat([...frames, frame(0, ""), frame(2, "plain")]);
    const notes = readAll([whole], true);
    assert.deepEqual(notes.compressedParts, ["ab", "cd", "|"]);
    assert.equal(notes.stream, "plain");
  });

  test("feed() stops where the sink halts it, and goes on from there", () => {
    const bytes = Buffer.concat([frame(2, "one"), frame(9, "stop"), frame(2, "two")]);
    const notes = new Notes();
    const reader = new FrameReader(notes, new Unmasker(sharedArena()), false);
    notes.control = () => {
      reader.halted = true;
    };
    const at = reader.feed(bytes, 0, bytes.length);
    assert.equal(notes.stream, "one");
    reader.halted = false;
    assert.equal(reader.feed(bytes, at, bytes.length), bytes.length);
    assert.equal(notes.stream, "onetwo");
  });

  test("feed() agrees with the receiver of ws about arbitrary bytes", () => {
    const random = fc.uint8Array({ maxLength: 60 });
    // Headers that are nearly right reach further than bytes at random do.
    const near = fc
      .record({
        first: fc.constantFrom(0x82, 0x81, 0x80, 0x02, 0x00, 0x89, 0x8a, 0xc2, 0x92, 0x83, 0x09),
        second: fc.constantFrom(0x80, 0x81, 0x85, 0xfe, 0xff, 0x05, 0xfd),
        rest: fc.uint8Array({ maxLength: 20 }),
      })
      .map(({ first, second, rest }) => Uint8Array.of(first, second, ...rest));
    fc.assert(
      fc.property(fc.array(fc.oneof(random, near), { minLength: 1, maxLength: 6 }), (parts) => {
        const bytes = Buffer.concat(parts);
        const oracle = judgeByLibrary(Buffer.from(bytes));
        const notes = readAll([bytes]);
        if (oracle.ended) return; // it reads nothing behind a close frame; what we do with one is the duplex's business
        assert.equal(notes.problem !== null, oracle.failed);
        assert.ok(notes.stream.startsWith(oracle.stream));
      }),
      // A close frame with a status that there is not.
      { numRuns: 2_000, examples: [[[Uint8Array.of(0x88, 0x82, 0x80, 0, 0, 0, 0, 0)]]] },
    );
  });
});

function judgeByLibrary(bytes: Buffer): { stream: string; failed: boolean; ended: boolean } {
  const receiver = new Receiver({ isServer: true, skipUTF8Validation: true });
  const seen = { stream: "", failed: false, ended: false };
  receiver.on("message", (data: Buffer) => {
    seen.stream += data.toString("latin1");
  });
  receiver.on("error", () => {});
  receiver.on("conclude", () => {
    seen.ended = true;
  });
  // Called as a stream calls it, but at once: what a write says comes in its callback.
  const inner = receiver as unknown as {
    _write(chunk: Buffer, encoding: string, done: (error?: Error | null) => void): void;
  };
  inner._write(bytes, "", (error) => {
    if (error === undefined || error === null) return;
    const { code } = error as NodeJS.ErrnoException;
    // It has a limit where we have none, and it judges the status of a close frame.
    if (code === "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH" || code === "WS_ERR_INVALID_CLOSE_CODE") seen.ended = true;
    else seen.failed = true;
  });
  return seen;
}
