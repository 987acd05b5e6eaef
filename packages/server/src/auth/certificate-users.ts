// Which user a client certificate stands for (verify_and_map). The order is the reference's (auth.go, checkClientTLSCertSubject):
//
//   email addresses -> DNS names -> URIs -> the subject's name, in its order, then in any -> the subject as Go writes it with its
//   domain components -> the same without them
//
// The first that is a user counts. Users that may not come by this kind of connection do not count at all.

import type { ServerOptions } from "../options.ts";
import {
  type DistinguishedName,
  domainText,
  nameOfSubject,
  parseName,
  sameName,
  sameNameInAnyOrder,
  subjectText,
} from "../tls/distinguished-name.ts";
import type { PeerCertificate } from "../tls/peer-certificate.ts";
import type { ConnectionType, UserOptions } from "./users.ts";

/** What was found in a certificate. */
export interface MappedUser {
  readonly user: UserOptions;
  /** How it was found, in the words of the reference's log: `email found in cert`, `DistinguishedNameMatch`, ... */
  readonly by: string;
}

/** The kinds of connection whose listener maps certificates to users. */
export function kindsWithCertificates({
  listen,
  tls,
  webSocket,
}: Pick<ServerOptions, "listen" | "tls" | "webSocket">): readonly ConnectionType[] {
  const kinds: ConnectionType[] = [];
  if (listen && tls?.map === true) kinds.push("STANDARD");
  if (webSocket.tls?.map === true) kinds.push("WEBSOCKET");
  return kinds;
}

const BY_NAME = "DistinguishedNameMatch";
const BY_SEQUENCE = "RDNSequence";

/** The users of a server, to be found by their certificates. */
export class CertificateUsers {
  readonly #users: ReadonlyMap<string, UserOptions>;
  /** Users whose names are names of subjects; made when the first certificate asks for one. */
  #named: ReadonlyArray<{ readonly user: UserOptions; readonly wanted: DistinguishedName }> | null = null;

  /** @param users - By name. */
  constructor(users: ReadonlyMap<string, UserOptions>) {
    this.#users = users;
  }

  /**
   * Finds the user that a certificate stands for.
   *
   * @param isAllowed - Whether a user may come by this kind of connection.
   * @param failed - Told which way of reading the subject, and what it gave, stands for nobody; in the reference's words.
   * @returns Null when it stands for nobody.
   */
  find(
    certificate: PeerCertificate,
    isAllowed: (user: UserOptions) => boolean,
    failed: (way: string, text: string) => void = () => {},
  ): MappedUser | null {
    const named = (names: readonly string[], by: string): MappedUser | null => {
      for (const name of names) {
        const user = name === "" ? undefined : this.#users.get(name);
        if (user !== undefined && isAllowed(user)) return { user, by };
      }
      return null;
    };
    const { dnsNames, emailAddresses, subject, uris } = certificate;
    const text = subjectText(subject);
    const domain = domainText(subject);
    const first =
      named(emailAddresses, "email found in cert") ??
      named(dnsNames, "SAN found in cert") ??
      named(uris, "URI found in cert") ??
      this.#byName(certificate, isAllowed);
    if (first !== null) return first;
    failed(BY_NAME, text);
    if (domain !== "") {
      const found = named([`${text},${domain}`], BY_SEQUENCE);
      if (found !== null) return found;
      failed(BY_SEQUENCE, `${text},${domain}`);
    }
    return named([text], "certificate subject");
  }

  #byName({ subject }: PeerCertificate, isAllowed: (user: UserOptions) => boolean): MappedUser | null {
    const name = nameOfSubject(subject);
    // An empty name is nobody's.
    if (name === null || name.length === 0) return null;
    this.#named ??= [...this.#users].flatMap(([text, user]) => {
      const wanted = parseName(text);
      return wanted === null ? [] : [{ user, wanted }];
    });
    const candidates = this.#named.filter(({ user }) => isAllowed(user));
    const found =
      candidates.find(({ wanted }) => sameName(wanted, name)) ??
      candidates.find(({ wanted }) => sameNameInAnyOrder(wanted, name));
    return found === undefined ? null : { user: found.user, by: BY_NAME };
  }
}
