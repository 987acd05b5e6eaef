// Functions of the user that hang or throw, huge and odd input, times beyond what a timer holds.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { parseHeaderBlock, publishSubjectProblem, queueGroupProblem, subscribeSubjectProblem } from "@myelin/protocol";
import { parseCreds } from "./auth/creds.ts";
import { expandPath } from "./auth/files-node.ts";
import { decodeSeed } from "./auth/nkey.ts";
import { connectWith } from "./connect-with.ts";
import { parseDuration } from "./context/environment.ts";
import { FakeServer, greet, infoLine } from "./fixtures/fake-server.ts";
import { until } from "./fixtures/until.ts";
import { canonicalMIMEHeaderKey, toHeaders } from "./headers.ts";
import {
  ambientOptions,
  type ConnectionOptions,
  connect,
  headers,
  millis,
  nanos,
  SILENT_LOGGER,
  wsconnect,
} from "./node.ts";
import { createNodeRuntime } from "./runtime-node.ts";
import { parseServerError } from "./server-error.ts";
import { parseServerInfo } from "./server-info.ts";
import { redacted } from "./servers/address.ts";
import { readServers } from "./servers/read-servers.ts";

const never = (): Promise<never> => new Promise(() => {});
const quick = { timeout: 100, reconnectTimeWait: 1, reconnectJitter: 0, logger: SILENT_LOGGER } as const;

async function answering(): Promise<FakeServer> {
  return FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    for (;;) if ((await line()) === "PING") socket.write("PONG\r\n");
  });
}

