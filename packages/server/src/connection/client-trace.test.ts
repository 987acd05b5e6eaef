import assert from "node:assert/strict";
import { test } from "node:test";
import { createPlainArena, NodeNetwork } from "@myelin/platform/node";
import { SimClock, SimRandom } from "@myelin/platform/sim";
import { latin1Bytes } from "@myelin/protocol";
import { SILENT_LOGGER } from "../logger.ts";
import { Server } from "../server.ts";
import { redact } from "./client-trace.ts";

for (const [line, wanted] of [
  ['{"user":"u","pass":"s3cret"}', '{"user":"u","pass":"[REDACTED]"}'],
  ['{"auth_token":"s3cret","name":"n"}', '{"auth_token":"[REDACTED]","name":"n"}'],
  ['{"password": "s3cret"}', '{"password": "[REDACTED]"}'],
  [
    '{"sig":"s3cret","nkey":"s3cret","proxy_sig":"s3cret"}',
    '{"sig":"[REDACTED]","nkey":"[REDACTED]","proxy_sig":"[REDACTED]"}',
  ],
  ['{"jwt":"s3cret"}', '{"jwt":"[REDACTED]"}'],
  ["{pass:s3cret}", "{pass:[REDACTED]}"],
] as const) {
  test(`redact() hides the secret in ${line}`, () => {
    assert.equal(redact(line), wanted);
  });
}

test("a traced session has the reference's lines and no secret", async () => {
  const lines: string[] = [];
  const outside = {
    clock: new SimClock(),
    random: new SimRandom(1),
    network: new NodeNetwork(),
    arena: createPlainArena(1 << 20),
    logger: { ...SILENT_LOGGER, trace: (text: string) => lines.push(text.replace(/^.* - (?=[<-])/, "")) },
  };
  const server = new Server({ listen: false, trace: true, user: "u", pass: "s3cret" }, outside);
  await server.start();
  const client = server.connectInProcess();
  client.open({ received() {}, written() {}, ended() {}, closed() {} });
  client.write(
    latin1Bytes(
      'CONNECT {"verbose":false,"pedantic":false,"headers":true,"user":"u","pass":"s3cret"}\r\nSUB a q 1\r\nUNSUB 1 2\r\n' +
        "PUB a r 2\r\nhi\r\nHPUB a 12 13\r\nNATS/1.0\r\n\r\nx\r\nPING\r\n",
    ),
  );
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  await server.close();
  assert.deepEqual(lines, [
    '<<- [CONNECT {"verbose":false,"pedantic":false,"headers":true,"user":"u","pass":"[REDACTED]"}]',
    "<<- [SUB a q 1]",
    "<<- [UNSUB 1 2]",
    "<<- [PUB a r 2]",
    '<<- MSG_PAYLOAD: ["hi"]',
    "->> [MSG a 1 r 2]",
    '->> MSG_PAYLOAD: ["hi"]',
    "<<- [HPUB a 12 13]",
    '<<- MSG_PAYLOAD: ["NATS/1.0\\r\\n\\r\\nx"]',
    "->> [HMSG a 1 12 13]",
    '->> MSG_PAYLOAD: ["NATS/1.0\\r\\n\\r\\nx"]',
    "<-> [DELSUB 1]",
    "<<- [PING]",
    "->> [PONG]",
  ]);
});

test("what a connection does and how it ends is told in the reference's order", async () => {
  const lines: string[] = [];
  const told = (text: string): void => void lines.push(text.replace(/^.*cid:1( - "[^"]*")* - /, ""));
  const clock = new SimClock();
  const outside = {
    clock,
    random: new SimRandom(1),
    network: new NodeNetwork(),
    arena: createPlainArena(1 << 20),
    logger: { ...SILENT_LOGGER, trace: told, debug: told },
  };
  const server = new Server({ listen: false, debug: true, trace: true, pingIntervalMs: 10_000 }, outside);
  await server.start();
  const client = server.connectInProcess();
  client.open({ received() {}, written() {}, ended() {}, closed() {} });
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  client.write(latin1Bytes('CONNECT {"verbose":true}\r\nSUB a 1\r\n'));
  await turns();
  clock.advance(2_400);
  client.write(latin1Bytes("PONG\r\n"));
  await turns();
  clock.advance(6_000);
  client.write(latin1Bytes("PUB b 0\r\n\r\n"));
  await turns();
  clock.advance(4_000);
  client.destroy();
  await turns();
  await server.close();
  assert.deepEqual(lines, [
    "Client connection created",
    '<<- [CONNECT {"verbose":true}]',
    "->> [OK]",
    "<<- [SUB a 1]",
    "->> [OK]",
    "Client Ping Timer",
    "->> [PING]",
    "<<- [PONG]",
    "<<- [PUB b 0]",
    "->> [OK]",
    "Client Ping Timer",
    "Delaying PING due to remote client data or ping 4s ago",
    "Client connection closed: Client Closed",
    "<-> [DELSUB 1]",
  ]);
});
