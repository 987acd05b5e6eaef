import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import type { Duplex } from "../network.ts";
import { NodeNetwork } from "./network.ts";

const READ_BYTES = 1024;

/** An accepted duplex, not opened yet, with so many buffers full of bytes waiting in the kernel, and the socket they came from. */
async function acceptWith(t: TestContext, buffers: number): Promise<Duplex> {
  const accepted: Duplex[] = [];
  const options = { host: "127.0.0.1", port: 0, readBuffer: new Uint8Array(READ_BYTES) };
  const listener = await new NodeNetwork().listen(options, (duplex) => accepted.push(duplex));
  t.after(() => listener.close());
  const socket = connect(listener.local.port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  await new Promise((resolve) => socket.write(new Uint8Array(buffers * READ_BYTES), resolve));
  while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const duplex = accepted[0] as Duplex;
  t.after(() => duplex.destroy());
  return duplex;
}

/** Takes longer than a connection may keep the turn. */
function dawdle(): void {
  const until = performance.now() + 10;
  while (performance.now() < until);
}

test("a connection that fills the read buffer gives up its turn when dealing with it takes long", async (t) => {
  const reads = 12;
  const duplex = await acceptWith(t, reads);
  let inThisTurn = 0;
  let most = 0;
  let received = 0;
  const turn = (): void => {
    inThisTurn = 0;
    if (received < reads * READ_BYTES) setImmediate(turn);
  };
  await new Promise<void>((resolve) => {
    duplex.open({
      received(_bytes, start, end) {
        received += end - start;
        most = Math.max(most, ++inThisTurn);
        dawdle();
        if (received === reads * READ_BYTES) resolve();
      },
      written() {},
      ended() {},
      closed() {},
    });
    turn();
  });
  assert.ok(most <= 2, `${most} reads in one turn`);
});

test("a connection that was paused stays paused when its turn is given up", async (t) => {
  const duplex = await acceptWith(t, 8);
  let reads = 0;
  duplex.open({
    received() {
      if (++reads === 2) duplex.pause();
      dawdle();
    },
    written() {},
    ended() {},
    closed() {},
  });
  while (reads < 2) await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(reads, 2);
  duplex.resume();
  while (reads < 8) await new Promise((resolve) => setImmediate(resolve));
});
