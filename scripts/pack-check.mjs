// node scripts/pack-check.mjs: packs the packages, installs them into an empty project elsewhere, and runs them there: the
// embedded server, the harness, the program, and the types. Without a way to the registry it says so and tests nothing.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { fail } from "./lib/fail.mjs";
import { inEmptyFolder, installInto, packAll, runIn, UnreachableError } from "./lib/pack.mjs";
import { ROOT } from "./lib/repo.mjs";

const PROGRAM = `
import assert from "node:assert/strict";
import { createServer } from "@myelin/server";
import { RawClient, startServer, waitFor } from "@myelin/testing";

await using(await createServer(), async (server) => {
  const client = new RawClient(server.connectInProcess());
  await client.handshake();
  client.send("SUB a 1\\r\\nPUB a 2\\r\\nhi\\r\\n");
  await client.expect(/MSG a 1 2\\r\\nhi\\r\\n/);
  await waitFor(() => server.subscriptionCount === 1);
});
// Passwords with bcrypt are checked on a thread, which has a file of its own.
await using(await createServer({ user: "a", pass: "$2a$04$6emDf8R2p/frPuoc2GdT1OwAk1Zj9Eavixksb0ToBigt4patgfLDy" }), async (server) => {
  const client = new RawClient(server.connectInProcess());
  await client.handshake({ user: "a", pass: "s3cret" });
});
for (const run of ["in-process", "child"]) {
  await using(await startServer({ run }), async (server) => {
    const client = await RawClient.connect(server.url);
    await client.handshake();
    client.close();
  });
}
console.log("it runs");

async function using(server, use) {
  try {
    await use(server);
  } finally {
    await server.close();
  }
}
`;

const TYPED = `
import { createServer, type EmbeddedServer } from "@myelin/server";
import { startServer, type TestServer } from "@myelin/testing";

const server: EmbeddedServer = await createServer({ port: -1, authenticate: ({ user }) => ({ user }) });
const other: TestServer = await startServer({ run: "child" });
export const urls: string[] = [server.url, other.urlWith({ user: "a", pass: "b" })];
// @ts-expect-error there is no such option
await createServer({ prot: 1 });
`;

const TYPED_CONFIG = {
  compilerOptions: {
    module: "nodenext",
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    strict: true,
    noEmit: true,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
  },
  include: ["typed.ts"],
};

try {
  await build();
  await inEmptyFolder((archiveFolder) => {
    const archives = packAll(archiveFolder);
    return inEmptyFolder((project) => {
      installInto(project, archives);
      writeFileSync(join(project, "program.js"), PROGRAM);
      writeFileSync(join(project, "typed.ts"), TYPED);
      writeFileSync(join(project, "tsconfig.json"), JSON.stringify(TYPED_CONFIG));
      expectOutput(project, ["program.js"], /^it runs$/m);
      expectOutput(project, [bin("@myelin/server", "myelin-server.js"), "--version"], /^myelin-server: v\d/);
      expectOutput(project, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json"], /^$/);
      console.log(`${archives.size} packages installed into an empty project, and ran there`);
    });
  });
} catch (error) {
  if (!(error instanceof UnreachableError)) fail(error);
  console.log(`SKIPPED: the packages were not installed elsewhere, the registry cannot be reached (${error.message})`);
}

function bin(name, file) {
  return join("node_modules", name, "bin", file);
}

function expectOutput(project, args, pattern) {
  const { error, output, status } = runIn(project, process.execPath, args);
  if (status !== 0 || !pattern.test(output.trim()))
    throw new Error(`In an empty project, node ${args.join(" ")} ended with ${status}:\n\n${output}${error}`);
}
