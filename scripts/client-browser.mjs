// node scripts/client-browser.mjs: the client in a page of headless Chromium, over WebSocket to the reference server.
//
// Skipped, aloud, where there is no chromium or no reference server. Needs a build.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { fail } from "./lib/fail.mjs";
import { ROOT } from "./lib/repo.mjs";
import { capture } from "./lib/run.mjs";

const FIXTURES = join(ROOT, "packages", "client", "dist", "fixtures", "reference-server.js");
const PAGE = "/packages/client/smoke/browser.html";
const TYPES = { ".html": "text/html", ".js": "text/javascript" };
const EXPECTED = [300_000, "yes", 100, "closed"];
const TIMEOUT_MS = 60_000;

async function main() {
  const { ReferenceServer, skipWithoutServer } = await import(pathToFileURL(FIXTURES).href);
  if (skipWithoutServer !== false) return skip(skipWithoutServer);
  const hasChromium = await capture("chromium", ["--version"]).then(
    ({ ok }) => ok,
    () => false,
  );
  if (!hasChromium) return skip("there is no chromium on the PATH");
  const server = await ReferenceServer.start({ config: 'websocket { listen: "127.0.0.1:-1", no_tls: true }\n' });
  const profile = mkdtempSync(join(tmpdir(), "client-browser-"));
  const site = createServer();
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  const url = `http://127.0.0.1:${site.address().port}${PAGE}?server=ws://127.0.0.1:${server.webSocketPort}`;
  const args = ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`, url];
  const browser = spawn("chromium", args, { stdio: "ignore" });
  try {
    const told = await resultOf(site);
    if (JSON.stringify(told) !== JSON.stringify(EXPECTED)) {
      throw new Error(`The client fails in a browser: ${JSON.stringify(told)}, not ${JSON.stringify(EXPECTED)}`);
    }
    console.log("chromium: passed");
  } finally {
    const gone = once(browser, "exit");
    browser.kill();
    await gone;
    site.closeAllConnections();
    site.close();
    await server.stop();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function skip(reason) {
  console.log(`SKIPPED: the client in a browser: ${reason}`);
}

/** Serves the packages' files, and resolves with what the page posts. */
function resultOf(site) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The page said nothing for ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    site.on("request", async (request, response) => {
      const { pathname } = new URL(request.url, "http://page");
      if (pathname === "/result") {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        response.end();
        clearTimeout(timer);
        resolve(JSON.parse(Buffer.concat(chunks).toString()));
        return;
      }
      const type = TYPES[extname(pathname)];
      if (!pathname.startsWith("/packages/") || normalize(pathname) !== pathname || type === undefined) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { "Content-Type": type }).end(readFileSync(join(ROOT, pathname)));
    });
  });
}

main().catch(fail);
