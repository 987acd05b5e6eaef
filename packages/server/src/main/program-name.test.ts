import assert from "node:assert/strict";
import { test } from "node:test";
import { processTitle, programNameOf, type StartedAs } from "./program-name.ts";

const PLAIN: StartedAs = {
  named: undefined,
  argv0: "node",
  script: "/lib/server/bin/myelin-server.js",
  execPath: "/usr/bin/node",
};

const STARTS: ReadonlyArray<{ how: string; started: Partial<StartedAs>; name: string }> = [
  { how: "node bin/myelin-server.js", started: {}, name: "myelin-server" },
  { how: "a link called nats-server", started: { script: "/usr/bin/nats-server" }, name: "nats-server" },
  { how: "the environment", started: { named: "nats-server" }, name: "nats-server" },
  { how: "the environment, with a path", started: { named: "/opt/nats-server" }, name: "nats-server" },
  { how: "an empty environment variable", started: { named: "" }, name: "myelin-server" },
  { how: "exec -a", started: { argv0: "nats-server" }, name: "nats-server" },
  { how: "node by its path", started: { argv0: "/usr/bin/node" }, name: "myelin-server" },
  { how: "a node of another name", started: { argv0: "node20", execPath: "/opt/node20" }, name: "myelin-server" },
  { how: "Windows", started: { argv0: "node.exe", execPath: "/x/node.exe" }, name: "myelin-server" },
  { how: "dist/main/main.js", started: { script: "/lib/server/dist/main/main.js" }, name: "myelin-server" },
  { how: "no script", started: { script: undefined }, name: "myelin-server" },
  { how: "a name with a version", started: { script: "/usr/bin/nats-server_2.15" }, name: "nats-server_2.15" },
];

for (const { how, started, name } of STARTS) {
  test(`programNameOf() started by ${how}`, () => {
    assert.equal(programNameOf({ ...PLAIN, ...started }), name);
  });
}

test("processTitle() hides user, password and token in every form", () => {
  const args = ["--user", "u1", "-pass=p1", "--auth=t=1", "-p", "1", "-user", "--pass", "-n", "x", "--pass"];
  assert.equal(
    processTitle("nats-server", args),
    "nats-server --user [REDACTED] -pass=[REDACTED] --auth=[REDACTED] -p 1 -user [REDACTED] -n x --pass",
  );
});
