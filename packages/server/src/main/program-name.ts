// The name under which the program was started, and what `ps` shows.
//
// Launchers look for `nats-server_<pid>.ports`, so a server in nats-server's place has to know that it stands there.
// Node's own first argument is `node`; these tell the name, the first that does:
//
//   1. MYELIN_PROGRAM_NAME in the environment       a script: MYELIN_PROGRAM_NAME=nats-server exec myelin-server "$@"
//   2. argv0, where it is not Node's own name       a script: exec -a nats-server node .../myelin-server.js "$@"
//   3. the script's file name, without .js          a link:   nats-server -> .../bin/myelin-server.js

import { basename } from "node:path";

/** The name when nothing else is told. */
export const DEFAULT_PROGRAM_NAME = "myelin-server";

/** What Node knows about how it was started. */
export interface StartedAs {
  /** The value of MYELIN_PROGRAM_NAME, if it is set. */
  readonly named: string | undefined;
  /** `process.argv0`. */
  readonly argv0: string;
  /** `process.argv[1]`: the script's path before links are followed. */
  readonly script: string | undefined;
  /** `process.execPath`. */
  readonly execPath: string;
}

/** The name for texts, for the ports file and for `ps`; never empty, never with a slash. */
export function programNameOf({ named, argv0, script, execPath }: StartedAs): string {
  const given = withoutExtension(named ?? "");
  if (given !== "") return given;
  const runtime = withoutExtension(argv0);
  if (runtime !== "" && runtime !== "node" && runtime !== "nodejs" && runtime !== withoutExtension(execPath)) {
    return runtime;
  }
  const scriptName = withoutExtension(script ?? "");
  return scriptName === "" || scriptName === "main" ? DEFAULT_PROGRAM_NAME : scriptName;
}

/** Only endings that say how a file is run: `nats-server_2.15` keeps its ending. */
function withoutExtension(path: string): string {
  return basename(path).replace(/\.(?:[cm]?js|exe)$/, "");
}

const REDACTED = "[REDACTED]";
const SECRET_FLAG = /^--?(?:user|pass|auth)(=.*)?$/s;

/**
 * The command line with user, password and token taken out, for `process.title`: what `ps` and `pgrep` show.
 * Between the start of the process and the setting of the title the secrets are to be seen; a file does not have that.
 */
export function processTitle(programName: string, args: readonly string[]): string {
  const shown = [programName];
  let hidesNext = false;
  for (const arg of args) {
    const secret = SECRET_FLAG.exec(arg);
    if (hidesNext) shown.push(REDACTED);
    else if (secret?.[1] !== undefined) shown.push(`${arg.slice(0, arg.indexOf("="))}=${REDACTED}`);
    else shown.push(arg);
    hidesNext = !hidesNext && secret !== null && secret[1] === undefined;
  }
  return shown.join(" ");
}
