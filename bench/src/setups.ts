// How the servers are configured while they are measured. Both get the same configuration file.

/** A configuration under which every workload can be run. */
export interface Setup {
  readonly name: string;
  readonly description: string;
  /** Text of a configuration file for `-c`; null: none, the servers' defaults. `{folder}` stands for the folder that it is in. */
  readonly configuration: string | null;
  /** Whether the load speaks TLS. The folder then has `cert.pem` and `key.pem`. */
  readonly tls: boolean;
  /** Of what kind the certificate's key is; an elliptic-curve one unless said. */
  readonly keyType?: "rsa";
  /** Whether the load comes by WebSocket; the configuration opens the port for it. */
  readonly webSocket: boolean;
  /** What every connection of the load adds to its CONNECT. */
  readonly connect: Readonly<Record<string, unknown>>;
}

const ACCOUNTS = 20;
const USERS_PER_ACCOUNT = 10;

/** Ten patterns that allow all that the workloads publish and subscribe to. */
const ALLOW = ["bench.>", "req.*", "idle.*", "_INBOX.>", ...numbered("other", 6)];
/** Ten patterns of what they do not use; some lie inside of what is allowed, so that wildcard subscriptions have to be filtered. */
const DENY = ["bench.denied.>", "bench.*.secret", "req.denied", "_INBOX.denied.>", ...numbered("secret", 6)];

function numbered(word: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${word}.${i}.>`);
}

/** 200 users in 20 accounts, each with a password and permissions on both sides. */
function guardedConfiguration(): string {
  const lists = `{ allow: ${JSON.stringify(ALLOW)}, deny: ${JSON.stringify(DENY)} }`;
  const permissions = `{ publish: ${lists}, subscribe: ${lists} }`;
  const accounts = Array.from({ length: ACCOUNTS }, (_, account) => {
    const users = Array.from(
      { length: USERS_PER_ACCOUNT },
      (__, user) => `    { user: bench-${account}-${user}, password: bench, permissions: ${permissions} }`,
    );
    return `  ACCOUNT-${account} {\n    users: [\n${users.join("\n")}\n    ]\n  }`;
  });
  return `max_payload: 1MB\nmax_subscriptions: 200000\naccounts {\n${accounts.join("\n")}\n}\n`;
}

/** Every setup; the first is the one that is used when none is named. */
export const SETUPS: readonly Setup[] = [
  {
    name: "plain",
    description: "both servers with their defaults",
    configuration: null,
    tls: false,
    webSocket: false,
    connect: {},
  },
  {
    name: "guarded",
    description: "200 users in 20 accounts, 10 allowed and 10 denied patterns on both sides, and limits",
    configuration: guardedConfiguration(),
    tls: false,
    webSocket: false,
    connect: { user: "bench-7-3", pass: "bench" },
  },
  {
    name: "tls",
    description: "TLS 1.3 behind INFO, an elliptic-curve certificate",
    configuration: 'tls { cert_file: "{folder}/cert.pem", key_file: "{folder}/key.pem" }\n',
    tls: true,
    webSocket: false,
    connect: {},
  },
  {
    name: "tls-rsa",
    description: "the same with a certificate of RSA, 2048 bits: what handshakes cost then",
    configuration: 'tls { cert_file: "{folder}/cert.pem", key_file: "{folder}/key.pem" }\n',
    tls: true,
    keyType: "rsa",
    webSocket: false,
    connect: {},
  },
  {
    name: "websocket",
    description: "all connections by WebSocket, without TLS and compression",
    configuration: 'websocket { listen: "127.0.0.1:-1", no_tls: true }\n',
    tls: false,
    webSocket: true,
    connect: {},
  },
  {
    name: "wss",
    description: "all connections by WebSocket over TLS 1.3, an elliptic-curve certificate, without compression",
    configuration:
      'websocket { listen: "127.0.0.1:-1", tls { cert_file: "{folder}/cert.pem", key_file: "{folder}/key.pem" } }\n',
    tls: true,
    webSocket: true,
    connect: {},
  },
];
