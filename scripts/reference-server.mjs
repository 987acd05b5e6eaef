// node scripts/reference-server.mjs: prints the path of a reference server, fetching one when there is none.
//
// It comes from Debian's suite below: the package is downloaded with apt, whose signatures vouch for it, and taken apart
// under .cache/. Nothing is installed, and the machine's own package lists stay as they are, so no root is needed.
// When there is no way to a server it says why and exits with 1: tests that need one then skip, aloud.

import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "./lib/fail.mjs";
import { CACHED_SERVER, findReferenceServer } from "./lib/reference-server.mjs";
import { capture } from "./lib/run.mjs";

/** The suite that carries the release whose behaviour is matched; stable has an older one. */
const SUITE = "forky";
const PUBLIC_MIRROR = "http://deb.debian.org/debian";

async function fetchServer() {
  const cache = dirname(CACHED_SERVER);
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "fetch-"));
  try {
    const failures = [];
    for (const mirror of await mirrors()) {
      const failure = await fetchFrom(mirror, folder);
      if (failure === null) return CACHED_SERVER;
      failures.push(`${mirror}: ${failure}`);
    }
    throw new Error(`No reference server could be fetched.\n${failures.join("\n")}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The mirrors that this machine uses, as it may reach no other, and the public one. */
async function mirrors() {
  const question = ["indextargets", "--format", "$(SITE)", "Created-By: Packages"];
  const { ok, output } = await capture("apt-get", question).catch(() => {
    throw new Error("No reference server is on PATH, and without apt-get there is no way to fetch one");
  });
  const sites = ok ? output.split("\n").filter((line) => /^https?:/.test(line) && !line.includes("security")) : [];
  return [...new Set([...sites, PUBLIC_MIRROR])];
}

/** Null when the server is in its place, else what went wrong. */
async function fetchFrom(mirror, folder) {
  const options = aptOptions(mirror, folder);
  const steps = [
    () => capture("apt-get", [...options, "update", "-qq"]),
    () => capture("apt-get", [...options, "download", "-qq", "nats-server"], folder),
    () => capture("dpkg-deb", ["-x", join(folder, packageIn(folder)), join(folder, "unpacked")]),
  ];
  for (const step of steps) {
    const { ok, output } = await step();
    if (!ok) return output.trim();
  }
  const binary = join(folder, "unpacked/usr/sbin/nats-server");
  chmodSync(binary, 0o755);
  renameSync(binary, CACHED_SERVER);
  return null;
}

/** An apt of our own: other sources and lists, the machine's keys. */
function aptOptions(mirror, folder) {
  for (const name of ["lists/partial", "archives/partial"]) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "sources.list"), `deb ${mirror} ${SUITE} main\n`);
  const settings = {
    "Dir::Etc::sourcelist": join(folder, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State::lists": join(folder, "lists"),
    "Dir::Cache": folder,
    "Dir::Cache::archives": join(folder, "archives"),
    "APT::Sandbox::User": "root",
    "APT::Default-Release": "",
    "Acquire::Retries": "2",
    "Acquire::http::Timeout": "20",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

function packageIn(folder) {
  const name = readdirSync(folder).find((entry) => entry.startsWith("nats-server_") && entry.endsWith(".deb"));
  if (name === undefined) throw new Error(`apt-get downloaded no package into ${folder}`);
  return name;
}

try {
  console.log((await findReferenceServer()) ?? (await fetchServer()));
} catch (error) {
  fail(error);
}
