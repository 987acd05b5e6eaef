// natscli and myelin, side by side and with each other, on one Myelin server. Runs where NATS_CLI names natscli's program, or
// `nats` is on the PATH.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type InProcessServer, startServer, waitFor } from "@myelin/testing";
import { CliProcess, type RunningCli, withoutTimes } from "./testing/cli-process.ts";
import { CliRun } from "./testing/cli-run.ts";

const NATS = natscli();
const skip = NATS === undefined ? "natscli is not there: set NATS_CLI, or put nats on the PATH" : false;

function natscli(): string | undefined {
  const named = process.env["NATS_CLI"];
  if (named !== undefined) return named;
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, "nats")).find((path) => existsSync(path));
}

describe("natscli", { skip }, () => {
  let server: InProcessServer;
  let programs: ReadonlyArray<(args: readonly string[]) => RunningCli>;
  before(async () => {
    server = await startServer({ run: "in-process" });
    const env = { NATS_URL: server.url };
    programs = [(args) => CliRun.myelin(args, env), (args) => new CliProcess(NATS as string, args, env)];
  });
  after(() => server.close());

  test("sub prints the same as natscli's, whoever publishes", async () => {
    // natscli prints headers in any order, hence one; and it says "Subscribing" before it does.
    const readers = programs.map((open) => open(["sub", "same", "--count", "5"]));
    await waitFor(() => server.server.subscriptionCount >= readers.length);
    for (const open of programs) {
      await open(["pub", "same", "hello {{Count}}", "-H", "A: x {{Count}}", "--reply", "r"]).ended();
      await open(["pub", "same", ""]).ended();
    }
    await programs[0]?.(["pub", "same", "line\n"]).ended();
    const [ours, theirs] = await Promise.all(readers.map((reader) => reader.ended()));
    assert.equal(ours?.stdout, theirs?.stdout);
    assert.deepEqual([ours?.code, theirs?.code], [0, 0]);
  });

  test("pub says the same as natscli's", async () => {
    const said = await Promise.all(programs.map((open) => open(["pub", "a.b", "12345", "--count", "2"]).ended()));
    assert.equal(withoutTimes(said[0]?.stderr ?? ""), withoutTimes(said[1]?.stderr ?? ""));
  });

  for (const asker of [0, 1])
    test(`${["myelin", "natscli"][asker]} req and ${["natscli", "myelin"][asker]} reply understand each other`, async () => {
      const service = programs[1 - asker]?.([
        "reply",
        `svc.${asker}`,
        "{{Count}}:{{Request}}",
        "--count",
        "1",
        "-H",
        "C:d",
      ]);
      await service?.said("Listening on");
      const asked = await programs[asker]?.(["req", `svc.${asker}`, "ping", "-H", "A:b"]).ended();
      assert.equal(asked?.stdout, "0:ping\n\n\n");
      const log = withoutTimes(asked?.stderr ?? "").replace(/rtt \S+/, "rtt #");
      assert.equal(log, `Sending request on "svc.${asker}"\nReceived with rtt #\nC: d\n\n`);
      const answered = await service?.ended();
      assert.equal(answered?.stdout, "\nping\n");
      assert.match(withoutTimes(answered?.stderr ?? ""), /\[#0\] Received on subject "svc\.\d":\nA: b\n/);
    });
});
