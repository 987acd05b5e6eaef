// Finds the reference server, Go's nats-server, for tests and measurements side by side.

import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ROOT } from "./repo.mjs";
import { capture } from "./run.mjs";

/** The release whose behaviour is matched has this beginning; an older server would answer differently. */
const VERSION_MIN = [2, 15];

/** Where scripts/reference-server.mjs puts the one that it fetches. */
export const CACHED_SERVER = join(ROOT, ".cache/reference-server/nats-server");

/**
 * The path of a reference server that is here already: the one that `REFERENCE_SERVER` names, one on PATH that is new
 * enough, or one fetched before. Null when there is none. Throws when `REFERENCE_SERVER` names something that does not run.
 */
export async function findReferenceServer() {
  const named = process.env["REFERENCE_SERVER"];
  if (named) {
    if (!isExecutable(named)) throw new Error(`REFERENCE_SERVER names ${named}, which is not an executable file`);
    return named;
  }
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, "nats-server");
    if (folder !== "" && isExecutable(path) && (await isNewEnough(path))) return path;
  }
  return existsSync(CACHED_SERVER) ? CACHED_SERVER : null;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not for us: the same to the caller
  }
}

async function isNewEnough(path) {
  const { output } = await capture(path, ["--version"]).catch(() => ({ output: "" }));
  const [, major, minor] = / v(\d+)\.(\d+)/.exec(output) ?? [];
  return Number(major) > VERSION_MIN[0] || (Number(major) === VERSION_MIN[0] && Number(minor) >= VERSION_MIN[1]);
}
