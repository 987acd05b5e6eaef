// The client's web form in a page of Chromium: its modules as they were compiled, a WebSocket to a server.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { CertificateFiles } from "../support/certificate-files.ts";
import { MyelinServer } from "../support/myelin-server.ts";
import type { RunningServer, Target } from "../support/target.ts";
import { forEveryTarget } from "../support/targets.ts";
import { findChromium, startChromium } from "./chromium.ts";
import { ModuleServer } from "./module-server.ts";
import type { Page as SessionPage } from "./page.ts";
import { expectedReport } from "./session.ts";

const DEADLINE = { timeout: 60_000 };
/** Nobody's requirement: docs/client-runtimes.md states what it is, and much more than that wants a look. */
const GZIP_BYTES_MAX = 85 * 1024;

interface Visit {
  readonly outcome: SessionPage["outcome"];
  /** Whatever went wrong in the page beside: errors and warnings of its console, uncaught errors, failed loads. */
  readonly complaints: readonly string[];
}

const chromium = findChromium();

if (chromium === null) {
  test("the client in a page of Chromium", { skip: "no Chromium: set CHROMIUM or put chromium on the PATH" });
} else {
  forEveryTarget("the client in a page of Chromium", new MyelinServer(), (target) => inChromium(chromium, target));
}

function inChromium(program: string, target: Target): void {
  describe(`the client in a page of Chromium, with a ${target.name}`, () => {
    let browser: Browser;
    let modules: ModuleServer;
    let server: RunningServer;
    let secure: RunningServer;
    const certificates = new CertificateFiles();

    before(async () => {
      const start = (security: string): Promise<RunningServer> =>
        target.start(new Map([["websocket", `{ listen: "127.0.0.1:-1", ${security}, compression: true }`]]));
      server = await start("no_tls: true");
      secure = await start(certificates.block);
      modules = await ModuleServer.start();
      browser = await startChromium(program);
    }, DEADLINE);
    after(async () => {
      await browser?.close();
      await modules?.close();
      await server?.stop();
      await secure?.stop();
      certificates.remove();
    }, DEADLINE);

    for (const scheme of ["ws", "wss"]) {
      test(
        `publishes, subscribes, requests and reconnects by ${scheme}://, and nothing complains`,
        DEADLINE,
        async () => {
          const { host, webSocketPort } = scheme === "ws" ? server : secure;
          const url = `${scheme}://${host}:${webSocketPort}`;
          const { complaints, outcome } = await visit(browser, `${modules.url}?server=${encodeURIComponent(url)}`);
          assert.deepEqual(outcome, { report: expectedReport("web") });
          assert.deepEqual(complaints, []);
        },
      );
    }

    test("is refused a server that takes no WebSocket, with an error that says so", DEADLINE, async () => {
      const url = `nats://${server.host}:${server.port}`;
      const { complaints, outcome } = await visit(browser, `${modules.url}?server=${encodeURIComponent(url)}`);
      assert.ok(outcome !== undefined && "error" in outcome, JSON.stringify(outcome));
      assert.match(outcome.error, /this platform has WebSocket only/);
      assert.deepEqual(complaints, []);
    });

    test("loads no module of Node, and not much", DEADLINE, (t) => {
      const own = modules.served.filter(({ path }) => !path.startsWith("page/"));
      assert.deepEqual(
        own.filter(({ path }) => /-node\.js$|\/node\//.test(path)),
        [],
      );
      for (const entry of ["client/web.js", "protocol/client.js"]) assert.ok(own.some(({ path }) => path === entry));
      const total = (of: "bytes" | "gzipBytes"): number => own.reduce((sum, module) => sum + module[of], 0);
      t.diagnostic(`${own.length} modules, ${total("bytes")} bytes, ${total("gzipBytes")} bytes compressed one by one`);
      assert.ok(total("gzipBytes") <= GZIP_BYTES_MAX, `${total("gzipBytes")} bytes are more than ${GZIP_BYTES_MAX}`);
    });
  });
}

/** Opens an address in a page of its own and waits for the outcome of its session. */
async function visit(browser: Browser, address: string): Promise<Visit> {
  const page = await browser.newPage();
  try {
    const complaints: string[] = [];
    page.on("console", (said) => {
      if (["error", "warning", "assert"].includes(said.type())) complaints.push(`${said.type()}: ${said.text()}`);
    });
    page.on("pageerror", (error) => complaints.push(`uncaught: ${String(error)}`));
    page.on("requestfailed", (request) => complaints.push(`not loaded: ${request.url()}`));
    await page.goto(address);
    const ended = await page.waitForFunction(() => (globalThis as unknown as SessionPage).outcome);
    return { outcome: await ended.jsonValue(), complaints };
  } finally {
    await page.close();
  }
}
