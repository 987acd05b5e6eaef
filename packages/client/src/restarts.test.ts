// A server that is killed and started again, over and over, under load.
// Few times by default; CLIENT_RESTARTS=200 runs the long form.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { SERVERS } from "./fixtures/servers.ts";
import { until } from "./fixtures/until.ts";
import { connect, SILENT_LOGGER } from "./node.ts";

const RESTARTS = Number(process.env["CLIENT_RESTARTS"] ?? 8);

for (const kind of SERVERS) {
  describe(`restarts under load, ${kind.name}`, { skip: kind.skip }, () => {
    test(`over ${RESTARTS} restarts nothing that was flushed is lost, buffered messages arrive in order, nothing leaks`, async () => {
      let server = await kind.start();
      const options = {
        port: server.port,
        reconnectTimeWait: 2,
        reconnectJitter: 1,
        maxReconnectAttempts: -1,
        logger: SILENT_LOGGER,
      };
      const publisher = await connect(options);
      const subscriber = await connect(options);
      // The subscriber keeps what it got in this process: a restart loses what is in the server, so each round is its own.
      const received = new Set<number>();
      const order: number[] = [];
      subscriber.subscribe("load", {
        callback: (_error, m) => {
          const number = Number(m.string());
          received.add(number);
          order.push(number);
        },
      });
      await subscriber.flush();
      const confirmed: number[] = [];
      let number = 0;
      let stop = false;
      const load = (async () => {
        while (!stop) {
          const first = number;
          const before = publisher.stats().reconnects + subscriber.stats().reconnects;
          const stood = publisher.isConnected() && subscriber.isConnected();
          for (let i = 0; i < 20; i++) publisher.publish("load", String(number++));
          try {
            await publisher.flush({ timeout: 5000 });
            await subscriber.flush({ timeout: 5000 });
            // One and the same server saw both flushes: then it has delivered all of these.
            const same = before === publisher.stats().reconnects + subscriber.stats().reconnects;
            if (stood && same) for (let n = first; n < number; n++) confirmed.push(n);
          } catch {
            await turn(); // the connection was lost meanwhile: nothing is promised about these
          }
        }
      })();
      const socketsBefore = openSockets();
      for (let round = 0; round < RESTARTS; round++) {
        const mark = confirmed.length;
        await until("some rounds of load went through", () => confirmed.length > mark + 100);
        await server.stop();
        await until("both have noticed", () => !publisher.isConnected() && !subscriber.isConnected());
        const buffered = Array.from({ length: 50 }, (_, i) => 1_000_000_000 + round * 1000 + i);
        for (const value of buffered) publisher.publish("load", String(value));
        server = await kind.start({ port: server.port });
        await until("both are back", () => publisher.isConnected() && subscriber.isConnected());
        await publisher.flush();
        // The publisher may be back before the subscriber, and then its buffer went to nobody: once more, with both there.
        for (const value of buffered) publisher.publish("load", String(value + 500));
        await until("the marked messages have come", () => received.has((buffered.at(-1) ?? 0) + 500));
        const seen = order.filter((value) => value >= (buffered[0] ?? 0));
        assert.deepEqual(
          seen.filter((value) => value % 1000 >= 500),
          buffered.map((value) => value + 500),
        );
        const early = seen.filter((value) => value % 1000 < 500);
        assert.deepEqual(early, buffered.slice(buffered.length - early.length), "in order, none twice");
      }
      stop = true;
      await load;
      for (const value of confirmed) assert.ok(received.has(value));
      const ordinary = order.filter((value) => value < 1_000_000_000);
      assert.ok(
        ordinary.every((value, index) => index === 0 || value > (ordinary[index - 1] ?? -1)),
        "in order, none twice",
      );
      assert.equal(publisher.stats().reconnects, RESTARTS);
      assert.ok(openSockets() <= socketsBefore, "no socket is left over");
      await Promise.all([publisher.drain(), subscriber.drain()]);
      await server.stop();
      await until("no socket is left", () => openSockets() === 0);
    });
  });
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
}
