// The `nats` command line against every server that is here. It is found by NATS_CLI or on the PATH; skipped aloud
// without it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { findProgram } from "../support/find-program.ts";
import { untilInterest } from "../support/interest.ts";
import { MyelinProgram } from "../support/myelin-program.ts";
import type { RunningServer, Target } from "../support/target.ts";
import { forEveryTarget } from "../support/targets.ts";

const DEADLINE = { timeout: 30_000 };
const BENCH_MESSAGES = 20_000;

/** What a finished command left. */
interface Finished {
  readonly code: number | null;
  readonly output: string;
}

function behaviour(target: Target, program: string): void {
  describe(`the nats command line against ${target.name}`, () => {
    let server: RunningServer;
    let home: string;

    before(async () => {
      server = await target.start(new Map());
      home = await mkdtemp(join(tmpdir(), "myelin-nats-"));
    });

    after(async () => {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    });

    /** Runs `nats` to its end, away from any context of the user. */
    function nats(...args: string[]): Promise<Finished> {
      const environment = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, NATS_CONTEXT: "", NATS_URL: "" };
      const command = ["--server", `nats://${server.host}:${server.port}`, ...args];
      const child = spawn(program, command, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text;
        });
      }
      return new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (code) => resolve({ code, output }));
      });
    }

    test("pub reaches sub, with headers", DEADLINE, async () => {
      const subscriber = nats("sub", "cli.news", "--count", "3");
      await untilInterest(server, "cli.news");
      const published = await nats("pub", "cli.news", "hello", "-H", "Colour:green");
      assert.match(published.output, /Published 5 bytes to "cli.news"/);
      await nats("pub", "cli.news", "again");
      const { code, output } = await subscriber;
      assert.equal(code, 0, output);
      assert.match(output, /Colour: green\s+hello/);
      assert.match(output, /again/);
    });

    test("req gets the answer of reply", DEADLINE, async () => {
      const responder = nats("reply", "cli.service", "I heard {{Request}}", "--count", "2");
      await untilInterest(server, "cli.service");
      const { code, output } = await nats("req", "cli.service", "a question");
      assert.equal(code, 0, output);
      assert.match(output, /I heard a question/);
      assert.match((await responder).output, /Received on subject "cli.service"/);
    });

    test("req is told that nobody responds", DEADLINE, async () => {
      assert.match((await nats("req", "cli.nobody", "hello?")).output, /No responders are available/);
    });

    test("rtt measures", DEADLINE, async () => {
      const { code, output } = await nats("rtt", "--json");
      assert.equal(code, 0, output);
      const [measured] = JSON.parse(output) as { results: { rtt: number }[] }[];
      assert.ok((measured?.results[0]?.rtt ?? 0) > 0, output);
    });

    test(`bench passes ${BENCH_MESSAGES} messages from two publishers to a subscriber`, DEADLINE, async () => {
      const count = ["--msgs", String(BENCH_MESSAGES), "--no-progress"];
      const subscriber = nats("bench", "sub", "cli.bench", ...count);
      await untilInterest(server, "cli.bench");
      const publishers = await nats("bench", "pub", "cli.bench", ...count, "--clients", "2");
      assert.equal(publishers.code, 0, publishers.output);
      assert.match(publishers.output, /aggregated stats: [\d,]+ msgs\/sec/);
      const { code, output } = await subscriber;
      assert.equal(code, 0, output);
      assert.match(output, /subscriber stats: [\d,]+ msgs\/sec/);
    });
  });
}

const program = findProgram("NATS_CLI", "nats");
if (program === null) {
  test("the nats command line", { skip: "no nats: set NATS_CLI or put it on the PATH" });
} else {
  forEveryTarget("the nats command line", new MyelinProgram(), (target) => behaviour(target, program));
}
