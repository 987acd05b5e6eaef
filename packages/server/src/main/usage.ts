// The help text. It tells what works; flags that are known and refused are listed by name, so that nobody has to try them.

import {
  CIPHER_SUITE_NAMES,
  CURVE_NAMES,
  cipherSuiteProblem,
  curveProblem,
  isInsecureSuite,
} from "../tls/cipher-suites.ts";
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
    -sd, --store_dir <dir>           Keep OCSP answers that are stapled in <dir>/ocsp
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

TLS:
        --tls                        Clients connect with TLS; --tls=false without, whatever the file says
        --tlscert <file>             Certificate of the server, PEM
        --tlskey <file>              Private key of that certificate, PEM
        --tlsverify                  Clients need a certificate
        --tlscacert <file>           The CAs that client certificates are from, PEM
        --help_tls                   Show what a tls block of a configuration file may hold

Common:
    -h, --help                       Show this text
    -v, --version                    Show the version

Not supported yet, and refused:
${refusedFlags()}

`;
}

/** The help text about TLS, with the names of cipher suites and curves, the latter as far as this Node.js has them. */
export function tlsUsageText(): string {
  const list = (names: readonly string[]): string => names.map((name) => `    ${name}`).join("\n");
  return `
TLS is configured in the tls block of a configuration file:

    tls {
        cert_file:      "./certs/server-cert.pem"
        key_file:       "./certs/server-key.pem"
        ca_file:        "./certs/ca.pem"
        verify:         true
        verify_and_map: true
        min_version:    "1.3"
    }

The suites of TLS 1.3 are always there. Cipher suites that cipher_suites may name:
${list(CIPHER_SUITE_NAMES.filter((name) => cipherSuiteProblem(name) === null))}

Those of them that need allow_insecure_cipher_suites:
${list(CIPHER_SUITE_NAMES.filter((name) => cipherSuiteProblem(name) === null && isInsecureSuite(name)))}

Curves that curve_preferences may name:
${list(CURVE_NAMES.filter((name) => curveProblem(name) === null))}

With OCSP, certificate authorities are asked whether certificates are still good: the server's own, which are stapled then, and
those of clients. What they answer is kept, on disk where a folder is named for it:

    ocsp { mode: always }

    tls {
        verify:    true
        ocsp_peer: true
    }

    store_dir: "./data"
    ocsp_cache {
        type:             local
        local_store:      "_rc_"
        preserve_revoked: false
        save_interval:    "5m"
    }

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