test("connect() ends in time when an authenticator, a dialer, a WebSocket or a name server never answers", async () => {
  await using server = await FakeServer.start((socket) => void socket.write(infoLine({ nonce: "abc" })));
  const { port } = server;
  const hanging: ReadonlyArray<readonly [string, () => Promise<unknown>]> = [
    ["authenticator", () => connect({ ...quick, port, authenticator: never })],
    ["dialer", () => connect({ ...quick, port, dialer: never })],
    ["WebSocket", () => wsconnect({ ...quick, servers: `ws://127.0.0.1:${port}`, wsFactory: never })],
    [
      "name server",
      () =>
        connectWith({ ...createNodeRuntime(), resolveHost: never }, { ...quick, servers: "far.example" }, "nats", () =>
          assert.fail(),
        ),
    ],
  ];
  for (const [name, open] of hanging) await assert.rejects(open(), { code: "ERR_NATS_CONNECT_TIMEOUT" }, name);
  const stop = new AbortController();
  const aborted = connect({ ...quick, timeout: 60_000, port, authenticator: never, signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(aborted, { message: "enough" });
  await until("the sockets are closed", () => server.open === 0);
});

test("a dialer's stream that comes too late is closed", async () => {
  await using server = await answering();
  const { connect: dial } = await import("node:net");
  let give = (): void => {};
  let isClosed = false;
  const dialer = async (): Promise<ReturnType<typeof dial>> => {
    await new Promise<void>((resolve) => {
      give = resolve;
    });
    const socket = dial(server.port, "127.0.0.1");
    socket.on("close", () => {
      isClosed = true;
    });
    return socket;
  };
  await assert.rejects(connect({ ...quick, dialer }), { code: "ERR_NATS_CONNECT_TIMEOUT" });
  give();
  await until("the stream is closed", () => isClosed);
});

test("a logger that throws, a listener that rejects and one that throws harm nothing", async (t) => {
  const printed: string[] = [];
  t.mock.method(console, "error", (text: string) => printed.push(text));
  await using server = await answering();
  const fail = (): never => {
    throw new Error("no disk");
  };
  const logger = { debug: fail, info: fail, warn: fail, error: fail };
  const nc = await connect({ ...quick, port: server.port, logger, debug: true });
  let told = 0;
  nc.subscribe("a", { callback: fail });
  const rejects: () => unknown = async () => {
    await turn();
    throw new Error("rejected");
  };
  nc.on("reconnect", rejects);
  nc.on("reconnect", fail);
  nc.on("reconnect", () => told++);
  await nc.reconnect();
  await until("everyone was told", () => told === 1 && printed.some((text) => text.includes("rejected")));
  await nc.flush();
  await nc.close();
  assert.ok(printed.every((text) => text.includes("the logger threw Error: no disk")));
});

test("a signal may carry any reason", async () => {
  await using server = await answering();
  const nc = await connect({ ...quick, port: server.port });
  for (const reason of ["text", 5, null, { a: 1 }]) {
    await assert.rejects(nc.request("a", "", { signal: AbortSignal.abort(reason) }), (given) => given === reason);
    const stop = new AbortController();
    const asked = nc.request("a", "", { signal: stop.signal });
    stop.abort(reason);
    await assert.rejects(asked, (given) => given === reason);
  }
  await nc.close();
});

test("times beyond 2^31 ms do not run out at once", async (t) => {
  const warnings: string[] = [];
  const warned = (warning: Error): void => void warnings.push(warning.name);
  process.on("warning", warned);
  t.after(() => process.off("warning", warned));
  await using server = await answering();
  const LONG = 2 ** 31 * 3;
  const options: ConnectionOptions = { port: server.port, logger: SILENT_LOGGER };
  for (const name of [
    "timeout",
    "pingInterval",
    "reconnectTimeWait",
    "requestTimeout",
    "flushTimeout",
    "drainTimeout",
  ] as const) {
    options[name] = LONG;
  }
  const nc = await connect(options);
  const ends: string[] = [];
  const stop = new AbortController();
  const note = (what: string) => (): void => void ends.push(what);
  const { signal } = stop;
  nc.request("a", "").then(note("request"), note("request"));
  nc.request("a", "", { timeout: Number.MAX_SAFE_INTEGER, signal }).then(note("long"), note("long"));
  nc.subscribe("b", { timeout: LONG }).nextMsg({ timeout: LONG }).then(note("nextMsg"), note("nextMsg"));
  for (let i = 0; i < 20; i++) await nc.flush({ timeout: LONG });
  assert.deepEqual(ends, []);
  stop.abort();
  await nc.close();
  await turn();
  assert.deepEqual(warnings, [], "Node warns of times that it shortens to a millisecond");
});

test("numbers that no double holds are refused or kept as they are", () => {
  const info = (fields: string) => parseServerInfo(`{"max_payload":1048576,${fields}}`);
  assert.equal(info('"client_id":18446744073709551615').client_id, 2 ** 64);
  for (const size of ["-1", "2147483648", "1e999", "1.5e300"]) {
    assert.throws(() => parseServerInfo(`{"max_payload":${size}}`), { code: "ERR_NATS_PROTOCOL" }, size);
  }
  assert.equal(nanos(1), 1_000_000);
  assert.equal(nanos(9_007_199_254), 9_007_199_254_000_000);
  assert.equal(millis(nanos(1_234_567)), 1_234_567);
  assert.equal(millis(1_999_999), 1);
});

test("counts for the wire are whole numbers", async () => {
  await using server = await answering();
  const nc = await connect({ ...quick, port: server.port });
  const sub = nc.subscribe("a");
  for (const max of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e21]) {
    assert.throws(() => nc.subscribe("a", { max }), { code: "ERR_NATS_INVALID_ARGUMENT" }, `max ${max}`);
  }
  for (const max of [1.5, 1e21]) assert.throws(() => sub.unsubscribe(max), { code: "ERR_NATS_INVALID_ARGUMENT" });
  await nc.close();
});

test("no text of 64 KiB keeps a reader of texts busy", () => {
  const SIZE = 64 * 1024;
  const fill = (unit: string): string => unit.repeat(Math.ceil(SIZE / unit.length)).slice(0, SIZE);
  const texts = [
    "-",
    "--- ",
    "---\n",
    "-----x",
    " ",
    " \n",
    "\t",
    "a",
    "a.",
    ".",
    "@",
    "a@",
    ":",
    "::1",
    "//",
    "/",
    "1",
    "1h",
    "1.",
    "$a",
    "${",
    "'",
    '"',
    ",",
    "%",
    "%4",
    "\\",
    "é",
    "\ud800",
    "a-",
    "[",
    "]",
    "x:y",
    "NATS/1.0 ",
  ].map(fill);
  const readers: ReadonlyArray<(text: string) => unknown> = [
    publishSubjectProblem,
    subscribeSubjectProblem,
    queueGroupProblem,
    readServers,
    redacted,
    parseDuration,
    parseServerError,
    parseServerInfo,
    canonicalMIMEHeaderKey,
    (text) => toHeaders({ k: text }).encode(),
    (text) => headers(200, text),
    (text) => parseHeaderBlock(Buffer.from(`NATS/1.0\r\n${text}\r\n\r\n`)),
    (text) => parseHeaderBlock(Buffer.from(`${text}\r\n\r\n`)),
    (text) => parseCreds(Buffer.from(text)),
    (text) => decodeSeed(Buffer.from(text)),
    (text) => expandPath(text, {}),
  ];
  const startMs = performance.now();
  for (const read of readers) {
    for (const text of texts) {
      for (const given of [`${text}x`, `x${text}\n`]) {
        try {
          read(given);
        } catch {
          continue; // refused: that is as good
        }
      }
    }
  }
  // Some 140 MB are read in a second; what backtracks takes minutes for one of the texts.
  assert.ok(performance.now() - startMs < 30_000);
});

test("variables that objects have anyway are not found in an environment", async () => {
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
    assert.throws(() => expandPath(`$${name}/x`, {}), { code: "ERR_NATS_BAD_CREDENTIALS" });
    assert.throws(() => expandPath(`\${${name}}/x`), { code: "ERR_NATS_BAD_CREDENTIALS" });
  }
  assert.deepEqual((await ambientOptions({ env: JSON.parse('{"__proto__":{"NATS_URL":"x"}}') as never })).options, {});
});

