import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  type Addresses,
  portsFilePath,
  reachableUrls,
  removePortsFile,
  writePidFile,
  writePortsFile,
} from "./process-files.ts";

const folder = mkdtempSync(join(tmpdir(), "myelin-files-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("writePidFile() writes the bare number, over what was there", () => {
  const path = join(folder, "pid");
  writePidFile(path, 123456);
  writePidFile(path, 42);
  assert.equal(readFileSync(path, "utf8"), "42");
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("writePortsFile() writes JSON under the program's name, and nothing beside it", () => {
  const sub = mkdtempSync(join(folder, "ports-"));
  const path = portsFilePath(sub, "nats-server", 42);
  writePortsFile(path, { nats: ["nats://127.0.0.1:4222"] });
  assert.deepEqual(readdirSync(sub), ["nats-server_42.ports"]);
  assert.equal(readFileSync(path, "utf8"), '{"nats":["nats://127.0.0.1:4222"]}');
  removePortsFile(path);
  assert.deepEqual(readdirSync(sub), []);
});

test("writePortsFile() reports a folder that is not there", () => {
  assert.throws(() => writePortsFile(portsFilePath(join(folder, "no"), "x", 1), { nats: [] }), { code: "ENOENT" });
});

const ADDRESSES: Addresses = {
  all: () => ["127.0.0.1", "::1", "192.0.2.7"],
  lookup: async (name) => (name === "localhost" ? "127.0.0.1" : name),
};

for (const { host, urls } of [
  { host: "0.0.0.0", urls: ["nats://127.0.0.1:9", "nats://[::1]:9", "nats://192.0.2.7:9"] },
  { host: "::", urls: ["nats://127.0.0.1:9", "nats://[::1]:9", "nats://192.0.2.7:9"] },
  { host: "localhost", urls: ["nats://127.0.0.1:9"] },
  { host: "::1", urls: ["nats://[::1]:9"] },
]) {
  test(`reachableUrls() of ${host}`, async () => {
    assert.deepEqual(await reachableUrls("nats", host, 9, ADDRESSES), urls);
  });
}
