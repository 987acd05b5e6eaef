// The drawing of which way imports point, as data. docs/decisions/0001 says why the borders are where they are.

/**
 * Per package: the siblings it may import (an entry point each), and whether it may use `node:` modules, and where.
 * Tests and benchmarks may import any package; `inTesting` is what `src/testing/` may import besides: suites and helpers for tests.
 */
export const PACKAGES = {
  platform: { siblings: [], node: /^node\// },
  protocol: { siblings: [], node: null },
  store: { siblings: ["platform", "protocol"], inTesting: ["platform/node", "platform/sim"], node: /./ },
  raft: { siblings: ["platform"], node: null },
  server: { siblings: ["platform", "platform/node", "protocol", "store", "raft"], node: /./ },
  client: { siblings: ["protocol/client", "platform", "platform/node"], node: /^(node\/|node[.-])|-node\.ts$/ },
  testing: {
    siblings: ["server", "client", "platform", "platform/node", "platform/sim", "protocol", "store"],
    node: /./,
  },
  cli: { siblings: ["client", "server", "protocol", "store", "platform", "platform/node"], node: /./ },
  console: { siblings: ["client"], node: null },
};

/** Entry points that only the files of a package that may use `node:` modules may import. */
export const NODE_ONLY_SIBLINGS = new Set(["platform/node"]);

/** Inside packages: files under `from` import nothing under `not`. */
export const FOLDERS = [
  {
    from: "packages/server/src/routing/",
    not: ["jetstream", "cluster", "net", "main"].map((folder) => `packages/server/src/${folder}/`),
    why: "routing sees subscribers through an interface and knows neither streams nor sockets",
  },
  {
    from: "packages/server/src/",
    except: "packages/server/src/main/",
    not: ["packages/server/src/main/"],
    why: "main/ is the process's shell: an embedded server does without it",
  },
  {
    from: "packages/platform/src/",
    except: "packages/platform/src/node/",
    not: ["packages/platform/src/node/"],
    why: "the interfaces and their simulated forms run where there is no Node",
  },
];
