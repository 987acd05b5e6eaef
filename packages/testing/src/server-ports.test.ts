import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NO_PORTS, parsePortsFile } from "./server-ports.ts";

describe("parsePortsFile()", () => {
  test("has a port once for each service, whatever the addresses", () => {
    const file = {
      nats: ["nats://127.0.0.1:4222", "nats://[::1]:4222"],
      monitoring: ["http://10.0.0.1:80", "https://10.0.0.1:443"],
      cluster: ["tls://127.0.0.1:6222"],
      profile: ["http://127.0.0.1:6060"],
      websocket: ["ws://127.0.0.1:8080"],
    };
    assert.deepEqual(parsePortsFile(JSON.stringify(file)), {
      nats: [4222],
      monitoring: [80, 443],
      cluster: [6222],
      profile: [6060],
      websocket: [8080],
    });
  });

  test("has none for what is left out", () => {
    assert.deepEqual(parsePortsFile("{}"), NO_PORTS);
    assert.deepEqual(parsePortsFile('{"nats":["nats://127.0.0.1:1"]}'), { ...NO_PORTS, nats: [1] });
  });

  test("refuses what names no port", () => {
    assert.throws(() => parsePortsFile('{"nats":["nats://127.0.0.1"]}'), /"nats:\/\/127\.0\.0\.1", which is no URL/);
    assert.throws(() => parsePortsFile("{"), SyntaxError);
  });
});
