// Each rule is shown a tree with one thing wrong, which it must find at its place, and one with nothing wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import { docs } from "./tidy/docs.mjs";
import { imports } from "./tidy/imports.mjs";
import { links } from "./tidy/links.mjs";
import { moduleState, outside } from "./tidy/outside.mjs";
import { focusedTests, foreignWords, length, names, unfinished } from "./tidy/text.mjs";
import { Tree } from "./tidy/tree.mjs";
import { lock, reasons, versions } from "./tidy/versions.mjs";

const PLATFORM = {
  name: "@myelin/platform",
  version: "0.1.0",
  exports: {
    ".": { types: "./dist/index.d.ts" },
    "./node": { types: "./dist/node/index.d.ts" },
    "./sim": "./dist/sim/index.js",
  },
};
const PROTOCOL = { name: "@myelin/protocol", version: "0.1.0", exports: { ".": { types: "./dist/index.d.ts" } } };
const SERVER = {
  name: "@myelin/server",
  version: "0.1.0",
  dependencies: { "@myelin/platform": "0.1.0", "@myelin/protocol": "0.1.0", ws: "8.0.0" },
};
const MANIFESTS = {
  "package.json": { name: "root", version: "0.1.0", devDependencies: { "fast-check": "4.0.0" } },
  "packages/platform/package.json": PLATFORM,
  "packages/protocol/package.json": PROTOCOL,
  "packages/server/package.json": SERVER,
};

function treeOf(files, notInGit = {}) {
  const all = { ...files, ...notInGit };
  const texts = Object.entries(all).map(([path, content]) => [
    path,
    typeof content === "string" ? content : JSON.stringify(content),
  ]);
  const byPath = new Map(texts);
  return new Tree(Object.keys(files), (path) => byPath.get(path));
}

/** What a rule finds, as `path:line`. */
function places(rule, files, notInGit) {
  return [...rule(treeOf(files, notInGit))].map(({ path, line }) => `${path}:${line}`);
}

const source = (path, text) => ({ ...MANIFESTS, [path]: text });

const IMPORTS = [
  {
    name: "a node module in protocol",
    path: "packages/protocol/src/a.ts",
    text: 'import { x } from "node:crypto";',
    bad: true,
  },
  {
    name: "a node module in protocol's test",
    path: "packages/protocol/src/a.test.ts",
    text: 'import { x } from "node:test";',
  },
  {
    name: "a sibling in protocol",
    path: "packages/protocol/src/a.ts",
    text: 'import type { Clock } from "@myelin/platform";',
    bad: true,
  },
  {
    name: "a sibling's folder by path",
    path: "packages/server/src/a.ts",
    text: 'import { x } from "../../protocol/src/ops.ts";',
    bad: true,
  },
  {
    name: "a sibling's dist in a test",
    path: "packages/server/src/a.test.ts",
    text: 'export * from "../../protocol/dist/ops.js";',
    bad: true,
  },
  {
    name: "a deep path into a sibling",
    path: "packages/server/src/a.ts",
    text: 'import { x } from "@myelin/protocol/dist/ops.js";',
    bad: true,
  },
  { name: "an entry point", path: "packages/server/src/a.ts", text: 'import { x } from "@myelin/protocol";' },
  {
    name: "the simulated platform in the server",
    path: "packages/server/src/a.ts",
    text: 'import { SimClock } from "@myelin/platform/sim";',
    bad: true,
  },
  {
    name: "the simulated platform in the server's test",
    path: "packages/server/src/a.test.ts",
    text: 'import { SimClock } from "@myelin/platform/sim";',
  },
  {
    name: "routing and jetstream",
    path: "packages/server/src/routing/a.ts",
    text: 'import { x } from "../jetstream/stream.ts";',
    bad: true,
  },
  {
    name: "routing and connection",
    path: "packages/server/src/routing/a.ts",
    text: 'import { x } from "../connection/outbound.ts";',
  },
  {
    name: "the process shell from inside",
    path: "packages/server/src/server.ts",
    text: 'import { x } from "./main/flags.ts";',
    bad: true,
  },
  {
    name: "the process shell from itself",
    path: "packages/server/src/main/main.ts",
    text: 'import { x } from "./flags.ts";',
  },
  {
    name: "the real forms from the interfaces",
    path: "packages/platform/src/a.ts",
    text: 'import { x } from "./node/clock.ts";',
    bad: true,
  },
  {
    name: "a module that is not declared",
    path: "packages/server/src/a.ts",
    text: 'import pino from "pino";',
    bad: true,
  },
  { name: "a declared module", path: "packages/server/src/a.ts", text: 'import { WebSocket } from "ws";' },
  {
    name: "a development module in a source",
    path: "packages/server/src/a.ts",
    text: 'import fc from "fast-check";',
    bad: true,
  },
  {
    name: "a development module in a test",
    path: "packages/server/src/a.test.ts",
    text: 'import fc from "fast-check";',
  },
  {
    name: "a dynamic import",
    path: "packages/protocol/src/a.ts",
    text: 'const x = await import("node:os");',
    bad: true,
  },
  { name: "an import in a comment", path: "packages/protocol/src/a.ts", text: '// import { x } from "node:os";' },
  {
    name: "an import in a string",
    path: "packages/protocol/src/a.ts",
    text: "const x = 'import { x } from \"node:os\"';",
  },
];

