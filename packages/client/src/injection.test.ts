// Whatever text is given, the wire carries one operation for one call, with just that text in it, or the call throws.
// A few hundred cases by default; CLIENT_FUZZ=100000 runs the long form.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NatsError } from "./errors.ts";
import { FakeServer, greet, infoLine } from "./fixtures/fake-server.ts";
import { SERVERS } from "./fixtures/servers.ts";
import { until } from "./fixtures/until.ts";
import { connect, MsgHdrsImpl, SILENT_LOGGER } from "./node.ts";

const RUNS = Number(process.env["CLIENT_FUZZ"] ?? 300);

interface Operation {
  readonly name: string;
  readonly tokens: readonly string[];
  readonly body: string;
}

/** Takes the client's bytes apart, strictly: what is no operation of a client fails. */
function operationsOf(wire: string): Operation[] {
  const operations: Operation[] = [];
  let at = 0;
  while (at < wire.length) {
    const lineEnd = wire.indexOf("\r\n", at);
    assert.ok(lineEnd >= 0, JSON.stringify(wire.slice(at)));
    const [name = "", ...tokens] = wire.slice(at, lineEnd).split(" ");
    assert.match(name, /^(PUB|HPUB|SUB|UNSUB|PING|PONG|CONNECT)$/);
    if (name !== "CONNECT") for (const token of tokens) assert.match(token, /^[^ \t\r\n\0]+$/);
    at = lineEnd + 2;
    let body = "";
    if (name.endsWith("PUB")) {
      const size = Number(tokens.at(-1));
      body = wire.slice(at, at + size);
      assert.equal(wire.slice(at + size, at + size + 2), "\r\n");
      at += size + 2;
    }
    operations.push({ name, tokens, body });
  }
  return operations;
}

/** A server that writes down what it gets, byte by byte as latin1. */
async function recorder() {
  const wire = { text: "" };
  const server = await FakeServer.start((socket) => {
    socket.write(infoLine());
    socket.on("data", (text) => {
      wire.text += String(text);
      if (wire.text.endsWith("PING\r\n")) socket.write("PONG\r\n");
    });
  });
  return { server, wire };
}

const utf8 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const HOSTILE = [
  "a",
  ".",
  "*",
  ">",
  " ",
  "\r",
  "\n",
  "\r\n",
  "\t",
  "\0",
  ":",
  "é",
  "\u2028",
  "\u0085",
  "😀",
  "\ud800",
  "\udc00",
];
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...HOSTILE), maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("a\r\nPUB x 0\r\n", "a 0\r\n\r\nPUB x", "a\nSUB > 9", "x\r\n\r\nPING"),
);

/** Runs a call; true when it was done, false when it was refused as it should be. */
function done(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    assert.ok(NatsError.isNatsError(error), String(error));
    return false;
  }
}

test("publish(), subscribe(), request() and headers put one operation on the wire, or throw", async (t) => {
  const { server, wire } = await recorder();
  await using _server = server;
  const nc = await connect({ port: server.port, logger: SILENT_LOGGER });
  t.after(() => nc.close());
  await assert.rejects(nc.request("first", "", { timeout: 1 })); // opens the inbox of all requests
  await nc.flush();
  await fc.assert(
    fc.asyncProperty(text, text, text, text, async (subject, other, name, value) => {
      wire.text = "";
      const expected: string[][] = [];
      if (done(() => nc.publish(subject, value, { reply: other }))) expected.push(["PUB", utf8(subject), utf8(other)]);
      if (done(() => nc.publish("h", value, { headers: { [name]: value } }))) expected.push(["HPUB", "h"]);
      if (done(() => nc.subscribe(subject, { queue: other }).unsubscribe()))
        expected.push(["SUB", utf8(subject), utf8(other)], ["UNSUB"]);
      const stop = new AbortController();
      const asked = nc.request(subject, value, { timeout: 60_000, signal: stop.signal });
      stop.abort(new Error("stopped"));
      const ended = await asked.catch((error: unknown) => error);
      if ((ended as Error).message === "stopped") expected.push(["PUB", utf8(subject)]);
      else assert.ok(NatsError.isNatsError(ended), String(ended));
      await nc.flush();
      const got = operationsOf(wire.text).filter((operation) => operation.name !== "PING");
      assert.deepEqual(
        got.map(({ name: operation, tokens }, index) => [operation, ...tokens].slice(0, expected[index]?.length ?? 9)),
        expected,
      );
      const hpub = got.find((operation) => operation.name === "HPUB");
      if (hpub !== undefined) assert.equal(hpub.body.split("\r\n\r\n")[0]?.split(/\r|\n/).filter(Boolean).length, 2);
    }),
    { numRuns: RUNS },
  );
});

