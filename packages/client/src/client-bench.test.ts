import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SERVERS } from "./fixtures/servers.ts";

for (const kind of SERVERS) {
  test(`client.bench.ts runs each of its workloads to the end, ${kind.name}`, { skip: kind.skip }, async () => {
    await using server = await kind.start();
    const file = fileURLToPath(new URL("./client.bench.js", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [file, "tiny", server.url], { timeout: 60_000 });
    assert.equal(
      stdout,
      [
        "myelin publish 5000",
        "myelin receive 5000",
        "myelin request-1 5000",
        "bare publish 5000",
        "bare receive 5000",
        "",
      ].join("\n"),
    );
  });
}