test("a WebSocket server cannot unpack a bomb here", async () => {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: { threshold: 0 } });
  await new Promise((resolve) => server.once("listening", resolve));
  const bomb = new Uint8Array(64 * 1024 * 1024).fill(0x20);
  server.on("connection", (socket) => {
    socket.send(infoLine());
    socket.on("error", () => {});
    socket.once("message", () => {
      socket.send("PONG\r\n");
      socket.send(bomb);
    });
  });
  const { port } = server.address() as { port: number };
  const nc = await wsconnect({
    servers: `ws://127.0.0.1:${port}`,
    compression: true,
    messageBytesMax: 1024,
    reconnect: false,
    logger: SILENT_LOGGER,
  });
  const reason = await nc.closed();
  assert.match(String(reason), /Max payload size exceeded/);
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
});

test("nothing but what was written goes out, and what came in is whole, whatever memory held before", async () => {
  const CANARY = 0xee;
  let wire = Buffer.alloc(0);
  await using server = await FakeServer.start((socket) => {
    socket.setEncoding("latin1");
    socket.write(infoLine());
    socket.on("data", (text) => {
      wire = Buffer.concat([wire, Buffer.from(String(text), "latin1")]);
      if (String(text).endsWith("PING\r\n")) socket.write("PONG\r\n");
    });
  });
  const runtime = createNodeRuntime();
  const text = { ...runtime.text, allocate: (size: number) => runtime.text.allocate(size).fill(CANARY) };
  const nc = await connectWith({ ...runtime, text }, { ...quick, port: server.port }, "nats", () => assert.fail());
  for (let round = 0; round < 20; round++) {
    for (const size of [0, 1, 31, 32, 33, 2_000, 64_000, 65_536, 70_000]) {
      nc.publish(
        `a.${"b".repeat(round)}`,
        "x".repeat(size),
        size % 2 === 0 ? { headers: { k: "v" }, reply: "r.ü" } : {},
      );
    }
    nc.subscribe("c.>").unsubscribe();
    if (round % 10 === 9) await nc.flush({ timeout: 10_000 });
  }
  await nc.close();
  assert.ok(wire.length > 20 * 200_000);
  assert.ok(!wire.includes(CANARY));
});

test("the client needs no package but Myelin's own", async () => {
  const manifest = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
    dependencies: Record<string, string>;
    peerDependenciesMeta: Record<string, { optional: boolean }>;
    scripts?: Record<string, string>;
  };
  assert.deepEqual(Object.keys(manifest.dependencies), ["@myelin/platform", "@myelin/protocol"]);
  assert.ok(Object.values(manifest.peerDependenciesMeta).every(({ optional }) => optional));
  assert.equal(manifest.scripts, undefined, "nothing runs when it is installed");
});
