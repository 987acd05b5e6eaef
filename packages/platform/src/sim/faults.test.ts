import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { duplexPair } from "../duplex-pair.ts";
import type { Duplex, DuplexSink } from "../network.ts";
import { SimClock } from "./clock.ts";
import { Faults } from "./faults.ts";
import { SimRandom } from "./random.ts";

class End implements DuplexSink {
  text = "";
  readonly told: string[] = [];
  readonly duplex: Duplex;

  constructor(duplex: Duplex) {
    this.duplex = duplex;
    duplex.open(this);
  }

  send(text: string): boolean {
    return this.duplex.write(Buffer.from(text));
  }

  received(bytes: Uint8Array, start: number, end: number): void {
    this.text += Buffer.from(bytes.subarray(start, end)).toString();
  }

  written(): void {
    this.told.push("written");
  }

  ended(): void {
    this.told.push("ended");
  }

  closed(error: (Error & { readonly code?: string }) | null): void {
    this.told.push(`closed ${error?.code ?? "null"}`);
  }
}

async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

function wire(): { clock: SimClock; faults: Faults; connect: () => { client: End; server: End } } {
  const clock = new SimClock();
  const faults = new Faults(clock, new SimRandom(1));
  const connect = (): { client: End; server: End } => {
    const [theirs, ours] = duplexPair();
    return { client: new End(theirs), server: new End(faults.wrap(ours)) };
  };
  return { clock, faults, connect };
}

