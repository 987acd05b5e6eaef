// A hostile or broken server gets a typed error and a reconnect or a close, never a hang, a crash or unbounded memory.
// CLIENT_FUZZ=10000 runs the long form.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NatsError } from "./errors.ts";
import { FakeServer, greet, infoLine } from "./fixtures/fake-server.ts";
import { nextStatus, until } from "./fixtures/until.ts";
import { connect, SILENT_LOGGER } from "./node.ts";

const quick = { timeout: 500, reconnectTimeWait: 1, reconnectJitter: 0, logger: SILENT_LOGGER } as const;

const BAD_GREETINGS: ReadonlyArray<readonly [name: string, text: string, code: string]> = [
  ["HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "ERR_NATS_PROTOCOL"],
  ["INFO that is not JSON", "INFO {nope\r\n", "ERR_NATS_PROTOCOL"],
  ["INFO that is a list", "INFO []\r\n", "ERR_NATS_PROTOCOL"],
  ["INFO with a wrong type", infoLine({ connect_urls: "a" }), "ERR_NATS_PROTOCOL"],
  ["INFO with a negative max_payload", infoLine({ max_payload: -1 }), "ERR_NATS_PROTOCOL"],
  ["PONG before INFO", "PONG\r\n", "ERR_NATS_CONNECT_TIMEOUT"],
  ["a message before the handshake", `${infoLine()}MSG a 1 1\r\nx\r\n`, "ERR_NATS_PROTOCOL"],
  ["-ERR at once", "-ERR 'Maximum Connections Exceeded'\r\n", "ERR_NATS_MAX_CONNECTIONS"],
  ["-ERR after INFO", `${infoLine()}-ERR 'Authorization Violation'\r\n`, "ERR_NATS_AUTHORIZATION"],
  ["an endless line", "X".repeat(200_000), "ERR_NATS_PROTOCOL"],
  ["an endless INFO", `INFO {${" ".repeat(1_100_000)}`, "ERR_NATS_PROTOCOL"],
  ["silence", "", "ERR_NATS_CONNECT_TIMEOUT"],
  ["an INFO that never ends its line", infoLine().trimEnd(), "ERR_NATS_CONNECT_TIMEOUT"],
];

for (const [name, text, code] of BAD_GREETINGS) {
  test(`connect() answers ${name} with ${code} and frees the socket`, async () => {
    await using server = await FakeServer.start((socket) => {
      socket.write(text);
    });
    await assert.rejects(connect({ port: server.port, ...quick, timeout: 150 }), { code });
    await until("the socket is closed", () => server.open === 0);
  });
}

test("connect() tells a server that closes at once, and one that answers the handshake with nothing", async () => {
  await using closing = await FakeServer.start((socket) => void socket.end());
  await assert.rejects(connect({ port: closing.port, ...quick }), { code: "ERR_NATS_NO_INFO" });
  await using halfway = await FakeServer.start(async (socket, line) => {
    socket.write(infoLine());
    await line();
    socket.end();
  });
  await assert.rejects(connect({ port: halfway.port, ...quick }), { code: "ERR_NATS_CONNECTION" });
});

test("bytes between INFO and TLS are refused: somebody in the middle may have put them there", async () => {
  await using server = await FakeServer.start((socket) => {
    socket.write(`${infoLine({ tls_required: true })}+OK\r\n`);
  });
  await assert.rejects(connect({ port: server.port, ...quick }), { code: "ERR_NATS_PROTOCOL" });
});

test("TLS that was promised and is not there is a TlsError, and nothing of CONNECT has been sent", async () => {
  let sent = "";
  await using server = await FakeServer.start((socket) => {
    socket.on("data", (text) => {
      sent += String(text);
    });
    socket.write(infoLine({ tls_required: true }));
    socket.once("data", () => socket.end("-ERR 'no'\r\n"));
  });
  await assert.rejects(connect({ port: server.port, user: "u", pass: "pw", ...quick }), { code: "ERR_NATS_TLS" });
  assert.ok(!sent.includes("CONNECT"));
  await using stripping = await FakeServer.start((socket) => void socket.write(infoLine()));
  await assert.rejects(connect({ servers: `tls://127.0.0.1:${stripping.port}`, ...quick }), {
    code: "ERR_NATS_SECURE_REQUIRED",
  });
});

const BAD_LATER = [
  "MSG a 1 5\r\nhello!\r\n",
  "MSG a 1 99999999999\r\n",
  "HMSG a 1 9 3\r\nabc\r\n",
  "\0\0\0\n",
  "INFO {\r\n",
];

for (const text of BAD_LATER) {
  test(`${JSON.stringify(text)} in the middle is a lost connection with an error, and a new one is made`, async () => {
    let connections = 0;
    await using server = await FakeServer.start(async (socket, line) => {
      const isFirst = ++connections === 1;
      await greet(socket, line);
      if (isFirst) socket.write(text);
    });
    const nc = await connect({ port: server.port, ...quick });
    const { error } = await nextStatus(nc, "disconnect");
    assert.equal((error as NatsError).code, "ERR_NATS_PROTOCOL");
    await nextStatus(nc, "reconnect");
    await nc.close();
  });
}

test("a session that is cut off at every byte ends in a reconnect each time", async () => {
  const session = `${infoLine()}PONG\r\nMSG a 1 2\r\nhi\r\nPING\r\nHMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n-ERR 'x'\r\n`;
  const bytes = Buffer.from(session);
  let cut = 1;
  await using server = await FakeServer.start((socket) => {
    socket.write(bytes.subarray(0, cut));
    socket.end();
    cut++;
  });
  const nc = await connect({
    port: server.port,
    ...quick,
    retryOnFailedConnect: true,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => 0,
    logger: SILENT_LOGGER,
  });
  nc.subscribe("a", { callback: () => {} });
  await until("every cut has been tried", () => cut > bytes.length);
  assert.notEqual(nc.state, "closed");
  await nc.close();
});

test("a pool that a server fills is bounded, keeps the scheme, and is not told twice", async () => {
  const urls = ["nats://10.0.0.9:1", "ws://10.0.0.9:2", "10.0.0.9:3", "", "a b", "x".repeat(300)];
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line, { connect_urls: urls });
    await line(); // SUB
    socket.write(infoLine({ connect_urls: [...urls, "10.0.0.9:4"] }));
    socket.write(infoLine({ connect_urls: Array.from({ length: 5000 }, (_, i) => `10.0.0.1:${i + 1}`) }));
  });
  const nc = await connect({ port: server.port, ...quick, reconnect: false });
  nc.subscribe("go");
  const update = await nextStatus(nc, "update");
  assert.deepEqual(update.added, ["10.0.0.9:4"]);
  const error = await nc.closed();
  assert.equal((error as NatsError).code, "ERR_NATS_PROTOCOL");
  assert.ok(nc.getServers().length < 20);
});

