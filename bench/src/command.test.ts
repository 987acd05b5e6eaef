import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommand, withFolder, withPort } from "./command.ts";
import { BenchError } from "./errors.ts";

test("parseCommand() splits words, keeps quoted ones together and takes leading assignments", () => {
  assert.deepEqual(parseCommand("new", `A=1 PORT={port} node "my server.mjs" --name='a b' C=2`), {
    name: "new",
    program: "node",
    args: ["my server.mjs", "--name=a b", "C=2"],
    environment: { A: "1", PORT: "{port}" },
    takesPort: true,
  });
});

test("parseCommand() takes a plain path as a server with the reference's flags", () => {
  const command = parseCommand("reference", "/usr/bin/nats-server");
  assert.deepEqual(command.args, []);
  assert.equal(command.takesPort, false);
});

test("parseCommand() refuses an empty command and an open quote", () => {
  for (const text of ["", "  ", "A=1", 'node "x'])
    assert.throws(
      () => parseCommand("new", text),
      (error) => error instanceof BenchError && error.code === "USAGE" && error.message.includes('"new"'),
    );
});

test("withPort() fills every place", () => {
  const command = withPort(parseCommand("new", "PORT={port} node x.mjs --http={port}"), 4711);
  assert.deepEqual(command.args, ["x.mjs", "--http=4711"]);
  assert.deepEqual(command.environment, { PORT: "4711" });
});

test("withFolder() puts a folder where it is asked for", () => {
  assert.equal(withFolder('store_dir: "{folder}/a" # {folder}', "/tmp/x"), 'store_dir: "/tmp/x/a" # /tmp/x');
});