describe("Faults", () => {
  test("without a fault everything passes, ends included", async () => {
    const { connect, faults } = wire();
    const { client, server } = connect();
    client.send("ping");
    server.send("pong");
    await turn();
    assert.deepEqual([server.text, client.text], ["ping", "pong"]);
    client.duplex.close();
    await turn();
    assert.deepEqual(server.told, ["ended"]);
    server.duplex.close();
    await turn();
    assert.deepEqual(server.told, ["ended", "closed null"]);
    assert.equal(faults.connectionCount, 0);
  });

  test("hold() keeps what travels, and undo() lets it arrive, ends included", async () => {
    const { connect, faults } = wire();
    const { client, server } = connect();
    const fault = faults.hold();
    client.send("a");
    server.send("b");
    await turn();
    assert.deepEqual([server.text, client.text], ["", ""]);
    client.send("c");
    client.duplex.close();
    await turn();
    assert.deepEqual(server.told, []);
    fault.undo();
    fault.undo();
    await turn();
    assert.equal(server.text, "ac");
    assert.deepEqual(server.told, ["ended"]);
  });

  test("hold() one way leaves the other", async () => {
    const { connect, faults } = wire();
    const { client, server } = connect();
    faults.hold("toServer");
    client.send("a");
    server.send("b");
    await turn();
    assert.deepEqual([server.text, client.text], ["", "b"]);
  });

  test("a held connection takes as much as socket buffers do, then blocks", async () => {
    const { connect, faults } = wire();
    const { client, server } = connect();
    const fault = faults.hold();
    const piece = "x".repeat(100_000);
    assert.deepEqual([server.send(piece), server.send(piece), server.send(piece)], [true, true, false]);
    await turn();
    assert.deepEqual(server.told, []);
    fault.undo();
    await turn();
    assert.equal(client.text.length, 300_000);
    assert.deepEqual(server.told, ["written"]);
  });

  test("drop() loses what travels, and cuts what has lost something when it is undone", async () => {
    const { connect, faults } = wire();
    const busy = connect();
    const quiet = connect();
    const fault = faults.drop();
    busy.client.send("lost");
    await turn();
    fault.undo();
    await turn();
    assert.equal(busy.server.text, "");
    assert.deepEqual(busy.server.told, ["closed ECONNRESET"]);
    assert.deepEqual(busy.client.told, ["ended"]);
    quiet.client.send("well");
    await turn();
    assert.deepEqual([quiet.server.text, quiet.server.told], ["well", []]);
  });

  test("delay() by the clock, in order, and undone at once", async () => {
    const { clock, connect, faults } = wire();
    const { client, server } = connect();
    const fault = faults.delay("50ms", "both", 10);
    client.send("a");
    await turn();
    clock.advance(20);
    client.send("b");
    await turn();
    clock.advance(29);
    assert.equal(server.text, "");
    clock.advance(11);
    assert.equal(server.text, "a");
    fault.undo();
    await turn();
    assert.equal(server.text, "ab");
    client.send("c");
    await turn();
    assert.equal(server.text, "abc");
  });

  test("delays add up, and clear() undoes all faults", async () => {
    const { clock, connect, faults } = wire();
    const { client, server } = connect();
    faults.delay(50);
    faults.delay(30, "toServer");
    client.send("a");
    server.send("b");
    await turn();
    clock.advance(50);
    await turn();
    assert.deepEqual([server.text, client.text], ["", "b"]);
    clock.advance(30);
    assert.equal(server.text, "a");
    faults.clear();
    client.send("c");
    await turn();
    assert.equal(server.text, "ac");
  });

  test("throttle() carries so many bytes per second", async () => {
    const { clock, connect, faults } = wire();
    const { client, server } = connect();
    const fault = faults.throttle(1_000, "toServer");
    client.send("x".repeat(500));
    await turn();
    clock.advance(100);
    assert.ok(server.text.length >= 100 && server.text.length <= 140, `${server.text.length} bytes after 100 ms`);
    clock.advance(400);
    assert.equal(server.text.length, 500);
    fault.undo();
    client.send("y".repeat(5_000));
    await turn();
    assert.equal(server.text.length, 5_500);
    assert.throws(() => faults.throttle(0), RangeError);
  });

  test("cut() resets connections and new ones, until it is undone", async () => {
    const { connect, faults } = wire();
    const before = connect();
    const fault = faults.cut();
    await turn();
    assert.deepEqual(before.server.told, ["closed ECONNRESET"]);
    assert.deepEqual(before.client.told, ["ended"]);
    const during = connect();
    await turn();
    assert.deepEqual(during.server.told, ["closed ECONNRESET"]);
    fault.undo();
    const after = connect();
    after.client.send("a");
    await turn();
    assert.deepEqual([after.server.text, after.server.told], ["a", []]);
  });

  test("halfOpen() leaves the server with a ghost, and undo() ends it", async () => {
    const { connect, faults } = wire();
    const { client, server } = connect();
    const fault = faults.halfOpen();
    await turn();
    assert.deepEqual(client.told, ["ended"]);
    assert.equal(server.send("is anybody there"), true);
    await turn();
    assert.deepEqual([server.told, client.text], [[], ""]);
    const fresh = connect();
    fresh.client.send("a");
    await turn();
    assert.equal(fresh.server.text, "a");
    fault.undo();
    await turn();
    assert.deepEqual(server.told, ["closed ECONNRESET"]);
    assert.deepEqual(fresh.server.told, []);
  });

  test("halfOpen() leaves a client with a server that is gone", async () => {
    const { connect, faults } = wire();
    const { client, server } = connect();
    const fault = faults.halfOpen("server");
    client.send("is anybody there");
    await turn();
    assert.deepEqual([server.told, server.text], [["closed ECONNRESET"], ""]);
    assert.deepEqual(client.told, []);
    fault.undo();
    await turn();
    assert.deepEqual(client.told, ["ended"]);
  });

  test("an owner that closes or destroys is told so, whatever the wire does", async () => {
    for (const end of ["close", "destroy"] as const) {
      for (const begin of ["hold", "drop", "halfOpen"] as const) {
        const { connect, faults } = wire();
        const { client, server } = connect();
        const fault = faults[begin]();
        server.send("last words");
        server.duplex[end]();
        await turn();
        assert.deepEqual(server.told, ["closed null"], `${end} under ${begin}`);
        fault.undo();
        await turn();
        assert.deepEqual(client.told, ["ended"], `${end} under ${begin}`);
      }
    }
  });

  test("pause() of the owner holds for what the wire brings", async () => {
    const { connect, faults } = wire();
    const { client, server } = connect();
    const fault = faults.hold();
    client.send("a");
    await turn();
    server.duplex.pause();
    fault.undo();
    await turn();
    assert.equal(server.text, "");
    server.duplex.resume();
    await turn();
    assert.equal(server.text, "a");
  });

  test("a fault is undone at the end of a block that uses it", async () => {
    const { connect, faults } = wire();
    const { client, server } = connect();
    {
      using _fault = faults.hold();
      client.send("a");
      await turn();
      assert.equal(server.text, "");
    }
    await turn();
    assert.equal(server.text, "a");
  });
});
