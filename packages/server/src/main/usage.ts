// The help text. It tells what works; flags that are known and refused are listed by name, so that nobody has to try them.

import { FLAGS } from "./flags.ts";

/** Columns a line of the list of refused flags may have. */
const LINE_LENGTH_MAX = 96;

/**
 * The help text, with an empty line before and after it as the reference has.
 *
 * @param programName - The name under which the program was started.
 */
export function usageText(programName: string): string {
  return `
Usage: ${programName} [options]

Server:
    -a, --addr, --net <host>         Listen on this address (default: 0.0.0.0, every address)
    -p, --port <port>                Listen on this port (default: 4222; -1 picks a free one)
    -n, --name, --server_name <name> Name of this server (default: its id)
        --client_advertise <address> Tell clients this host or host:port instead of the real one
    -c, --config <file>              Read this configuration file; flags override it
    -t                               Check the configuration file, and exit
        --print_config               Print the settings and where each is from, and exit
    -P, --pid <file>                 Write the process id to this file
        --ports_file_dir <dir>       Write the addresses to <dir>/<program>_<pid>.ports, as JSON
    -sl,--signal <signal>[=<pid>]    Signal a running server: ldm, stop, quit, term, reopen, reload
                                     <pid> is a process id, the start of one with *, or a pid file

Logging:
    -l, --log <file>                 Log to this file instead of stderr
        --log_size_limit <bytes>     Start a new log file when this one is larger
    -T, --logtime                    Put the time on each line (default: true; off with -T=false)
        --logtime_utc                In UTC instead of the local time zone
    -D, --debug                      Log what helps to find a fault
    -V, --trace                      Log each protocol operation
    -VV                              The same, the system account's included
    -DV, -DVV                        -D with -V, -D with -VV

Authorization:
        --user <user>                Clients must name this user
        --pass <password>            and this password
        --auth <token>               Clients must send this token

Common:
    -h, --help                       Show this text
    -v, --version                    Show the version

Not supported yet, and refused:
${refusedFlags()}

`;
}

function refusedFlags(): string {
  const lines: string[] = [];
  let line = "   ";
  for (const { name, supported } of FLAGS) {
    if (supported) continue;
    if (line.length + name.length + 3 > LINE_LENGTH_MAX) {
      lines.push(line);
      line = "   ";
    }
    line += ` --${name}`;
  }
  lines.push(line);
  return lines.join("\n");
}
