// How the servers are configured while they are measured. Both get the same configuration file.

/** A configuration under which every workload can be run. */
export interface Setup {
  readonly name: string;
  readonly description: string;
  /** Text of a configuration file for `-c`; null: none, the servers' defaults. */
  readonly configuration: string | null;
  /** What every connection of the load adds to its CONNECT. */
  readonly connect: Readonly<Record<string, unknown>>;
}

/** Permissions that allow what the workloads do, and deny something, so that each publish and subscription is checked. */
const GUARDED_CONFIGURATION = `
max_payload: 1MB
max_subscriptions: 200000
authorization {
  timeout: 5
  users: [
    {
      user: bench
      password: bench
      permissions: {
        publish: { allow: ["bench.>", "req.*", "_INBOX.>"], deny: ["bench.denied.>"] }
        subscribe: { allow: ["bench.>", "req.*", "idle.*", "_INBOX.>"], deny: ["bench.denied.>"] }
      }
    }
  ]
}
`;

/** Every setup; the first is the one that is used when none is named. */
export const SETUPS: readonly Setup[] = [
  { name: "plain", description: "both servers with their defaults", configuration: null, connect: {} },
  {
    name: "guarded",
    description: "a user with a password, allowed and denied subjects, and limits",
    configuration: GUARDED_CONFIGURATION,
    connect: { user: "bench", pass: "bench" },
  },
];
