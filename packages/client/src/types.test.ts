// The types of the package, as a user's compiler finds them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const packages = new URL("../../", import.meta.url);
const modules = fileURLToPath(new URL("../../../node_modules/", import.meta.url));

const PROGRAM = `
import { connect, headers, type Msg, type NatsConnection } from "@myelin/client";
import { traced } from "@myelin/client/otel";

const nc: NatsConnection = await connect({ servers: "127.0.0.1:4222", maxReconnectAttempts: -1 });
const h = headers();
h.set("Trace", "17");
nc.publish("orders.new", "{}", { headers: h });
const msg: Msg = await traced(nc).request("orders.count");
export const count: number = msg.json<{ count: number }>().count;
for await (const status of nc.status()) if (status.type === "reconnect") export_(status.server);
function export_(_server: string): void {}
// @ts-expect-error: a number is no subject
nc.publish(1);
`;

/** A user's project with the package in its node_modules. */
async function project(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "myelin-types-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const linked = [
    ["@myelin/client", fileURLToPath(new URL("client", packages))],
    ["@opentelemetry/api", join(modules, "@opentelemetry/api")],
    ["@types/node", join(modules, "@types/node")],
  ] as const;
  for (const [name, target] of linked) {
    const link = join(folder, "node_modules", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(target, link, "junction");
  }
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "program.ts"), PROGRAM);
  return folder;
}

for (const [name, options] of [
  ["nodenext", { module: "nodenext", moduleResolution: "nodenext", types: ["node"] }],
  ["node16", { module: "node16", moduleResolution: "node16", types: ["node"] }],
  ["bundler", { module: "esnext", moduleResolution: "bundler", types: ["node"] }],
  [
    "bundler, for browsers",
    { module: "esnext", moduleResolution: "bundler", customConditions: ["browser"], types: [] },
  ],
] as const) {
  test(`the types are found and complete with moduleResolution ${name}`, async (t) => {
    const folder = await project(t);
    const compilerOptions = {
      ...options,
      target: "es2022",
      lib: ["es2023", "dom", "esnext.disposable"],
      strict: true,
      noEmit: true,
      skipLibCheck: false,
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
    const tsc = join(modules, "typescript/bin/tsc");
    const run = promisify(execFile)(process.execPath, [tsc, "-p", folder, "--pretty", "false"], { timeout: 60_000 });
    const { stdout } = await run.catch((error: unknown) => error as { stdout: string });
    assert.equal(stdout, "");
  });
}

// TypeScript 7 has no moduleResolution node10 any more, so that nothing can be compiled with it here; it reads these fields.
for (const name of ["client", "protocol", "platform"]) {
  test(`every entry of ${name} has types for compilers that do not read "exports"`, async () => {
    const folder = new URL(`${name}/`, packages);
    const manifest = JSON.parse(await readFile(new URL("package.json", folder), "utf8")) as {
      main: string;
      types: string;
      typesVersions: { "*": Record<string, string[]> };
      exports: Record<string, { types?: string; default?: string; node?: { types: string; default: string } }>;
    };
    for (const [entry, conditions] of Object.entries(manifest.exports)) {
      if (entry === "./package.json") continue;
      const { types, default: program } = conditions.node ?? conditions;
      const older = entry === "." ? manifest.types : manifest.typesVersions["*"][entry.slice(2)]?.[0];
      assert.equal(older, types, entry);
      if (entry === ".") assert.equal(manifest.main, program);
      await access(new URL(types ?? "", folder));
    }
  });
}
