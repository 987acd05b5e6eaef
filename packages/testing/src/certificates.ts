// Certificates for tests: a CA of one's own, and what it issues. Made when they are needed, so that none is ever out of date
// and no key lies in a repository. X.509 in DER, as far as TLS needs it.

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** A certificate and its private key, both PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** One attribute of a name: `["CN", "alice"]`. The type is a short name, or an object identifier in dots. */
export type NameAttribute = readonly [type: string, value: string];

/** What a certificate is to say. */
export interface CertificateRequest {
  /** The subject, one entry for each relative name, in the certificate's order; several attributes in one belong together. */
  readonly subject?: ReadonlyArray<NameAttribute | readonly NameAttribute[]>;
  readonly dnsNames?: readonly string[];
  /** IPv4, dotted. */
  readonly ipAddresses?: readonly string[];
  readonly emailAddresses?: readonly string[];
  readonly uris?: readonly string[];
  /** What it may be used for; both when absent. */
  readonly usage?: "server" | "client";
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** True: it asks its server for OCSP stapling (RFC 7633). */
  readonly mustStaple?: boolean;
  /** Elliptic curve P-256 when absent. */
  readonly keyType?: "ec" | "rsa";
}

const HOUR_MS = 3_600_000;
const RSA_BITS = 2048;

const NAME_TYPES: Readonly<Record<string, string>> = {
  CN: "2.5.4.3",
  SERIALNUMBER: "2.5.4.5",
  C: "2.5.4.6",
  L: "2.5.4.7",
  ST: "2.5.4.8",
  STREET: "2.5.4.9",
  O: "2.5.4.10",
  OU: "2.5.4.11",
  DC: "0.9.2342.19200300.100.1.25",
};

/** A certificate authority for tests. What it issues is valid from an hour ago to an hour from now, unless it is asked for more. */
export class TestAuthority {
  /** Its own certificate, PEM: what the other side has to trust. */
  readonly cert: string;
  readonly #name: Buffer;
  readonly #key: KeyObject;

  constructor(commonName: string = "Test CA") {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    this.#key = privateKey;
    this.#name = nameOf([["CN", commonName]]);
    const extensions = [
      extension("2.5.29.19", sequence(tagged(0x01, Buffer.from([0xff]))), true),
      extension("2.5.29.15", Buffer.from([0x03, 0x02, 0x01, 0x06]), true),
    ];
    this.cert = this.#sign(this.#name, publicKey, extensions, new Date(Date.now() - HOUR_MS), inAnHour());
  }

  /** Issues a certificate with a new key: for `localhost` and 127.0.0.1 where the request names nothing. */
  issue(request: CertificateRequest = {}): TestCertificate {
    const { keyType = "ec", notAfter = inAnHour(), notBefore = new Date(Date.now() - HOUR_MS) } = request;
    const { privateKey, publicKey } =
      keyType === "rsa"
        ? generateKeyPairSync("rsa", { modulusLength: RSA_BITS })
        : generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const { subject, dnsNames, ipAddresses, emailAddresses, uris } = request;
    const namesNothing = [subject, dnsNames, ipAddresses, emailAddresses, uris].every((names) => names === undefined);
    const alternatives = namesNothing
      ? alternativeNames({ dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] })
      : alternativeNames(request);
    const extensions = [extension("2.5.29.15", Buffer.from([0x03, 0x02, 0x05, 0xa0]), true), usage(request.usage)];
    if (alternatives.length > 0) extensions.push(extension("2.5.29.17", sequence(...alternatives)));
    if (request.mustStaple === true) {
      extensions.push(extension("1.3.6.1.5.5.7.1.24", sequence(tagged(0x02, Buffer.from([5])))));
    }
    const name = nameOf(subject ?? (namesNothing ? [["CN", "localhost"]] : []));
    const key = privateKey.export({ format: "pem", type: "pkcs8" });
    return { cert: this.#sign(name, publicKey, extensions, notBefore, notAfter), key: String(key) };
  }

  #sign(subject: Buffer, publicKey: KeyObject, extensions: Buffer[], notBefore: Date, notAfter: Date): string {
    const algorithm = sequence(objectId("1.2.840.10045.4.3.2"));
    const serial = randomBytes(16);
    serial[0] = 0x40 | ((serial[0] as number) & 0x3f); // positive, and not shorter than it looks
    const toBeSigned = sequence(
      tagged(0xa0, tagged(0x02, Buffer.from([2]))),
      tagged(0x02, serial),
      algorithm,
      this.#name,
      sequence(time(notBefore), time(notAfter)),
      subject,
      publicKey.export({ format: "der", type: "spki" }),
      tagged(0xa3, sequence(...extensions)),
    );
    const signature = sign("sha256", toBeSigned, this.#key);
    const der = sequence(toBeSigned, algorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
    const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  }
}

function inAnHour(): Date {
  return new Date(Date.now() + HOUR_MS);
}

function alternativeNames(request: CertificateRequest): Buffer[] {
  const { dnsNames = [], emailAddresses = [], ipAddresses = [], uris = [] } = request;
  return [
    ...emailAddresses.map((name) => tagged(0x81, Buffer.from(name))),
    ...dnsNames.map((name) => tagged(0x82, Buffer.from(name))),
    ...uris.map((name) => tagged(0x86, Buffer.from(name))),
    ...ipAddresses.map((address) => tagged(0x87, Buffer.from(address.split(".").map(Number)))),
  ];
}

function usage(only: "server" | "client" | undefined): Buffer {
  const ids = [];
  if (only !== "client") ids.push(objectId("1.3.6.1.5.5.7.3.1"));
  if (only !== "server") ids.push(objectId("1.3.6.1.5.5.7.3.2"));
  return extension("2.5.29.37", sequence(...ids));
}

function nameOf(relativeNames: ReadonlyArray<NameAttribute | readonly NameAttribute[]>): Buffer {
  const sets = relativeNames.map((relative) => {
    const attributes = (typeof relative[0] === "string" ? [relative] : relative) as readonly NameAttribute[];
    return tagged(
      0x31,
      ...attributes.map(([type, value]) =>
        sequence(objectId(NAME_TYPES[type] ?? type), tagged(0x0c, Buffer.from(value))),
      ),
    );
  });
  return sequence(...sets);
}

function extension(id: string, value: Buffer, critical: boolean = false): Buffer {
  const flag = critical ? [tagged(0x01, Buffer.from([0xff]))] : [];
  return sequence(objectId(id), ...flag, tagged(0x04, value));
}

function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  // Two digits for the year until 2049, four afterwards.
  return date.getUTCFullYear() < 2050 ? tagged(0x17, Buffer.from(digits.slice(2))) : tagged(0x18, Buffer.from(digits));
}

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), content]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content]);
}
