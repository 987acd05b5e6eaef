// node scripts/examples.mjs: runs the tests in examples/ with the test runners they are for, outside the checkout, against the
// packages as they would be published. The runners come from the registry; without a way to it, it says so and runs nothing.

import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { fail } from "./lib/fail.mjs";
import { inEmptyFolder, installInto, packAll, runIn, UnreachableError } from "./lib/pack.mjs";
import { ROOT } from "./lib/repo.mjs";

const wanted = process.argv.slice(2);
const examples = readdirSync(join(ROOT, "examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && (wanted.length === 0 || wanted.includes(entry.name)))
  .map((entry) => entry.name);

try {
  await build();
  await inEmptyFolder((archiveFolder) => {
    const archives = packAll(archiveFolder);
    return inEmptyFolder((project) => {
      for (const name of examples) cpSync(join(ROOT, "examples", name), join(project, name), { recursive: true });
      // One installation for all of them: their manifests name the packages by version, as a user's would.
      installInto(project, archives, { workspaces: examples });
      for (const name of examples) runExample(name, join(project, name));
    });
  });
} catch (error) {
  if (!(error instanceof UnreachableError)) fail(error);
  console.log(`SKIPPED: ${examples.join(", ")}: the registry cannot be reached (${error.message})`);
}

function runExample(name, folder) {
  const { error, output, status } = runIn(folder, "npm", ["test", "--silent"]);
  const printed = `${output}${error}`.trim();
  if (status !== 0) throw new Error(`The example ${name} failed:\n\n${printed}`);
  const passed = /(?:# pass |Tests .*?|Tests:.*?)(\d+)(?: passed| *$)/m.exec(printed)?.[1];
  if (passed !== "3") throw new Error(`The example ${name} did not run its three tests:\n\n${printed}`);
  console.log(`examples/${name}: ${passed} tests passed`);
}
