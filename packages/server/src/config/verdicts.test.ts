// The configuration files of testdata/, each read here and by the reference (REFERENCE_SERVER names its executable). The name
// of a file says what must come of it:
//
//   good-      both take it, and know it by the same digest       stricter-  only the reference takes it; see docs/configuration.md
//   bad-       both refuse it                                     laxer-     only we take it
//   cycle-     refused here; the reference never ends reading it  waits-     refused here as not supported yet; the reference takes it
//
// What is said about each stands in testdata/expected.txt; MYELIN_GOLDEN=1 writes it anew.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { TestAuthority } from "@myelin/testing";
import { type Configuration, loadConfig } from "./load.ts";
import { NODE_CONFIG_OUTSIDE } from "./node-outside.ts";
import type { ConfigOutside } from "./parser.ts";
import { ConfigError, formatProblem, type Problem } from "./problem.ts";

const TESTDATA = fileURLToPath(new URL("../../src/config/testdata/", import.meta.url));
const EXPECTED = `${TESTDATA}expected.txt`;
/** The files with certificates beside them, which are made now: none is ever out of date. */
const FOLDER = `${mkdtempSync(join(tmpdir(), "myelin-verdicts-"))}/`;
cpSync(TESTDATA, FOLDER, { recursive: true });
writeCertificates(join(FOLDER, "certs"));
after(() => rmSync(FOLDER, { recursive: true, force: true }));

function writeCertificates(folder: string): void {
  mkdirSync(folder);
  const authority = new TestAuthority();
  const pairs = { server: authority.issue(), other: authority.issue(), rsa: authority.issue({ keyType: "rsa" }) };
  for (const [name, { cert, key }] of Object.entries(pairs)) {
    writeFileSync(join(folder, `${name}.pem`), cert);
    writeFileSync(join(folder, `${name}-key.pem`), key);
  }
  writeFileSync(join(folder, "ca.pem"), authority.cert);
  writeFileSync(join(folder, "many.pem"), `a remark\n${authority.cert}${new TestAuthority("Another CA").cert}`);
}

const FILES = readdirSync(FOLDER).filter((name) => name.endsWith(".conf"));

const ENVIRONMENT: Readonly<Record<string, string>> = {
  MYELIN_TEST_PORT: "4333",
  MYELIN_TEST_NAME: "from-env",
  MYELIN_TEST_BLOCK: "{ user: e, password: v }",
  MYELIN_TEST_CYCLE: "$MYELIN_TEST_CYCLE",
  MYELIN_TEST_BROKEN: "a b",
};

/** Reads as if the folder of the files were the working one: no path of this machine in what is said. */
const OUTSIDE: ConfigOutside = {
  readFile: (path) => {
    try {
      return NODE_CONFIG_OUTSIDE.readFile(FOLDER + path);
    } catch (error) {
      throw new Error((error as Error).message.replace(FOLDER, ""), { cause: error });
    }
  },
  environment: (name) => ENVIRONMENT[name],
};

interface Verdict {
  readonly loaded: Configuration | null;
  readonly problems: readonly Problem[];
}

function verdictOf(file: string): Verdict {
  try {
    const loaded = loadConfig({ file }, OUTSIDE);
    return { loaded, problems: loaded.problems };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { loaded: null, problems: error.problems };
  }
}

/** What `-t` makes of it: warnings do not stop a server, but fail a check. */
function isGood({ loaded, problems }: Verdict): boolean {
  return loaded !== null && !problems.some(({ severity }) => severity === "warning");
}

const sections = new Map<string, string>();
for (const file of FILES) sections.set(file, verdictOf(file).problems.map(formatProblem).join("\n"));
if (process.env["MYELIN_GOLDEN"] === "1") {
  const said = [...sections].filter(([, text]) => text !== "");
  writeFileSync(EXPECTED, said.map(([file, text]) => `== ${file}\n${text}\n`).join("\n"));
}
const expected = new Map(
  readFileSync(EXPECTED, "utf8")
    .split(/^== /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf("\n")), section.slice(section.indexOf("\n") + 1).trimEnd()]),
);

for (const file of FILES) {
  const [expectation = ""] = file.split("-");
  test(`loadConfig() judges ${file}`, () => {
    const verdict = verdictOf(file);
    assert.equal(isGood(verdict), expectation === "good" || expectation === "laxer");
    assert.equal(sections.get(file), expected.get(file) ?? "");
    const waits = verdict.problems.some(({ code, severity }) => code === "NOT_SUPPORTED" && severity === "error");
    if (expectation === "waits") assert.ok(waits);
  });
}

test("expected.txt has no section without a file", () => {
  assert.deepEqual(
    [...expected.keys()].filter((file) => !FILES.includes(file)),
    [],
  );
});

const REFERENCE = process.env["REFERENCE_SERVER"];
test("the reference judges the files as their names say", {
  skip: REFERENCE === undefined ? "REFERENCE_SERVER is not set" : false,
}, async (context) => {
  for (const file of FILES) {
    const [expectation = ""] = file.split("-");
    if (expectation === "cycle") continue;
    await context.test(file, () => {
      const result = spawnSync(REFERENCE as string, ["-t", "-c", file], {
        cwd: FOLDER,
        encoding: "utf8",
        env: { ...process.env, ...ENVIRONMENT },
        timeout: 10_000,
      });
      const takes = expectation !== "bad" && expectation !== "laxer";
      assert.equal(result.status, takes ? 0 : 1, result.stderr);
      if (expectation !== "good") return;
      const { loaded } = verdictOf(file);
      assert.equal(result.stderr.trimEnd(), `nats-server: configuration file ${file} is valid (${loaded?.digest})`);
    });
  }
});
