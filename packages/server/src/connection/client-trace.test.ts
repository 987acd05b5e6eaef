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
