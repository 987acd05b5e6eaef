import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { deflateRawSync, inflateRawSync, constants as zlib } from "node:zlib";
import { type Duplex, type DuplexSink, duplexPair } from "@myelin/platform";
import { sharedArena } from "@myelin/platform/node";
import { SimClock } from "@myelin/platform/sim";
import { latin1 } from "@myelin/protocol";
import { waitFor } from "@myelin/testing";
import { StagePool } from "./frame-writer.ts";
import { CodecPool } from "./message-codec.ts";
import { Unmasker } from "./unmask.ts";
import { WebSocketDuplex, WebSocketError, type WebSocketForm } from "./websocket-duplex.ts";

const LIMIT = 1024 * 1024;

/** A client that speaks frames, at the other end of a pair. */
class Peer implements DuplexSink {
  bytes: Buffer = Buffer.alloc(0);
  isEnded = false;
  readonly duplex: Duplex;

  constructor(duplex: Duplex) {
    this.duplex = duplex;
    duplex.open(this);
  }

  received(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = Buffer.concat([this.bytes, bytes.subarray(start, end)]);
  }

  written(): void {}

  ended(): void {
    this.isEnded = true;
  }

  closed(): void {
    this.isEnded = true;
  }

  /** `opcode:length`, F for final and C for compressed in front; payloads joined. */
  frames(): { heads: string[]; payload: Buffer } {
    const heads: string[] = [];
    const payloads: Buffer[] = [];
    let at = "answer".length;
    while (at < this.bytes.length) {
      const first = this.bytes[at] as number;
      let length = this.bytes[at + 1] as number;
      at += 2;
      if (length === 126) {
        length = this.bytes.readUInt16BE(at);
        at += 2;
      } else if (length === 127) {
        length = Number(this.bytes.readBigUInt64BE(at));
        at += 8;
      }
      heads.push(`${first & 0x80 ? "F" : ""}${first & 0x40 ? "C" : ""}${first & 0x0f}:${length}`);
      payloads.push(this.bytes.subarray(at, at + length));
      at += length;
    }
    return { heads, payload: Buffer.concat(payloads) };
  }

  send(first: number, payload: Uint8Array | string): void {
    this.duplex.write(masked(first, payload));
  }
}

function masked(first: number, content: Uint8Array | string): Buffer {
  const payload = Buffer.from(content as Uint8Array);
  const mask = Buffer.from([9, 8, 7, 6]);
  const head = Buffer.alloc(payload.length < 126 ? 2 : 10);
  head[0] = first;
  head[1] = 0x80 | (payload.length < 126 ? payload.length : 127);
  if (payload.length >= 126) head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ (mask[at & 3] as number))]);
}

