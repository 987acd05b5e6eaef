// Serves a page and the modules it loads, on loopback, and remembers which. No bundler: an import map says where the
// packages are.

import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Seen from the compiled file. */
const CHECKOUT = new URL("../../../", import.meta.url);

const FOLDERS: ReadonlyMap<string, URL> = new Map([
  ["client", new URL("packages/client/dist/", CHECKOUT)],
  ["protocol", new URL("packages/protocol/dist/", CHECKOUT)],
  ["platform", new URL("packages/platform/dist/", CHECKOUT)],
  ["page", new URL("./", import.meta.url)],
]);

const IMPORTS = {
  "@myelin/client": "/client/web.js",
  "@myelin/protocol/client": "/protocol/client.js",
  "@myelin/platform": "/platform/index.js",
};

// The icon is named, so that no browser asks for one that is not there.
const PAGE = `<!doctype html>
<html lang="en">
<title>session</title>
<link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module" src="/page/page.js"></script>
</html>
`;

/** A module that was asked for. */
export interface ServedModule {
  /** As in the page's addresses: `client/web.js`. */
  readonly path: string;
  readonly bytes: number;
  /** What it takes when the server compresses it by itself. */
  readonly gzipBytes: number;
}

/** A running server of the page. */
export class ModuleServer {
  readonly #server: Server;
  readonly #served = new Map<string, ServedModule>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = new URL(request.url ?? "/", "http://page").pathname;
      void this.#answer(path).then(({ status, type, body }) => {
        response.writeHead(status, { "content-type": type }).end(body);
      });
    });
  }

  /** Listens on a free port of the loopback address. */
  static async start(): Promise<ModuleServer> {
    const own = new ModuleServer();
    await new Promise<void>((resolve) => own.#server.listen(0, "127.0.0.1", resolve));
    return own;
  }

  /** The page's address. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** The modules that were asked for, each once. */
  get served(): readonly ServedModule[] {
    return [...this.#served.values()];
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(path: string): Promise<{ status: number; type: string; body: string | Buffer }> {
    if (path === "/") return { status: 200, type: "text/html; charset=utf-8", body: PAGE };
    const [, folder = "", name = ""] = /^\/(\w+)\/([\w/-]+\.js)$/.exec(path) ?? [];
    const root = FOLDERS.get(folder);
    if (root === undefined) return { status: 404, type: "text/plain", body: `there is no ${path}` };
    try {
      const body = await readFile(fileURLToPath(new URL(name, root)));
      const sizes = { bytes: body.length, gzipBytes: gzipSync(body, { level: 9 }).length };
      this.#served.set(path, { path: path.slice(1), ...sizes });
      return { status: 200, type: "text/javascript; charset=utf-8", body };
    } catch (error) {
      return { status: 404, type: "text/plain", body: String(error) };
    }
  }
}
