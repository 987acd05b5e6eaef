// Which test files there are. The list comes from the sources, so that what an old build left in `dist` is not run.

import { listFiles, packageFolders } from "./repo.mjs";

/**
 * Every file that `npm test` runs, as paths from the checkout's folder: the whole-system tests first, because they take
 * longest; a benchmark beside a module is run tiny (see CONTRIBUTING.md), so that it cannot rot.
 *
 * @returns {string[]}
 */
export function testFiles() {
  const files = listFiles("test", /\.test\.ts$/).map((path) => compiled(path, "test/", "test/dist/"));
  for (const folder of [...packageFolders().map((name) => `packages/${name}`), "bench"]) {
    for (const path of listFiles(`${folder}/src`, /\.(test|bench)\.tsx?$/))
      files.push(compiled(path, `${folder}/src/`, `${folder}/dist/`));
  }
  files.push(...listFiles("scripts", /\.test\.mjs$/));
  return files;
}

function compiled(path, from, to) {
  return to + path.slice(from.length).replace(/\.tsx?$/, ".js");
}
