// The first INFO of a connection speaks to that client; every later one says how the server stands for anybody.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createPlainArena, NodeNetwork } from "@myelin/platform/node";
import { SimClock, SimRandom } from "@myelin/platform/sim";
import { latin1Bytes } from "@myelin/protocol";
import { nkeys } from "@nats-io/transport-node";
import type { Authenticator } from "./connection/context.ts";
import { type InfoSource, infoByTcp, infoByWebSocket } from "./info-content.ts";
import { SILENT_LOGGER } from "./logger.ts";
import { completeOptions, type PartialServerOptions } from "./options.ts";
import { Server } from "./server.ts";
import type { ListenerTls } from "./tls/listener-tls.ts";

/** What a client in this process is told, from the first INFO to the one behind its first PONG. */
async function infosOf(given: PartialServerOptions): Promise<Record<string, unknown>[]> {
  const outside = {
    clock: new SimClock(),
    random: new SimRandom(1),
    network: new NodeNetwork(),
    arena: createPlainArena(1 << 20),
    logger: SILENT_LOGGER,
  };
  const server = new Server({ listen: false, ...given }, outside);
  await server.start();
  const client = server.connectInProcess();
  let text = "";
  client.open({
    received: (bytes, start, end) => void (text += Buffer.from(bytes.subarray(start, end)).toString()),
    written() {},
    ended() {},
    closed() {},
  });
  client.write(latin1Bytes('CONNECT {"verbose":false,"protocol":1}\r\nPING\r\n'));
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  await server.close();
  return [...text.matchAll(/INFO (\{.*\}) \r\n/g)].map(
    ([, json]) => JSON.parse(json as string) as Record<string, unknown>,
  );
}

test("a nonce is told once, and that users are asked for where this client need not say who it is, later", async () => {
  const users = [{ user: "joe", pass: "p" }, { nkey: nkeys.createUser().getPublicKey() }];
  const [first, later] = await infosOf({ users, noAuthUser: "joe" });
  assert.ok(first !== undefined && later !== undefined);
  assert.deepEqual([typeof first["nonce"], first["auth_required"]], ["string", undefined]);
  assert.deepEqual([later["nonce"], later["auth_required"], later["connect_info"]], [undefined, true, true]);
});

test("that TLS is required is told only before a handshake that begins with it, where it is not required of all", () => {
  const authenticator = { required: false, asks: false } as unknown as Authenticator;
  const tls = { allowNonTls: true, settings: { verify: false } } as unknown as ListenerTls;
  const options = completeOptions({});
  const source: InfoSource = {
    ...{ id: "N", name: "n", xkey: "X", port: 1, options, isLameDuck: false },
    ...{ authenticator, tls },
  };
  assert.deepEqual(
    (["client", "tls-first", "later", "no-tls", "later-no-tls"] as const).map((face) => {
      const { tls_available, tls_required } = infoByTcp(source, face);
      return [tls_required, tls_available];
    }),
    [
      [undefined, true],
      [true, true],
      [undefined, true],
      [undefined, undefined],
      [undefined, undefined],
    ],
  );
});

test("by WebSocket the first INFO says whether its own users are asked for, a later one what holds for TCP", () => {
  const asks = { required: true, asks: true } as unknown as Authenticator;
  const open = { required: false, asks: false } as unknown as Authenticator;
  const source: InfoSource = {
    ...{ id: "N", name: "n", xkey: "X", port: 1, options: completeOptions({}), isLameDuck: false },
    ...{ authenticator: open, tls: null },
  };
  assert.equal(infoByWebSocket(source, 2, asks, "no-tls").auth_required, true);
  assert.equal(infoByWebSocket(source, 2, asks, "later-no-tls").auth_required, false);
});
