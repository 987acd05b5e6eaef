import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { NotSupportedError } from "../errors.ts";
import { RawClient } from "../raw-client.ts";
import { startServer } from "../start-server.ts";
import { waitFor } from "../wait-for.ts";
import { ChildServer } from "./child-server.ts";

const PACKAGE = new URL("../index.js", import.meta.url).href;

/** A process that starts a server, says where, and then does what `and` says. */
function processWithServer(and: string) {
  const code = `
    import { startServer } from ${JSON.stringify(PACKAGE)};
    const server = await startServer({ run: "child" });
    console.log(JSON.stringify({ pid: server.pid, folder: server.folder }));
    ${and}`;
  return spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
}

async function whereIs(child: ReturnType<typeof processWithServer>): Promise<{ pid: number; folder: string }> {
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return JSON.parse(line) as { pid: number; folder: string };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended stays in the table until it is collected, which for an orphan may take a while.
    return !(process.platform === "linux" && /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8")));
  } catch {
    return false;
  }
}

describe("ChildServer", () => {
  for (const { end, and, signal } of [
    { end: "is killed", and: "setInterval(() => {}, 1000);", signal: "SIGKILL" },
    { end: "exits without a word", and: "process.exit(1);", signal: null },
    { end: "fails", and: `Promise.reject(new Error("this is expected")).catch(() => process.exit(1));`, signal: null },
    { end: "just ends, held by nothing", and: "", signal: null },
  ] as const) {
    test(`does not outlive a test process that ${end}, and neither does its folder`, async () => {
      const child = processWithServer(and);
      const exited = once(child, "exit");
      const { pid, folder } = await whereIs(child);
      if (signal !== null) child.kill(signal);
      await exited;
      await waitFor(() => !isAlive(pid), { what: "the end of the server" });
      await waitFor(() => !existsSync(folder), { what: "the removal of its folder" });
    });
  }

  for (const call of ["kill", "stop"]) {
    test(`keeps the process while somebody waits for ${call}()`, async () => {
      const child = processWithServer(`
        const pipes = () => process.getActiveResourcesInfo().filter((name) => name === "PipeWrap").length;
        const before = pipes();
        const over = server.${call}();
        await null;
        const held = pipes() - before;
        await over;
        await server.close();
        process.exit(held === 2 ? 0 : 1);`);
      const [status] = (await once(child, "exit")) as [number];
      assert.equal(status, 0);
    });
  }

  test("says why it did not start, with what the server said, and leaves nothing", async () => {
    const bad = startServer({ run: "child", args: ["--nonsense"] });
    await assert.rejects(bad, {
      name: "ServerStartError",
      code: "SERVER_START_FAILED",
      message: /ended before it was ready.*flag provided but not defined: -nonsense/s,
    });
    await assert.rejects(startServer({ run: "child", program: "/no/such/program" }), /ENOENT/);
    await using first = await startServer({ run: "child" });
    await assert.rejects(startServer({ run: "child", port: first.port }), /address already in use/);
  });

  test("gives up on a server that never gets ready", async () => {
    const server = new ChildServer({ program: process.execPath, args: [], startTimeout: 50 });
    await assert.rejects(server.start(), { name: "ServerStartError" });
    assert.equal(server.isRunning, false);
    await server.close();
  });

  test("refuses by name what only a server in this process can do", async () => {
    await using server = await startServer({ run: "child" });
    for (const use of [() => server.clock, () => server.faults, () => server.connectInProcess()]) {
      assert.throws(use, (error) => error instanceof NotSupportedError && error.code === "NOT_IN_CHILD_PROCESS");
    }
  });

  test("notices that its process has ended by itself", async () => {
    await using server = await startServer({ run: "child" });
    process.kill(server.pid, "SIGKILL");
    await waitFor(() => !server.isRunning);
    assert.throws(() => server.pid, /does not run/);
    await server.start();
    const client = await RawClient.connect(server.url);
    await client.handshake();
    client.close();
  });

  test("refuses a configuration file beside what would have to go into another", async () => {
    const both = startServer({ run: "child", configFile: "/etc/nats.conf", maxPayloadBytes: 1_000 });
    await assert.rejects(both, /both configFile and options that have no flag \(max_payload: 1000\)/);
  });

  const program = process.env["REFERENCE_SERVER"];
  const skip = program === undefined ? "REFERENCE_SERVER names no nats-server" : false;
  test("has every port that nats-server wrote down", { skip }, async () => {
    const configText = "cluster { listen: 127.0.0.1:-1 }, websocket { listen: 127.0.0.1:-1, no_tls: true }";
    const args = ["-m", "-1"];
    await using server = await startServer({ run: "child", program: program as string, configText, args });
    const { cluster, monitoring, nats, profile, websocket } = server.ports;
    assert.deepEqual([nats, profile], [[server.port], []]);
    assert.equal(new Set([...nats, ...cluster, ...monitoring, ...websocket]).size, 4);
    const answer = await fetch(`http://127.0.0.1:${monitoring[0]}/varz`);
    const varz = (await answer.json()) as { cluster: { cluster_port: number }; websocket: { port: number } };
    assert.deepEqual([varz.cluster.cluster_port, varz.websocket.port], [cluster[0], websocket[0]]);
  });

  test("gives nats-server a configuration for options that have no flag", { skip }, async () => {
    const configText = "jetstream { max_mem: 1M }";
    const limits = { maxPayloadBytes: 1_000, pingIntervalMs: 30_000, authTimeoutMs: 1_500, user: "a", pass: "b" };
    await using server = await startServer({
      run: "child",
      program: program as string,
      configText,
      jetstream: true,
      ...limits,
    });
    const client = await RawClient.connect(server.url);
    const [info] = await client.expect(/INFO .*\r\n/);
    assert.match(info, /"max_payload":1000,/);
    assert.match(info, /"jetstream":true/);
    assert.match(info, /"auth_required":true/);
    client.close();
  });
});
