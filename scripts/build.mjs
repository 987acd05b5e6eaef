// npm run build: installs when that is needed, then compiles what changed. Says nothing when there is nothing to say.

import { fail } from "./lib/fail.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { isMain } from "./lib/repo.mjs";
import { captureTool } from "./lib/run.mjs";

/** Throws with the compiler's words when the sources do not compile. */
export async function build() {
  await ensureInstalled();
  const { ok, output } = await captureTool("tsc", ["-b"]);
  if (!ok) throw new Error(`tsc -b failed:\n\n${output.trim()}`);
}

if (isMain(import.meta.url)) await build().catch(fail);