for (const { name, path, text, bad } of IMPORTS) {
  test(`imports() ${bad ? "finds" : "allows"} ${name}`, () => {
    assert.deepEqual(places(imports, source(path, `\n${text}\n`)), bad ? [`${path}:2`] : []);
  });
}

test("imports() wants to know what a new package may import", () => {
  assert.deepEqual(places(imports, { "packages/new/package.json": { name: "@myelin/new" } }), [
    "packages/new/package.json:1",
  ]);
});

const OUTSIDE = [
  "Date.now()",
  "new Date()",
  "performance.now()",
  "setTimeout(f, 1)",
  "setInterval(f, 1)",
  "Math.random()",
  "randomUUID()",
];
for (const use of OUTSIDE) {
  test(`outside() finds ${use} in a source`, () => {
    const path = "packages/server/src/a.ts";
    assert.deepEqual(places(outside, source(path, `// ${use}\nconst x = ${use};\n`)), [`${path}:2`]);
    for (const free of [
      "packages/platform/src/node/a.ts",
      "packages/server/src/main/a.ts",
      "packages/server/src/a.test.ts",
    ])
      assert.deepEqual(places(outside, source(free, `const x = ${use};\n`)), []);
  });
}

test("outside() finds the modules of disk and network", () => {
  const path = "packages/server/src/a.ts";
  assert.deepEqual(
    places(
      outside,
      source(
        path,
        'import { x } from "node:fs";\nimport { y } from "node:fs/promises";\nimport { z } from "node:net";\n',
      ),
    ),
    [`${path}:1`, `${path}:2`, `${path}:3`],
  );
});

test("outside() allows new Date(ms) and methods of that name", () => {
  const text = "const a = new Date(5);\nclock.setTimeout(a);\n";
  assert.deepEqual(places(outside, source("packages/server/src/a.ts", text)), []);
});

test("moduleState() finds variables and empty maps of a module, not those of a function", () => {
  const path = "packages/server/src/a.ts";
  const text =
    "let a = 1;\nexport let b;\nconst c: Map<string, number> = new Map<string, number>();\nconst d = new Map([[1, 2]]);\nfunction f() {\nlet e = 1;\n}\n";
  assert.deepEqual(places(moduleState, source(path, text)), [`${path}:1`, `${path}:2`, `${path}:3`]);
});

test("docs() finds public symbols without a doc comment, through re-exports", () => {
  const sources = {
    "packages/platform/package.json": { ...PLATFORM, exports: { ".": { types: "./dist/index.d.ts" } } },
    "packages/platform/src/clock.ts": "\nexport interface Clock {}\n",
  };
  const built = {
    "packages/platform/dist/index.d.ts":
      'export { type Clock, Timer, helper as aid } from "./clock.ts";\nexport * from "./more.ts";\n',
    "packages/platform/dist/clock.d.ts":
      "export interface Clock {\n}\n/** Waits. */\nexport declare class Timer {\n}\nexport declare function helper(): void;\nexport declare const hidden: 1;\n",
    "packages/platform/dist/more.d.ts":
      "/** Both forms. */\nexport declare function over(a: string): void;\nexport declare function over(a: number): void;\nexport type Bare = 1;\n",
  };
  const found = [...docs(treeOf(sources, built))];
  assert.deepEqual(
    found.map(({ path, line, text }) => `${path}:${line} ${text.split(" ")[0]}`),
    [
      "packages/platform/src/clock.ts:2 Clock",
      "packages/platform/src/clock.ts:1 helper",
      "packages/platform/src/more.ts:1 Bare",
    ],
  );
});

