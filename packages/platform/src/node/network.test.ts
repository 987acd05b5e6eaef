import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import type { Duplex } from "../network.ts";
import { NodeNetwork } from "./network.ts";

const READ_BYTES = 1024;

test("a connection that fills the read buffer gives up its turn when dealing with it takes long", async (t) => {
  const accepted: Duplex[] = [];
  const listener = await new NodeNetwork().listen(
    { host: "127.0.0.1", port: 0, readBuffer: new Uint8Array(READ_BYTES) },
    (duplex) => accepted.push(duplex),
  );
  t.after(() => listener.close());
  const socket = connect(listener.local.port, "127.0.0.1");
  await once(socket, "connect");
  // All of it is in the kernel before the first read.
  const reads = 12;
  await new Promise((resolve) => socket.write(new Uint8Array(reads * READ_BYTES), resolve));
  while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));

  let inThisTurn = 0;
  let most = 0;
  let received = 0;
  const turn = (): void => {
    inThisTurn = 0;
    if (received < reads * READ_BYTES) setImmediate(turn);
  };
  await new Promise<void>((resolve) => {
    accepted[0]?.open({
      received(_bytes, start, end) {
        received += end - start;
        most = Math.max(most, ++inThisTurn);
        const until = performance.now() + 10; // longer than a connection may keep the turn
        while (performance.now() < until);
        if (received === reads * READ_BYTES) resolve();
      },
      written() {},
      ended() {},
      closed() {},
    });
    turn();
  });
  assert.ok(most <= 2, `${most} reads in one turn`);
  accepted[0]?.destroy();
  socket.destroy();
});

test("a connection that was paused stays paused when its turn is given up", async (t) => {
  const accepted: Duplex[] = [];
  const listener = await new NodeNetwork().listen(
    { host: "127.0.0.1", port: 0, readBuffer: new Uint8Array(READ_BYTES) },
    (duplex) => accepted.push(duplex),
  );
  t.after(() => listener.close());
  const socket = connect(listener.local.port, "127.0.0.1");
  await once(socket, "connect");
  await new Promise((resolve) => socket.write(new Uint8Array(8 * READ_BYTES), resolve));
  while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const duplex = accepted[0] as Duplex;
  let reads = 0;
  duplex.open({
    received() {
      if (++reads === 2) duplex.pause();
      const until = performance.now() + 10;
      while (performance.now() < until);
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
  duplex.destroy();
  socket.destroy();
});
