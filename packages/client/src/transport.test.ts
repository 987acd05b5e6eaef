import assert from "node:assert/strict";
import { connect as netConnect } from "node:net";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type DuplexSink, duplexPair } from "@myelin/platform";
import { infoLine } from "./fixtures/fake-server.ts";
import { SERVERS } from "./fixtures/servers.ts";
import { nextStatus } from "./fixtures/until.ts";
import * as node from "./node.ts";
import * as web from "./web.ts";

/** A server of a few lines at one end of a pair. */
function inProcess(): { connectInProcess(): ReturnType<typeof duplexPair>[0] } {
  return {
    connectInProcess() {
      const [ours, theirs] = duplexPair();
      let text = "";
      const send = (line: string): void => void ours.write(new TextEncoder().encode(line));
      const sink: DuplexSink = {
        received(bytes, start, end) {
          text += new TextDecoder().decode(bytes.subarray(start, end));
          for (let at = text.indexOf("\r\n"); at >= 0; at = text.indexOf("\r\n")) {
            const line = text.slice(0, at);
            const pub = /^PUB (\S+) (\d+)$/.exec(line);
            if (pub !== null && text.length < at + 4 + Number(pub[2])) return;
            text = text.slice(at + 2);
            if (line === "PING") send("PONG\r\n");
            if (pub !== null) {
              const payload = text.slice(0, Number(pub[2]));
              text = text.slice(Number(pub[2]) + 2);
              send(`MSG ${pub[1]} 1 ${pub[2]}\r\n${payload}\r\n`);
            }
          }
        },
        written() {},
        ended: () => ours.close(),
        closed() {},
      };
      ours.open(sink);
      send(infoLine({ tls_required: true }));
      return theirs;
    },
  };
}

for (const [name, connect] of [
  ["node", node.connect],
  ["web", web.connect],
] as const) {
  test(`connect({ inProcessServer }) needs no socket (${name})`, async () => {
    const nc = await connect({ inProcessServer: inProcess() });
    const sub = nc.subscribe("a");
    nc.publish("a", "hello");
    assert.equal((await sub.nextMsg()).string(), "hello");
    assert.equal(nc.remoteAddress, null);
    await nc.close();
    assert.equal(nc.state, "closed");
  });
}

for (const kind of SERVERS) {
  describe(`transports, ${kind.name}`, { skip: kind.skip }, () => {
    const webSocket = 'websocket { listen: "127.0.0.1:-1", no_tls: true, compression: true }';

    test("WebSocket carries messages of every size, with and without compression, and comes back after a loss", {
      skip: kind.without("websocket"),
    }, async () => {
      await using server = await kind.start({ config: webSocket });
      for (const compression of [false, true]) {
        const nc = await node.wsconnect({
          servers: `ws://127.0.0.1:${server.webSocketPort}`,
          compression,
          webSocketHeaders: () => ({ "X-Test": "1" }),
          reconnectTimeWait: 1,
          reconnectJitter: 0,
        });
        const sub = nc.subscribe("size");
        for (const size of [0, 1, 1000, 100_000, 1_000_000]) {
          nc.publish("size", new Uint8Array(size).fill(size & 0xff));
          const data = (await sub.nextMsg({ timeout: 5000 })).data;
          assert.equal(data.length, size);
          assert.ok(data.every((byte) => byte === (size & 0xff)));
        }
        const back = nextStatus(nc, "reconnect");
        await nc.reconnect();
        await back;
        nc.publish("size", "again");
        assert.equal((await sub.nextMsg({ timeout: 5000 })).string(), "again");
        await nc.drain();
      }
    });

    test("the web form works with a WebSocket from wsFactory, beside a TCP connection of the same process", {
      skip: kind.without("websocket"),
    }, async () => {
      await using server = await kind.start({ config: webSocket });
      const { WebSocket } = await import("ws");
      const overWeb = await web.connect({
        servers: `ws://127.0.0.1:${server.webSocketPort}`,
        wsFactory: (url) => new WebSocket(url),
      });
      const overTcp = await node.connect({ port: server.port });
      overTcp.subscribe("echo", { callback: (_error, m) => void m.respond(m.data, { headers: { a: "ü" } }) });
      await overTcp.flush();
      const answer = await overWeb.request("echo", "grüße", { timeout: 10_000 });
      assert.equal(answer.string(), "grüße");
      assert.equal(answer.headers?.get("a"), "ü");
      await overWeb.close();
      await overTcp.close();
      await assert.rejects(web.connect({ servers: "nats://127.0.0.1:4222" }), { code: "ERR_NATS_CONNECTION" });
    });

    test("wss:// is verified by the authority that is given, and is as good as TLS", {
      skip: kind.without("websocket", "tls"),
    }, async () => {
      const testdata = fileURLToPath(new URL("../testdata", import.meta.url));
      const tls = `tls { cert_file: "${testdata}/server.pem", key_file: "${testdata}/server-key.pem" }`;
      await using server = await kind.start({ config: `websocket { listen: "127.0.0.1:-1"\n${tls} }` });
      const servers = `wss://localhost:${server.webSocketPort}`;
      const nc = await node.connect({ servers, tls: { caFile: `${testdata}/ca.pem` } });
      nc.subscribe("echo", { callback: (_error, m) => void m.respond(m.data) });
      assert.equal((await nc.request("echo", "safe", { timeout: 10_000 })).string(), "safe");
      await nc.close();
      await assert.rejects(node.connect({ servers, tls: {} }), { code: "ERR_NATS_TRANSPORT" });
      await using plain = await kind.start({ config: webSocket });
      const unsafe = { servers: `ws://localhost:${plain.webSocketPort}`, tls: {} };
      await assert.rejects(node.connect(unsafe), { code: "ERR_NATS_SECURE_REQUIRED" });
    });

    test("a custom dialer may bring any stream", async () => {
      await using server = await kind.start();
      let dialled = "";
      const nc = await node.connect({
        servers: "far.example:9",
        dialer: async (host, port) => {
          dialled = `${host}:${port}`;
          const socket = netConnect(server.port, "127.0.0.1");
          await new Promise((resolve) => socket.once("connect", resolve));
          return socket;
        },
      });
      assert.equal(dialled, "far.example:9");
      await nc.flush();
      await nc.close();
    });
  });
}