test("docs() takes one comment for constants on lines that follow each other", () => {
  const sources = {
    "packages/protocol/package.json": PROTOCOL,
    "packages/protocol/src/index.ts":
      "/** Bytes. */\nexport const A = 1;\nexport const B = 2;\n\nexport const C = 3;\n",
  };
  const built = {
    "packages/protocol/dist/index.d.ts":
      "/** Bytes. */\nexport declare const A = 1;\nexport declare const B = 2;\nexport declare const C = 3;\n",
  };
  assert.deepEqual(places(docs, sources, built), ["packages/protocol/src/index.ts:5"]);
});

test("docs() finds an entry point that is not built", () => {
  assert.deepEqual(places(docs, { "packages/protocol/package.json": PROTOCOL }), ["packages/protocol/package.json:1"]);
});

test("names() wants kebab-case", () => {
  const good = {
    "packages/a/src/msg-block.test.ts": "",
    "README.md": "",
    ".ci/run": "",
    ".oxlintrc.json": "",
    "docs/decisions/0001-a-b.md": "",
  };
  assert.deepEqual(places(names, good), []);
  assert.deepEqual(places(names, { "packages/a/src/msgBlock.ts": "", "packages/a_b/x.ts": "" }), [
    "packages/a/src/msgBlock.ts:1",
    "packages/a_b/x.ts:1",
  ]);
});

test("length() wants a reason past 800 lines", () => {
  const long = "x;\n".repeat(801);
  assert.deepEqual(
    places(length, {
      "a.ts": long,
      "b.ts": `// One state machine; it stays\n// whole so that it reads top-down.\n${long}`,
    }),
    ["a.ts:1"],
  );
});

test("focusedTests() finds a test that runs alone", () => {
  assert.deepEqual(places(focusedTests, { "a.test.ts": 'test("a", f);\ntest.only("b", f);\n' }), ["a.test.ts:2"]);
});

test("unfinished() finds marks in comments only", () => {
  const mark = ["TO", "DO"].join("");
  assert.deepEqual(places(unfinished, { "a.ts": `const x = "${mark}";\n// ${mark}: later\n` }), ["a.ts:2"]);
});

test("foreignWords() finds paths of one machine and registries", () => {
  const text =
    "see /work/x\nsee packages/work/ and https://example.org/root/\n/root/.cache\nhttps://registry.npmjs.org/x\n";
  assert.deepEqual(places(foreignWords, { "a.md": text }), ["a.md:1", "a.md:3", "a.md:4"]);
});

test("links() finds files and headings that are not there", () => {
  const files = {
    "docs/a.md": "[b](b.md) [c](./c.md#two-words) [up](../LICENSE) [web](https://example.org) [folder](decisions/)\n",
    "docs/b.md": "[gone](gone.md)\n\n[here](c.md#three)\n\n```\n[code](x.md)\n```\n[self](#none)\n",
    "docs/c.md": "# Two words\n",
    "docs/decisions/0001-a.md": "",
    LICENSE: "",
  };
  assert.deepEqual(places(links, files), ["docs/b.md:1", "docs/b.md:3", "docs/b.md:8"]);
});

test("versions() wants one version and exact ones", () => {
  assert.deepEqual(places(versions, MANIFESTS), []);
  const late = { ...SERVER, version: "0.2.0", dependencies: { "@myelin/platform": "0.1.1", ws: "^8.0.0" } };
  const path = "packages/server/package.json";
  assert.deepEqual(places(versions, { ...MANIFESTS, [path]: late }), [`${path}:1`, `${path}:1`, `${path}:1`]);
});

test("reasons() wants a row for each dependency", () => {
  const table =
    "| package | version | used by | why |\n|---|---|---|---|\n| `ws` | 8.0.0 | server | framing |\n| `fast-check` | 3.0.0 | tests | x |\n";
  assert.deepEqual(places(reasons, { ...MANIFESTS, "docs/dependencies.md": table }), ["package.json:1"]);
});

test("lock() finds addresses and holes", () => {
  const whole = {
    packages: {
      "": {},
      "node_modules/a": { version: "1.0.0" },
      "node_modules/b": { resolved: "packages/b", link: true },
    },
  };
  assert.deepEqual(places(lock, { "package-lock.json": whole }), []);
  const bad = {
    packages: {
      "node_modules/a": { resolved: "https://example.org/a.tgz", optionalDependencies: { "a-linux-x64": "1.0.0" } },
    },
  };
  assert.deepEqual(places(lock, { "package-lock.json": JSON.stringify(bad, null, 1) }), [
    "package-lock.json:4",
    "package-lock.json:1",
  ]);
});
