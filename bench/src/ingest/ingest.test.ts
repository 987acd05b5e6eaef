import assert from "node:assert/strict";
import { test } from "node:test";
import { createPlainArena, NodeNetwork } from "@myelin/platform/node";
import { SimClock, SimDisk, SimRandom } from "@myelin/platform/sim";
import { latin1, latin1Bytes } from "@myelin/protocol";
import { Server, SILENT_LOGGER } from "@myelin/server";
import { FileStore, type SyncMode } from "@myelin/store";
import { waitFor } from "@myelin/testing";
import { Ingest } from "./ingest.ts";

/** A publisher in this process: what it sends is one read, and each write that it gets is one line here, as its sequences. */
interface Publisher {
  send(messages: number): Promise<string[]>;
  stop(): Promise<void>;
}

/** A server with two streams, to which the publisher sends in turn. */
async function publisherTo(sync: SyncMode): Promise<Publisher> {
  const clock = new SimClock();
  const arena = createPlainArena(1 << 22);
  const outside = { clock, random: new SimRandom(1), network: new NodeNetwork(), arena, logger: SILENT_LOGGER };
  const store = await FileStore.open(new SimDisk({ record: false }), clock, new SimRandom(1), {
    sync,
    segmentBytes: 1 << 16,
    blockBytes: 1 << 16,
    ballastBytes: 4096,
  });
  const server = new Server({ listen: false }, outside);
  await server.start();
  new Ingest(server, arena, store, sync);
  const client = server.connectInProcess();
  let writes: string[] = [];
  client.open({
    received: (bytes, start, end) => writes.push(latin1(bytes, start, end)),
    written() {},
    ended() {},
    closed() {},
  });
  /** What has been written to the publisher when so many messages have come. */
  const received = async (messages: number): Promise<string[]> => {
    const count = (): number => writes.join("").split("MSG r.").length - 1;
    await waitFor(() => count() >= messages);
    assert.equal(count(), messages);
    const got = writes;
    writes = [];
    return got;
  };
  client.write(latin1Bytes('CONNECT {"verbose":false}\r\nSUB r.* 1\r\n'));
  for (const name of ["A", "B"]) {
    const config = `{"subjects":["${name}"]}`;
    client.write(latin1Bytes(`PUB $JS.API.STREAM.CREATE.${name} r.0 ${config.length}\r\n${config}\r\n`));
  }
  await received(2);
  return {
    async send(messages) {
      const subjects = Array.from({ length: messages }, (_, i) => (i % 2 === 0 ? "A" : "B"));
      client.write(latin1Bytes(subjects.map((subject, i) => `PUB ${subject} r.${i} 2\r\nhi\r\n`).join("")));
      const got = await received(messages);
      return got.map((text) =>
        [...text.matchAll(/"stream":"(.)","seq":(\d+)/g)].map((m) => `${m[1]}${m[2]}`).join(" "),
      );
    },
    async stop() {
      await server.close();
      await store.stop();
    },
  };
}

test("acknowledgements of a read come together, stream by stream, after the sync", async () => {
  const publisher = await publisherTo("always");
  assert.deepEqual(await publisher.send(6), ["A1 A2 A3 B1 B2 B3"]);
  assert.deepEqual(await publisher.send(6), ["A4 A5 A6 B4 B5 B6"]);
  await publisher.stop();
});

test("without waiting for a sync, the first of a small read come before the others are stored", async () => {
  const publisher = await publisherTo({ intervalMs: 1000 });
  assert.deepEqual(await publisher.send(1), ["A1"]); // the journal's first segment is there from here on
  assert.deepEqual(await publisher.send(6), ["A2 A3 B1 B2", "A4 B3"]);
  assert.deepEqual(await publisher.send(3), ["A5 A6 B4"]);
  // Behind a read that brought many, the next one probably does, too, and is not cut.
  assert.deepEqual((await publisher.send(40)).length, 2);
  const many = await publisher.send(40);
  assert.deepEqual([many.length, many[0]?.split(" ").length], [1, 40]);
  await publisher.stop();
});
