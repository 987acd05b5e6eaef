// pub, sub, req, reply and rtt: as child processes against Myelin, and inside this process (which is quicker) against the
// reference where REFERENCE_SERVER is set.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startServer, type TestServer } from "@myelin/testing";
import { CliProcess, type Ended, type RunningCli, withoutTimes } from "./testing/cli-process.ts";
import { CliRun } from "./testing/cli-run.ts";

const REFERENCE = process.env["REFERENCE_SERVER"];

type Open = (args: string[], env: { NATS_URL: string }) => RunningCli;
const inChild: Open = (args, env) => CliProcess.myelin(args, env);
const inProcess: Open = (args, env) => CliRun.myelin(args, env);

const SERVERS = [
  { name: "Myelin", skip: false, start: () => startServer({ run: "in-process" }), open: inChild },
  {
    name: "the reference",
    skip: REFERENCE === undefined ? "REFERENCE_SERVER is not set" : false,
    start: () => startServer({ run: "child", program: REFERENCE as string }),
    open: inProcess,
  },
];

for (const { name, skip, start, open } of SERVERS) {
  describe(`with ${name}`, { skip, concurrency: 2 }, () => {
    let server: TestServer;
    let env: { NATS_URL: string };
    before(async () => {
      server = await start();
      env = { NATS_URL: server.url };
    });
    after(() => server.close());

    const listening = (args: string[], said: string): Promise<RunningCli> => open(args, env).said(said);
    const myelin = (args: string[]): Promise<Ended> => open(args, env).ended();

    test("sub shows what pub sends, in every form", async () => {
      const forms = [[], ["--raw"], ["--json"], ["--subjects-only"], ["--headers-only"], ["--dump", "-"]];
      const readers = await Promise.all(
        forms.map((form) => listening(["sub", "forms", "--count", "2", "--trace", ...form], "Subscribing on forms")),
      );
      const sent = await myelin(["pub", "forms", "hello", "-H", "A:b", "-H", "A: {{Count}}", "--reply", "r.1"]);
      assert.deepEqual(sent, { stdout: "", stderr: sent.stderr, code: 0 });
      assert.equal(withoutTimes(sent.stderr), 'Published 5 bytes to "forms"\n');
      assert.equal((await myelin(["publish", "forms", "", "-q"])).stderr, "");
      const ended = await Promise.all(readers.map((reader) => reader.ended()));
      assert.deepEqual(
        ended.map(({ code }) => code),
        forms.map(() => 0),
      );
      const json = (object: unknown): string => JSON.stringify(object);
      const headers = { A: ["b", "1"] };
      assert.deepEqual(
        ended.map(({ stdout }) => stdout),
        [
          '[#1] Received on "forms" with reply "r.1"\nA: b\nA: 1\n\nhello\n\n\n[#2] Received on "forms"\nnil body\n\n\n',
          "hello\nnil body\n",
          `${json({ subject: "forms", reply: "r.1", headers, data: "hello" })}\n${json({ subject: "forms", data: "" })}\n`,
          '[#1] Received on "forms" with reply "r.1"\n[#2] Received on "forms"\n',
          '[#1] Received on "forms" with reply "r.1"\nA: b\nA: 1\n\n[#2] Received on "forms"\n',
          `${json({ Subject: "forms", Reply: "r.1", Header: headers, Data: "aGVsbG8=", Sub: null })}\0` +
            `${json({ Subject: "forms", Reply: "", Header: null, Data: "", Sub: null })}\0`,
        ],
      );
    });

    test("sub takes several subjects, leaves out ignored ones, and counts the rest", async () => {
      const args = ["sub", "many.*", "other", "--count", "3", "-I", "many.no", "--translate", "tr a-z A-Z"];
      const reader = await listening(args, "Ignored subjects: many.no");
      for (const subject of ["many.a", "many.no", "other", "many.b"]) await myelin(["pub", subject, subject]);
      const { stdout, code } = await reader.ended();
      assert.equal(code, 0);
      const shown = ["many.a", "other", "many.b"].map(
        (subject, index) => `[#${index + 1}] Received on "${subject}"\n${subject.toUpperCase()}\n\n\n`,
      );
      assert.equal(stdout, shown.join(""));
    });

    test("sub ends with 0 after Ctrl-C, and after --wait", async () => {
      const reader = await listening(["sub", "quiet"], "Subscribing on quiet");
      const waiting = await myelin(["sub", "quiet", "--wait", "20ms"]);
      assert.deepEqual([waiting.code, waiting.stdout], [0, ""]);
      const { code, stdout, stderr } = await reader.signal("SIGINT").ended();
      assert.deepEqual([code, stdout, withoutTimes(stderr)], [0, "", "Subscribing on quiet\n"]);
    });

    test("sub --report-subjects counts messages and bytes", async () => {
      const reader = await listening(["sub", "count.>", "--report-subjects", "--count", "3"], "Subscribing on");
      await myelin(["pub", "count.b", "12345", "--count", "2"]);
      await myelin(["pub", "count.a", "1"]);
      const { stdout } = await reader.ended();
      const rows = stdout.split("\n").filter((line) => line.startsWith("│"));
      assert.deepEqual(
        rows.map((row) => row.split("│").map((cell) => cell.trim())),
        [
          ["", "Subject", "Message Count", "Bytes", ""],
          ["", "count.b", "2", "10 B", ""],
          ["", "count.a", "1", "1 B", ""],
          ["", "Totals", "3", "11 B", ""],
        ],
      );
    });

    test("pub sends many, fills templates in, and reads stdin whole and by lines", async () => {
      const reader = await listening(["sub", "in.>", "--raw", "--count", "29", "--trace"], "Subscribing on");
      const many = await myelin(["pub", "in.{{Count}}", "{{ .Count }}/{{Random 3 3}}", "--count", "25"]);
      assert.match(withoutTimes(many.stderr), /^Published 25 messages in [\d.]+(µs|ms|s)\n$/);
      const whole = await open(["pub", "in.x", "-", "-q"], env).input("a\nb").ended();
      assert.equal(whole.stderr, "");
      const lines = open(["pub", "in.x", "--force-stdin", "--send-on=newline", "--no-templates"], env);
      assert.match((await lines.input("one\n{{two}}\n").ended()).stderr, /Published 7 bytes/);
      await myelin(["pub", "in.x", "{{nothing}}"]);
      const { stdout } = await reader.ended();
      const bodies = stdout.trimEnd().split("\n");
      for (let count = 1; count <= 25; count++)
        assert.match(bodies[count - 1] ?? "", new RegExp(`^${count}/[\\w]{3}$`));
      assert.deepEqual(bodies.slice(25), ["a", "b", "one", "{{two}}", "{{nothing}}"]);
    });

    test("req shows the replies of two services", async () => {
      const echo = await listening(["reply", "svc", "--echo", "--queue", "one"], 'Listening on "svc" in group "one"');
      const text = await listening(["reply", "svc", "#{{Count}} {{Request}}", "-H", "X:y"], 'in group "NATS-RPLY-22"');
      const { stdout, stderr, code } = await myelin(["req", "svc", "hi", "-H", "A:b", "--replies", "2"]);
      assert.equal(code, 0);
      assert.deepEqual(stdout.split("\n\n\n").sort(), ["", "#0 hi", "hi"]);
      assert.match(withoutTimes(stderr), /^Sending request on "svc"\nReceived with rtt [\d.]+(µs|ms|s)\n/);
      for (const line of ["A: b\nNATS-Reply-Counter: 0\n\n", "X: y\n\n"])
        assert.ok(withoutTimes(stderr).includes(line));
      const json = await myelin(["req", "svc", "hi", "--replies", "2", "--json"]);
      const headers = json.stdout
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { headers: unknown }).headers);
      assert.equal(json.stderr, "");
      assert.ok(headers.some((found) => JSON.stringify(found) === '{"NATS-Reply-Counter":["1"]}'));
      const ended = await Promise.all([echo, text].map((service) => service.signal("SIGTERM").ended()));
      assert.deepEqual(
        ended.map(({ code: exit, stdout: shown }) => [exit, shown]),
        [
          [0, "\nhi\n\nhi\n"],
          [0, "\nhi\n\nhi\n"],
        ],
      );
    });

    test("reply --command runs it with the request, and no shell", async () => {
      const command = `${JSON.stringify(process.execPath)} -e 'console.log(process.argv.slice(1).join("|") + process.env.NATS_REQUEST_SUBJECT)' -- {{1}} {{Request}}`;
      const service = await listening(["reply", "cmd.*", "--command", command, "--count", "1"], "Listening on");
      const { stdout } = await myelin(["req", "cmd.x", "a b; $HOME", "--raw"]);
      assert.equal(stdout, "x|a b; $HOMEcmd.x\n\n");
      assert.equal((await service.ended()).code, 0);
    });

    test("sub --match-replies shows a request with its reply", async () => {
      const reader = await listening(["sub", "matched", "--match-replies", "--count", "1"], "Subscribing on matched");
      const service = await listening(["reply", "matched", "yes", "--count", "1"], "Listening on");
      await myelin(["req", "matched", "please"]);
      const { stdout } = await reader.ended();
      const inbox = /with reply "([^"]+)"/.exec(stdout)?.[1];
      assert.equal(
        stdout,
        `[#1] Received on "matched" with reply "${inbox}"\nplease\n\n\n[#1] Matched reply on "${inbox}"\nyes\n\n\n`,
      );
      await service.ended();
    });

    test("req says when nobody is there, and when nobody answers", async () => {
      const nobody = await myelin(["req", "nobody", "x"]);
      assert.deepEqual([nobody.code, nobody.stdout], [1, ""]);
      assert.match(nobody.stderr, /^myelin: error: No responders are available: nobody is subscribed to "nobody"$/m);
      const reader = await listening(["sub", "mute"], "Subscribing on");
      const mute = await myelin(["req", "mute", "x", "--timeout", "50ms"]);
      await reader.signal("SIGINT").ended();
      assert.equal(mute.code, 1);
      assert.match(mute.stderr, /^myelin: error: no reply from "mute" within 50ms: --timeout waits longer$/m);
    });

    test("rtt measures each address", async () => {
      const { stdout, stderr, code } = await myelin(["rtt", "2"]);
      assert.deepEqual([code, stderr], [0, ""]);
      const lines = stdout.split("\n");
      assert.deepEqual([lines[0], lines[1], lines[3], lines[4]], [`${server.url}:`, "", "", ""]);
      assert.match(lines[2] ?? "", new RegExp(`^   ${server.url}: [\\d.]+(µs|ms)$`));
      const json = JSON.parse((await myelin(["rtt", "--json"])).stdout) as Array<{
        results: Array<{ rtt: number }>;
      }>;
      assert.ok((json[0]?.results[0]?.rtt ?? 0) > 0);
    });

    test("sub --dump writes a file per message", async () => {
      const folder = mkdtempSync(join(tmpdir(), "myelin-dump-"));
      try {
        const reader = await listening(["sub", "files", "--dump", folder, "--count", "1", "--trace"], "Subscribing on");
        await myelin(["pub", "files", "x"]);
        await reader.ended();
        const dumped = JSON.parse(readFileSync(join(folder, "1.json"), "utf8")) as unknown;
        assert.deepEqual(dumped, { Subject: "files", Reply: "", Header: null, Data: "eA==", Sub: null });
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  });
}