function compress(content: Uint8Array | string): Buffer {
  return deflateRawSync(content, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** The owner of the duplex, and what it was told. */
class Owner implements DuplexSink {
  text = "";
  writtens = 0;
  isEnded = false;
  end: Error | null | undefined;

  received(bytes: Uint8Array, start: number, end: number): void {
    this.text += latin1(bytes, start, end);
  }

  written(): void {
    this.writtens++;
  }

  ended(): void {
    this.isEnded = true;
  }

  closed(error: Error | null): void {
    assert.equal(this.end, undefined, "told once");
    this.end = error;
  }
}

function connect(form: Partial<WebSocketForm> = {}, maxMessageBytes = LIMIT) {
  const [inner, theirs] = duplexPair();
  const peer = new Peer(theirs);
  const clock = new SimClock();
  const codecs = new CodecPool(maxMessageBytes);
  const duplex = new WebSocketDuplex(
    inner,
    Buffer.from("answer"),
    { frameBytesMax: 65_536, fragmentsCompressed: false, compression: false, forwardedFor: null, tls: null, ...form },
    { clock, unmasker: new Unmasker(sharedArena()), stages: new StagePool(), codecs },
  );
  const owner = new Owner();
  duplex.open(owner);
  return { clock, codecs, duplex, owner, peer };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("WebSocketDuplex", () => {
  test("answers first, and then frames both ways", async () => {
    const { duplex, owner, peer } = connect();
    assert.equal(duplex.write(Buffer.from("INFO")), true);
    peer.send(0x81, "PING\r\n");
    await turn();
    assert.equal(peer.bytes.toString("latin1"), "answer\x82\x04INFO");
    assert.equal(owner.text, "PING\r\n");
  });

  test("write() keeps frames small for browsers, and makes lengths of every form", async () => {
    const { duplex, peer } = connect({ frameBytesMax: 4096 });
    const sizes = [125, 126, 4096, 4097, 9000];
    for (const size of sizes) duplex.write(Buffer.alloc(size, size & 0xff));
    await turn();
    const { heads, payload } = peer.frames();
    assert.deepEqual(heads, ["F2:125", "F2:126", "F2:4096", "F2:4096", "F2:1", "F2:4096", "F2:4096", "F2:808"]);
    assert.deepEqual(payload, Buffer.concat(sizes.map((size) => Buffer.alloc(size, size & 0xff))));
  });

  test("write() hands a large write on stage by stage, and tells when the last has gone", async () => {
    const { duplex, owner, peer } = connect();
    const large = Buffer.alloc(3 * 1024 * 1024 + 5, "abcdefg");
    assert.equal(duplex.write(large), false);
    await waitFor(() => owner.writtens === 1);
    assert.equal(duplex.write(Buffer.from("next")), true);
    await turn();
    assert.ok(peer.frames().payload.equals(Buffer.concat([large, Buffer.from("next")])));
  });

  test("answers a ping with its payload, also while a write is under way", async () => {
    const { duplex, peer } = connect();
    peer.send(0x89, "are you there");
    await turn();
    peer.duplex.pause();
    assert.equal(duplex.write(Buffer.alloc(2 * 1024 * 1024)), false);
    peer.send(0x89, "one");
    peer.send(0x89, "two");
    await turn();
    peer.duplex.resume();
    await waitFor(() => peer.bytes.length > 2 * 1024 * 1024 + 300);
    const pongs = peer.frames().heads.filter((head) => head.startsWith("F10"));
    assert.deepEqual(pongs, ["F10:13", "F10:3"], "of the two that had to wait only the last one is answered");
  });

  test("close() says farewell behind everything else", async () => {
    const { duplex, owner, peer } = connect();
    duplex.write(Buffer.from("-ERR"));
    duplex.close({ status: 1008, text: "Authentication Failure" });
    await turn();
    assert.equal(peer.bytes.toString("latin1"), "answer\x82\x04-ERR\x88\x18\x03\xf0Authentication Failure");
    assert.ok(peer.isEnded);
    assert.equal(owner.end, null);
  });

  test("close() cuts a text that does not fit, between characters", async () => {
    const { duplex, peer } = connect();
    duplex.close({ status: 1011, text: "ü".repeat(100) });
    await turn();
    const text = peer.frames().payload.subarray(2).toString("utf8");
    assert.equal(text, `${"ü".repeat(60)}...`);
  });

  test("close() gives a peer that takes nothing a second", async () => {
    const { clock, duplex, owner, peer } = connect();
    peer.duplex.pause();
    duplex.write(Buffer.alloc(2 * 1024 * 1024));
    duplex.close({ status: 1000, text: "" });
    clock.advance(999);
    await turn();
    assert.equal(owner.end, undefined);
    clock.advance(1);
    await turn();
    assert.equal(owner.end, null);
  });

  test("a close frame of the peer is answered when the owner closes, and nothing behind it is read", async () => {
    const { duplex, owner, peer } = connect();
    peer.duplex.write(Buffer.concat([masked(0x88, Buffer.from("\x03\xe8bye", "latin1")), masked(0x82, "PING\r\n")]));
    await turn();
    assert.ok(owner.isEnded);
    assert.equal(owner.text, "");
    duplex.write(Buffer.from("last"));
    duplex.close({ status: 1000, text: "Client Closed" });
    await turn();
    assert.equal(peer.bytes.toString("latin1"), "answer\x82\x04last\x88\x05\x03\xe8bye");
  });

  for (const [payload, answer] of [
    ["", "\x88\x00"],
    ["\x03\xe8\xff\xfe", "\x88\x22\x03\xefinvalid utf8 body in close frame"],
    ["\x0b\xb8", "\x88\x02\x0b\xb8"],
  ] as const) {
    test(`a close frame ${JSON.stringify(payload)} is answered by ${JSON.stringify(answer)}`, async () => {
      const { duplex, peer } = connect();
      peer.send(0x88, Buffer.from(payload, "latin1"));
      await turn();
      duplex.close();
      await turn();
      assert.equal(peer.bytes.toString("latin1"), `answer${answer}`);
    });
  }

  for (const [payload, problem] of [
    ["x", "close frame payload cannot be 1 byte"],
    ["\x03\xed", "invalid close status code 1005"],
    ["\x03\xe7", "invalid close status code 999"],
    ["\x07\xd0", "invalid close status code 2000"],
    ["\x13\x88", "invalid close status code 5000"],
  ] as const) {
    test(`a close frame ${JSON.stringify(payload)} is refused: ${problem}`, async () => {
      const { owner, peer } = connect();
      peer.send(0x88, Buffer.from(payload, "latin1"));
      await turn();
      assert.ok(owner.end instanceof WebSocketError);
      assert.equal(owner.end.message, problem);
      const { heads, payload: said } = peer.frames();
      assert.deepEqual(heads, [`F8:${problem.length + 2}`]);
      assert.equal(said.toString("latin1"), `\x03\xea${problem}`);
    });
  }

  test("a peer that breaks the protocol is told how, and the owner learns at once", async () => {
    const { duplex, owner, peer } = connect();
    peer.duplex.write(Buffer.concat([Buffer.from([0x82, 1, 0]), masked(0x82, "PING")]));
    await turn();
    assert.equal((owner.end as WebSocketError).message, "mask bit missing");
    assert.equal(owner.text, "");
    assert.equal(duplex.write(Buffer.from("gone")), true);
    assert.match(peer.bytes.toString("latin1"), /^answer\x88.\x03\xeamask bit missing$/);
    assert.ok(peer.isEnded);
  });

  test("compressed messages are read in order with what is round them, in fragments too", async () => {
    const { owner, peer } = connect({ compression: true });
    const text = Buffer.from("a long text that repeats itself, ".repeat(2_000));
    const packed = compress(text);
    const parts = [packed.subarray(0, 7), packed.subarray(7, 8), packed.subarray(8)] as const;
    peer.duplex.write(
      Buffer.concat([
        masked(0x82, "before,"),
        masked(0x42, parts[0]),
        masked(0x89, "ping"),
        masked(0x00, parts[1]),
        masked(0x00, parts[2]),
        masked(0x80, ""),
        masked(0xc1, compress("second,")),
        masked(0x82, "after"),
      ]),
    );
    await waitFor(() => owner.text.endsWith("after"));
    assert.equal(owner.text, `before,${text.toString()}second,after`);
    assert.deepEqual(peer.frames().heads, ["F10:4"]);
  });

  test("an end behind a compressed message is told behind it", async () => {
    const { owner, peer } = connect({ compression: true });
    peer.send(0xc2, compress("PUB"));
    peer.duplex.close();
    await waitFor(() => owner.isEnded);
    assert.equal(owner.text, "PUB");
  });

  test("a message that decompresses to more than the limit ends the connection with 1009", async () => {
    const { owner, peer } = connect({ compression: true }, 256 * 1024);
    peer.send(0xc2, compress(Buffer.alloc(64 * 1024 * 1024)));
    await waitFor(() => owner.end !== undefined);
    assert.equal((owner.end as WebSocketError).status, 1009);
    assert.ok(owner.text.length <= 256 * 1024);
    await waitFor(() => peer.isEnded);
    assert.match(peer.frames().payload.toString("latin1"), /^\x03\xf1compressed message of more than 262144 bytes$/);
  });

  test("another limit holds from the next message on, and for what is left of the one under way", async () => {
    const { codecs, owner, peer } = connect({ compression: true }, 256 * 1024);
    const payload = Buffer.alloc(512 * 1024, "abcd");
    codecs.maxMessageBytes = 1024 * 1024;
    peer.send(0xc2, compress(payload));
    await waitFor(() => owner.text.length === payload.length);
    const packed = compress(payload);
    peer.send(0x42, packed.subarray(0, 100));
    await waitFor(() => owner.text.length > payload.length);
    codecs.maxMessageBytes = 8;
    peer.send(0x80, packed.subarray(100));
    await waitFor(() => owner.end !== undefined);
    assert.equal((owner.end as WebSocketError).message, "compressed message of more than 8 bytes");
  });

  test("fragments of one compressed message are added up", async () => {
    const { owner, peer } = connect({ compression: true }, 256 * 1024);
    const packed = compress(Buffer.alloc(1024 * 1024, "abcd"));
    for (let at = 0; at < packed.length && owner.end === undefined; at += 100) {
      peer.send(at === 0 ? 0x42 : 0x00, packed.subarray(at, at + 100));
      await turn();
    }
    await waitFor(() => owner.end !== undefined);
    assert.equal((owner.end as WebSocketError).status, 1009);
    assert.ok(owner.text.length <= 256 * 1024);
  });

  test("bytes that are not deflate end the connection with 1007", async () => {
    const { owner, peer } = connect({ compression: true });
    peer.send(0xc2, Buffer.from("ffffffffff", "hex"));
    await waitFor(() => owner.end !== undefined);
    assert.equal((owner.end as WebSocketError).status, 1007);
  });

  test("destroy() in the middle of a compressed message leaves nothing behind", async () => {
    const { duplex, owner, peer } = connect({ compression: true });
    peer.send(0x42, compress("half of a message").subarray(0, 5));
    await turn();
    duplex.destroy();
    await waitFor(() => owner.end !== undefined);
    assert.equal(owner.end, null);
  });

  for (const [browser, form, expected] of [
    ["programs", { frameBytesMax: 65_536, fragmentsCompressed: false }, /^FC2:\d+$/],
    ["browsers", { frameBytesMax: 4_096, fragmentsCompressed: true }, /^C2:4096( 0:4096)* F0:\d+$/],
    ["Safari", { frameBytesMax: 4_096, fragmentsCompressed: false }, /^FC2:\d+$/],
  ] as const) {
    test(`write() compresses for ${browser}, but not what is small`, async () => {
      const { duplex, owner, peer } = connect({ compression: true, ...form });
      const noise = randomBytes(20_000);
      assert.equal(duplex.write(noise), false);
      await waitFor(() => owner.writtens === 1);
      const { heads, payload } = peer.frames();
      assert.match(heads.join(" "), expected);
      const whole = Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]);
      assert.ok(inflateRawSync(whole, { finishFlush: zlib.Z_SYNC_FLUSH }).equals(noise));
      assert.equal(duplex.write(Buffer.alloc(64)), true);
      await turn();
      assert.equal(peer.frames().heads.at(-1), "F2:64");
    });
  }

  test("what cannot be compressed still fits", async () => {
    const { duplex, owner, peer } = connect({ compression: true });
    const noise = randomBytes(200_000);
    duplex.write(noise);
    await waitFor(() => owner.writtens === 1);
    assert.deepEqual(
      peer.frames().heads.map((head) => head.slice(0, 4)),
      ["FC2:", "FC2:", "FC2:", "FC2:"],
    );
  });
});
