// myelin rtt: how long the servers take to answer.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { Command } from "commander";
import { argument } from "../argument.ts";
import { CliError, errorText } from "../cli-error.ts";
import { openConnection, serversOf, withoutSecrets } from "../connection.ts";
import { formatDuration } from "../duration.ts";
import type { GlobalOptions } from "../global-options.ts";
import type { Outside } from "../outside.ts";
import { parsePositive } from "../quantity.ts";

interface RttOptions extends GlobalOptions {
  readonly json?: boolean;
}

const NS_PER_MS = 1e6;
const DEFAULT_PORT = "4222";

/** The command. */
export function rttCommand(outside: Outside): Command {
  return new Command("rtt")
    .summary("measure the round-trip time to the servers")
    .description("Measures the round-trip time to each address of each server of --server.")
    .argument("[iterations]", "round trips per address", argument(parsePositive), 5)
    .option("-j, --json", "print JSON")
    .action(async (iterations: number, _options: unknown, self: Command) => {
      await rtt(iterations, self.optsWithGlobals<RttOptions>(), outside);
    });
}

interface Target {
  /** As it may be shown. */
  readonly url: string;
  readonly addresses: readonly Address[];
}

interface Address {
  /** With the credentials of its URL. */
  readonly url: URL;
  readonly shown: string;
}

interface Result {
  readonly address: string;
  readonly time: string;
  /** Null: it failed. */
  readonly rttMs: number | null;
}

async function rtt(iterations: number, options: RttOptions, outside: Outside): Promise<void> {
  const { output } = outside;
  const targets = await Promise.all((await serversOf(options, output)).split(",").map(targetOf));
  const measured: Array<{ url: string; results: Result[] }> = [];
  for (const { url, addresses } of targets) {
    const results: Result[] = [];
    for (const address of addresses) results.push(await measure(address, iterations, options, outside));
    measured.push({ url, results });
  }
  if (options.json === true) output.line(JSON.stringify(measured.map(jsonOf), null, 2));
  else for (const { url, results } of measured) output.print(`${url}:\n\n${results.map(lineOf).join("")}\n`);
  const failed = measured.flatMap(({ results }) => results).filter(({ rttMs }) => rttMs === null);
  if (failed.length > 0) throw new CliError(`${failed.length} of the addresses could not be measured; see above`);
}

async function measure(address: Address, iterations: number, options: RttOptions, outside: Outside): Promise<Result> {
  const { output } = outside;
  const time = new Date().toISOString();
  let totalMs = 0;
  try {
    const connection = await openConnection(options, output, address.url.href);
    try {
      for (let i = 1; i <= iterations; i++) {
        const tookMs = await connection.rtt({ timeout: options.timeout });
        if (options.trace === true) output.log(`#${i}: rtt=${formatDuration(tookMs)}`);
        totalMs += tookMs;
      }
    } finally {
      await connection.close();
    }
  } catch (error) {
    output.log(`Failed to compute rtt for ${address.shown}: ${errorText(error)}`);
    return { address: address.shown, time, rttMs: null };
  }
  return { address: address.shown, time, rttMs: totalMs / iterations };
}

/** A server and its addresses: one, or as many as its name has. */
async function targetOf(server: string): Promise<Target> {
  const text = server.trim();
  const url = urlOf(text.includes("://") ? text : `nats://${text}`);
  if (url.port === "") url.port = DEFAULT_PORT;
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const found = isIP(name) === 0 ? await lookup(name, { all: true }).catch(() => []) : [];
  const urls = found.map(({ address, family }) => {
    const one = new URL(url.href);
    one.hostname = family === 6 ? `[${address}]` : address;
    return one;
  });
  const addresses = (urls.length === 0 ? [url] : urls).map((one) => ({ url: one, shown: shownUrl(one) }));
  return { url: shownUrl(url), addresses };
}

function urlOf(text: string): URL {
  try {
    return new URL(text);
  } catch (error) {
    throw new CliError(`cannot read the server ${withoutSecrets(text)}: write nats://host:port (${errorText(error)})`);
  }
}

function shownUrl({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}

function lineOf({ address, rttMs }: Result): string {
  return `   ${address}: ${rttMs === null ? "failed" : formatDuration(rttMs)}\n`;
}

/** As natscli writes it: the round trip in nanoseconds, 0 for one that failed. */
function jsonOf({ url, results }: { url: string; results: readonly Result[] }): unknown {
  return {
    url,
    results: results.map(({ address, time, rttMs }) => ({
      time,
      address,
      rtt: Math.round((rttMs ?? 0) * NS_PER_MS),
      url: rttMs === null ? "" : address,
    })),
  };
}
