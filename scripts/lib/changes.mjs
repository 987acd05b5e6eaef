// Which parts of the checkout changed since somebody last asked, by the time stamps of their sources.

import { statSync } from "node:fs";
import { join } from "node:path";
import { listFiles, packageFolders, ROOT } from "./repo.mjs";

/** Remembers, per part (`packages/<name>/`, `test/`, `bench/`), when its newest source was written. */
export class Changes {
  #newestMs = new Map();

  constructor() {
    this.take();
  }

  /** The parts with a source that is newer than at the last call, as path prefixes. */
  take() {
    const changed = [];
    for (const part of [...packageFolders().map((name) => `packages/${name}`), "test", "bench"]) {
      const newestMs = newestSourceMs(part);
      if (newestMs > (this.#newestMs.get(part) ?? 0)) changed.push(`${part}/`);
      this.#newestMs.set(part, newestMs);
    }
    return changed;
  }
}

function newestSourceMs(folder) {
  let newestMs = 0;
  for (const path of listFiles(folder, /\.tsx?$/)) newestMs = Math.max(newestMs, statSync(join(ROOT, path)).mtimeMs);
  return newestMs;
}