test("names, passwords and inbox prefixes put one CONNECT on the wire, or connect() throws", async () => {
  const { server, wire } = await recorder();
  await using _server = server;
  await fc.assert(
    fc.asyncProperty(text, text, text, async (name, pass, inboxPrefix) => {
      wire.text = "";
      const options = { port: server.port, name, user: name, pass, inboxPrefix, logger: SILENT_LOGGER };
      const nc = await connect(options).catch((error: unknown) => {
        assert.ok(NatsError.isNatsError(error), String(error));
        return null;
      });
      if (nc === null) return;
      nc.subscribe(nc.newInbox());
      await nc.flush();
      await nc.close();
      const names = operationsOf(wire.text).map((operation) => operation.name);
      assert.deepEqual(names, ["CONNECT", "PING", "SUB", "PING"]);
      const sent = JSON.parse(Buffer.from(wire.text.split("\r\n")[0]?.slice(8) ?? "", "latin1").toString()) as object;
      const fields = sent as { name?: string; user?: string; pass?: string };
      const isText = (shown: string): boolean => !/\p{Surrogate}/u.test(shown); // half a pair has no UTF-8
      if (isText(name)) assert.deepEqual([fields.name, fields.user], [name, name]);
      if (isText(pass)) assert.equal(fields.pass, pass);
    }),
    { numRuns: Math.ceil(RUNS / 5) },
  );
});

test("headers that were received with bare line ends are not sent on", async () => {
  const block = (fields: string): MsgHdrsImpl => MsgHdrsImpl.decode(Buffer.from(`NATS/1.0${fields}\r\n\r\n`));
  for (const fields of ["\r\nA: b\nEvil: c", "\r\nA: b\rEvil: c", "\r\nA\nEvil: c", "\r\nA b: c", " 200 a\nb: c"]) {
    const headers = block(fields);
    assert.throws(() => headers.encode(), { code: "ERR_NATS_BAD_HEADER" }, JSON.stringify(fields));
  }
  assert.equal(block("\r\nA: b\r\nA: c").toString(), "NATS/1.0\r\nA: b\r\nA: c\r\n\r\n");
});

test("a reply that is not UTF-8 is not answered on another subject, and payloads are bytes", async () => {
  const lines: string[] = [];
  await using server = await FakeServer.start(async (socket, line) => {
    await greet(socket, line);
    await line(); // SUB
    socket.write(Buffer.from("MSG a 1 r.\xff 2\r\n\xfe\xff\r\nMSG a 1 r.\ufffd 0\r\n\r\n", "latin1").subarray(0, 19));
    socket.write(Buffer.from("MSG a 1 r.\ufffd 0\r\n\r\n", "utf8"));
    for (;;) lines.push(await line());
  });
  const nc = await connect({ port: server.port, logger: SILENT_LOGGER });
  const failures: unknown[] = [];
  const payloads: number[][] = [];
  nc.on("error", ({ error }) => failures.push((error.cause as { code?: string }).code));
  nc.subscribe("a", {
    callback: (_error, m) => {
      payloads.push([...m.data]);
      m.respond("");
    },
  });
  await until("both have come", () => payloads.length === 2 && lines.length > 0);
  assert.deepEqual(failures, ["ERR_NATS_BAD_SUBJECT"]);
  assert.deepEqual(payloads, [[0xfe, 0xff], []]);
  assert.equal(lines[0], `PUB ${utf8("r.\ufffd")} 0`);
  await nc.close();
});

/** Names that objects have anyway. */
const MAGIC = [
  ...Object.getOwnPropertyNames(Object.prototype),
  ...Object.getOwnPropertyNames(Function.prototype),
  ...Object.getOwnPropertyNames(Promise.prototype),
  ..."prototype then toJSON __esModule null undefined NaN true 0 -1 length size default inspect".split(" "),
];

for (const kind of SERVERS) {
  test(`names that objects have anyway are names like others, ${kind.name}`, { skip: kind.skip }, async () => {
    await using server = await kind.start();
    const nc = await connect({ port: server.port, name: "__proto__" });
    const got: unknown[] = [];
    const magic = [...new Set(MAGIC)];
    assert.ok(magic.length >= 30);
    for (const name of magic) {
      const callback = (_error: Error | null, m: { subject: string; headers?: unknown }): void => {
        const headers = m.headers as MsgHdrsImpl;
        got.push([m.subject, headers.get(name), headers.keys(), Object.entries(headers.toRecord())]);
      };
      nc.subscribe(name, { queue: name, callback });
      const headers = JSON.parse(`{${JSON.stringify(name)}: "v"}`) as Record<string, string>;
      nc.publish(name, "", { headers, reply: name });
    }
    await nc.flush();
    assert.deepEqual(
      got,
      magic.map((name) => [name, "v", [name], [[name, ["v"]]]]),
    );
    assert.deepEqual(Object.keys(Object.prototype), []);
    await nc.close();
  });
}
