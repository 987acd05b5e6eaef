// The script of the page that browser.test.ts opens: runs a session against the server that the page's address names, and
// leaves what came of it where the test finds it.

import * as client from "@myelin/client";
import { type Report, runSession } from "./session.ts";

/** What the page is in a browser, as far as this script uses it. */
export interface Page {
  readonly location: { readonly search: string };
  /** Comes when the session has ended. */
  outcome?: { readonly report: Report } | { readonly error: string };
}

const page = globalThis as unknown as Page;
const servers = new URLSearchParams(page.location.search).get("server") ?? "";
try {
  page.outcome = { report: await runSession(client, servers) };
} catch (error) {
  page.outcome = { error: error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error) };
}
