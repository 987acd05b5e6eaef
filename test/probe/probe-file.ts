// A configuration file of the probe. Its comments that begin with `#:` say what is asked of a server that runs with it:
//
//   #: login a secret      a user and his password
//   #: login a             a user without a password
//   #: login -             nobody: no credentials at all
//   #: nkey 1              the user with this test key
//   #: token s3cret        the one token
//   #: certificate alice   who shows this certificate, of those that probe-server.ts makes; `alice a a` has a password too
//   #: cookies u=a; p=b    who sends these with the handshake of a WebSocket, and says nothing in CONNECT
//   #: by websocket        comes this way (tcp, tls, tls-first, websocket, wss); logins are tried by each way that is named,
//                          everything else by the first. @certs@ in the text is the folder of the certificates
//   #: literals foo bar    subjects to publish to, and to subscribe to
//   #: patterns foo.* >    more subjects to subscribe to
//   #: queues q v1.dev     queue groups to subscribe in
//   #: group foo.* q       all users join this group at once
//   #: service foo 3 [q]   everybody is asked here, and tries this many answers
//   #: expires             answers are tried until they are refused
//   #: proxy 2             this test key is that of a trusted proxy
//   #: logins few          leaves out the wrong ways to log in
//   #: stricter            Myelin refuses here on purpose what the reference lets through (docs/compatibility.md); what
//                          it answers stands in a file of its own, and must let through nothing that the reference refuses

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Identity } from "./identity.ts";

/** The folder of the files, seen from the compiled one. */
const FOLDER = fileURLToPath(new URL("../../probe/files/", import.meta.url));
const DIRECTION = /^#: (\w+) ?(.*)$/gm;

/** The ways to come. */
const DOORS = ["tcp", "tls", "tls-first", "websocket", "wss"] as const;

/** A way to come. */
export type Door = (typeof DOORS)[number];

/** A subscription that is asked for. */
export interface Wanted {
  readonly subject: string;
  readonly queue: string | null;
}

/** Where requests are answered. */
export interface Service extends Wanted {
  /** Answers that are tried. */
  readonly answers: number;
}

/** One configuration, and what is asked. */
export interface ProbeFile {
  readonly name: string;
  /** What it shows. */
  readonly title: string;
  readonly text: string;
  /** Where the recorded answers are. */
  readonly goldenPath: string;
  /** The recorded answers; empty where there are none yet. */
  readonly golden: string;
  /** Where the cells are in which Myelin is stricter on purpose; null where it is not. */
  readonly stricterPath: string | null;
  /** Those cells. */
  readonly stricter: string;
  readonly identities: readonly Identity[];
  /** Not empty. */
  readonly doors: readonly Door[];
  readonly literals: readonly string[];
  readonly patterns: readonly string[];
  readonly queues: readonly string[];
  readonly groups: readonly Wanted[];
  readonly service: Service | null;
  readonly expires: boolean;
  readonly triesFewLogins: boolean;
  /** The test key of a trusted proxy; null where none is tried. */
  readonly proxy: number | null;
}

/** Reads every file, in the order of their names. */
export async function readProbeFiles(): Promise<ProbeFile[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith(".conf")).toSorted();
  return Promise.all(names.map((name) => readProbeFile(name.slice(0, -".conf".length))));
}

async function readProbeFile(name: string): Promise<ProbeFile> {
  const text = await readFile(join(FOLDER, `${name}.conf`), "utf8");
  const goldenPath = join(FOLDER, `${name}.txt`);
  const golden = await readFile(goldenPath, "utf8").catch(() => "");
  const directions = new Map<string, string[]>();
  for (const [, key = "", value = ""] of text.matchAll(DIRECTION)) {
    directions.set(key, [...(directions.get(key) ?? []), value]);
  }
  const words = (key: string, otherwise: string): string[] => (directions.get(key)?.[0] ?? otherwise).split(" ");
  const [subject, answers, queue = null] = words("service", "");
  const stricterPath = directions.has("stricter") ? join(FOLDER, `${name}.stricter.txt`) : null;
  const stricter = stricterPath === null ? "" : await readFile(stricterPath, "utf8").catch(() => "");
  return {
    name,
    title: text.slice(2, text.indexOf("\n")),
    text,
    goldenPath,
    golden,
    stricterPath,
    stricter,
    identities: identitiesOf(directions),
    doors: (directions.get("by") ?? ["tcp"]).map(doorOf),
    literals: words("literals", "foo foo.a foo.b foo.a.b bar bar.a"),
    patterns: words("patterns", "* > foo.* foo.> *.a bar.>"),
    queues: words("queues", "q"),
    groups: (directions.get("group") ?? []).map((line) => {
      const [of = "", group = ""] = line.split(" ");
      return { subject: of, queue: group };
    }),
    service: answers === undefined ? null : { subject: subject as string, queue, answers: Number(answers) },
    expires: directions.has("expires"),
    triesFewLogins: directions.has("logins"),
    proxy: directions.has("proxy") ? Number(words("proxy", "")[0]) : null,
  };
}

function identitiesOf(directions: ReadonlyMap<string, readonly string[]>): Identity[] {
  const users = (directions.get("login") ?? []).map((line): Identity => {
    const [user = "", pass = ""] = line.split(" ");
    return user === "-" ? { kind: "nobody" } : { kind: "user", user, pass };
  });
  const nkeys = (directions.get("nkey") ?? []).map((number): Identity => ({ kind: "nkey", key: Number(number) }));
  const tokens = (directions.get("token") ?? []).map((token): Identity => ({ kind: "token", token }));
  const certificates = (directions.get("certificate") ?? []).map((line): Identity => {
    const [certificate = "", user = null, pass = ""] = line.split(" ");
    return { kind: "certificate", certificate, user, pass };
  });
  const cookies = (directions.get("cookies") ?? []).map((text): Identity => ({ kind: "cookies", cookies: text }));
  return [...users, ...nkeys, ...tokens, ...certificates, ...cookies];
}

function doorOf(text: string): Door {
  const door = DOORS.find((each) => each === text);
  if (door === undefined) throw new Error(`"${text}" is no way to come: there are ${DOORS.join(" ")}`);
  return door;
}
