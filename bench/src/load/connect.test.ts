import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { runConnect } from "./connect.ts";

test("runConnect() greets as often as it is told, and leaves each time", async () => {
  const ends: Promise<unknown>[] = [];
  let greeted = 0;
  const server = createServer((socket) => {
    ends.push(new Promise((resolve) => socket.on("close", resolve)));
    socket.write("INFO {}\r\n");
    socket.on("data", (chunk) => {
      greeted++;
      assert.match(chunk.toString(), /^CONNECT \{.*\}\r\nPING\r\n$/);
      socket.write("PONG\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const target = { port: address.port, host: "127.0.0.1", serverPid: process.pid, connect: {}, tls: false };
  try {
    const result = await new Promise<{ readonly count: number }>((resolve, reject) => {
      const spec = {
        target: { ...target, webSocket: false },
        load: { kind: "connect" },
        count: 9,
        warmupCount: 3,
      } as const;
      runConnect(spec, reject).then(resolve, reject);
    });
    await Promise.all(ends);
    assert.deepEqual([result.count, greeted, ends.length], [9, 12, 12]);
  } finally {
    server.close();
  }
});