test("an unanswered server is stale and left", async () => {
  let connections = 0;
  await using server = await FakeServer.start(async (socket, line) => {
    connections++;
    await greet(socket, line);
  });
  const nc = await connect({ port: server.port, ...quick, pingInterval: 10, maxPingOut: 2 });
  const { error } = await nextStatus(nc, "disconnect");
  assert.equal((error as NatsError).code, "ERR_NATS_STALE_CONNECTION");
  await nextStatus(nc, "reconnect");
  assert.ok(connections >= 2);
  await nc.close();
});

test("whatever a server sends, the connection ends in typed errors only", async () => {
  const pieces = fc.array(
    fc.constantFrom(
      "MSG ",
      "a ",
      "1 ",
      "HMSG ",
      "5\r\n",
      "\r\n",
      "PING\r\n",
      "PONG\r\n",
      "-ERR 'Stale Connection'\r\n",
      "INFO {}\r\n",
      "+OK\r\n",
      "junk",
      "\t",
      "99999999 ",
    ),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(pieces, async (texts) => {
      await using server = await FakeServer.start(async (socket, line) => {
        await greet(socket, line);
        socket.end(texts.join(""));
      });
      const error = await connect({ port: server.port, ...quick, reconnect: false }).then(
        (nc) => nc.closed(),
        (refused: unknown) => refused,
      );
      assert.ok(NatsError.isNatsError(error), String(error));
    }),
    { numRuns: Number(process.env["CLIENT_FUZZ"] ?? 100) },
  );
});

test("a message whose headers cannot be read is delivered, and an error is told beside it", async () => {
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    await line(); // SUB
    socket.write("HMSG a 1 8 10\r\nNATS/9.9hi\r\n");
  });
  const nc = await connect({ port: server.port, ...quick });
  const told = nextStatus(nc, "error");
  const sub = nc.subscribe("a");
  const msg = await sub.nextMsg();
  assert.equal(msg.string(), "hi");
  assert.deepEqual(msg.headers?.keys(), []);
  assert.equal(((await told).error as NatsError).code, "ERR_NATS_BAD_HEADER");
  await nc.close();
});
