import assert from "node:assert/strict";
import { test } from "node:test";
import { lockHoles } from "./lock-holes.mjs";

const TOOL = {
  version: "2.0.0",
  dev: true,
  optionalDependencies: { "@t/cli-linux-x64-musl": "2.0.0", "@t/cli-win32-arm64": "2.0.0" },
};

test("lockHoles() gives an entry for each platform package that is missing", () => {
  const holes = lockHoles({ packages: { "": {}, "node_modules/tool": TOOL } });
  assert.deepEqual(holes, [
    {
      key: "node_modules/@t/cli-linux-x64-musl",
      entry: { version: "2.0.0", cpu: ["x64"], dev: true, libc: ["musl"], optional: true, os: ["linux"] },
    },
    {
      key: "node_modules/@t/cli-win32-arm64",
      entry: { version: "2.0.0", cpu: ["arm64"], dev: true, optional: true, os: ["win32"] },
    },
  ]);
});

test("lockHoles() accepts an entry beside the owner or under it", () => {
  const packages = {
    "node_modules/tool": TOOL,
    "node_modules/@t/cli-linux-x64-musl": { version: "2.0.0" },
    "node_modules/tool/node_modules/@t/cli-win32-arm64": { version: "2.0.0" },
  };
  assert.deepEqual(lockHoles({ packages }), []);
});
