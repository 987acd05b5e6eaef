// What is installed with Myelin: exact versions, and no package that runs code of its own when it is installed.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function read<T>(path: string): T {
  return JSON.parse(readFileSync(ROOT + path, "utf8")) as T;
}

test("no package of the lock runs a script when it is installed", () => {
  const { packages } = read<{ packages: Readonly<Record<string, { hasInstallScript?: boolean; integrity?: string }>> }>(
    "package-lock.json",
  );
  const entries = Object.entries(packages);
  assert.ok(entries.length > 20);
  const scripted = entries.filter(([, { hasInstallScript }]) => hasInstallScript === true);
  assert.deepEqual(
    scripted.map(([name]) => name),
    [],
  );
});

test("every dependency has an exact version, and those that users install have a reason", () => {
  const reasons = readFileSync(`${ROOT}docs/dependencies.md`, "utf8");
  const folders = ["", ...readdirSync(`${ROOT}packages`).map((name) => `packages/${name}/`)];
  for (const folder of folders) {
    const { dependencies, devDependencies, optionalDependencies } = read<Manifest>(`${folder}package.json`);
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
      if (name.startsWith("@myelin/")) continue;
      assert.match(version, EXACT, `${folder}: ${name}`);
    }
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (!name.startsWith("@myelin/"))
        assert.ok(reasons.includes(`\`${name}\``), `docs/dependencies.md says nothing of ${name}`);
    }
  }
});
