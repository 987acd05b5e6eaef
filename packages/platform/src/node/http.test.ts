// What nodeHttpFetch does with servers of every kind.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createPlainServer } from "node:net";
import { type TestContext, test } from "node:test";
import type { HttpRequest } from "../http.ts";
import { nodeHttpFetch } from "./http.ts";

const LIMITS = { timeoutMs: 20_000, answerBytesMax: 100 };

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("nodeHttpFetch() sends method, headers and body, and gives status and body of any answer", async (t) => {
  const url = await serve(t, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { headers, method } = request;
      const said = [method, request.url, headers["x-a"], headers["content-length"], Buffer.concat(chunks).toString()];
      response.writeHead(418).end(JSON.stringify(said));
    });
  });
  const post: HttpRequest = { method: "POST", url, headers: { "X-A": "b" }, body: Buffer.from("hello"), ...LIMITS };
  const { body, status } = await nodeHttpFetch(post);
  assert.deepEqual([status, JSON.parse(String(body))], [418, ["POST", "/", "b", "5", "hello"]]);
  const get = await nodeHttpFetch({ method: "GET", url: `${url}a%2Fb`, ...LIMITS });
  assert.deepEqual(JSON.parse(String(get.body)), ["GET", "/a%2Fb", null, null, ""]);
});

test("nodeHttpFetch() does not follow a redirection", async (t) => {
  const url = await serve(t, (_request, response) =>
    response.writeHead(302, { Location: "http://127.0.0.1:1/" }).end(),
  );
  assert.equal((await nodeHttpFetch({ method: "GET", url, ...LIMITS })).status, 302);
});

test("nodeHttpFetch() takes answers up to the limit, and no longer ones", async (t) => {
  const url = await serve(t, (request, response) => response.end("x".repeat(Number(request.url?.slice(1)))));
  const ask = (size: number): ReturnType<typeof nodeHttpFetch> =>
    nodeHttpFetch({ method: "GET", url: url + String(size), ...LIMITS });
  assert.equal((await ask(100)).body.length, 100);
  await assert.rejects(ask(101), { message: "an answer of more than 100 bytes" });
  await assert.rejects(ask(10_000_000), { message: "an answer of more than 100 bytes" });
});

test("nodeHttpFetch() ends with its time, before an answer begins and in the middle of one", async (t) => {
  const silent = await serve(t, () => {});
  const slow = await serve(t, (_request, response) => void response.write("a"));
  for (const url of [silent, slow]) {
    const asked = nodeHttpFetch({ method: "GET", url, ...LIMITS, timeoutMs: 100 });
    await assert.rejects(asked, { message: "no answer within 100 ms" });
  }
});

test("nodeHttpFetch() ends with its signal, with a server that is not there, and with what is no HTTP", async (t) => {
  const url = await serve(t, () => {});
  const ended = new AbortController();
  const asked = nodeHttpFetch({ method: "GET", url, ...LIMITS, signal: ended.signal });
  ended.abort();
  await assert.rejects(asked, { name: "AbortError" });
  await assert.rejects(nodeHttpFetch({ method: "GET", url: "http://127.0.0.1:1/", ...LIMITS }), {
    code: "ECONNREFUSED",
  });
  const other = createPlainServer((socket) => socket.end("no\r\n")).listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const otherUrl = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
  await assert.rejects(nodeHttpFetch({ method: "GET", url: otherUrl, ...LIMITS }), { code: /^HPE_/ });
});
