// Certificates for tests: a CA of one's own, and what it issues. Made when they are needed, so that none is ever out of date
// and no key lies in a repository. X.509 in DER, as far as TLS needs it.

import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import { ECDSA_SHA256, extension, generalizedTime, objectId, sequence, signed, tagged, timeDigits } from "./der.ts";
import { type OcspAnswerRequest, ocspAnswer } from "./ocsp-answer.ts";

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
  /** What it may be used for; both server and client when absent. `ocsp`: to sign what OCSP says for the authority. */
  readonly usage?: "server" | "client" | "ocsp";
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** True: it asks its server for OCSP stapling (RFC 7633). */
  readonly mustStaple?: boolean;
  /** Where OCSP can be asked about it. */
  readonly ocspUrls?: readonly string[];
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
  /** Its private key, PEM. */
  readonly key: string;
  readonly #name: Buffer;
  readonly #key: KeyObject;

  /**
   * @param issuer - Who issues its certificate; itself when absent, as a root.
   * @param request - What its certificate says besides; `ocspUrls` counts.
   */
  constructor(
    commonName: string = "Test CA",
    issuer?: TestAuthority,
    request: Pick<CertificateRequest, "ocspUrls"> = {},
  ) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    this.#key = privateKey;
    this.key = String(privateKey.export({ format: "pem", type: "pkcs8" }));
    this.#name = nameOf([["CN", commonName]]);
    const extensions = [
      extension("2.5.29.19", sequence(tagged(0x01, Buffer.from([0xff]))), true),
      extension("2.5.29.15", Buffer.from([0x03, 0x02, 0x01, 0x06]), true),
      ...responders(request.ocspUrls),
    ];
    const signer = issuer ?? this;
    this.cert = signer.#sign(this.#name, publicKey, extensions, new Date(Date.now() - HOUR_MS), inAnHour());
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
    extensions.push(...responders(request.ocspUrls));
    if (request.mustStaple === true) {
      extensions.push(extension("1.3.6.1.5.5.7.1.24", sequence(tagged(0x02, Buffer.from([5])))));
    }
    const name = nameOf(subject ?? (namesNothing ? [["CN", "localhost"]] : []));
    const key = privateKey.export({ format: "pem", type: "pkcs8" });
    return { cert: this.#sign(name, publicKey, extensions, notBefore, notAfter), key: String(key) };
  }

  /** A certificate of this authority's name and key that another authority has issued. PEM. */
  certifiedBy(other: TestAuthority): string {
    const extensions = [extension("2.5.29.19", sequence(tagged(0x01, Buffer.from([0xff]))), true)];
    const since = new Date(Date.now() - HOUR_MS);
    return other.#sign(this.#name, createPublicKey(this.#key), extensions, since, inAnHour());
  }

  /**
   * Says by OCSP what has become of a certificate of this authority.
   *
   * @param cert - PEM.
   * @returns DER, as a responder sends it.
   */
  answer(cert: string, request: OcspAnswerRequest = {}): Uint8Array {
    return ocspAnswer(new X509Certificate(cert), new X509Certificate(this.cert), this.#key, request);
  }

  #sign(subject: Buffer, publicKey: KeyObject, extensions: Buffer[], notBefore: Date, notAfter: Date): string {
    const algorithm = sequence(objectId(ECDSA_SHA256));
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
    const lines =
      signed(toBeSigned, this.#key)
        .toString("base64")
        .match(/.{1,64}/g) ?? [];
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

function responders(urls: readonly string[] | undefined): Buffer[] {
  if (urls === undefined || urls.length === 0) return [];
  const entries = urls.map((url) => sequence(objectId("1.3.6.1.5.5.7.48.1"), tagged(0x86, Buffer.from(url))));
  return [extension("1.3.6.1.5.5.7.1.1", sequence(...entries))];
}

function usage(only: CertificateRequest["usage"]): Buffer {
  const ids = [];
  if (only === undefined || only === "server") ids.push(objectId("1.3.6.1.5.5.7.3.1"));
  if (only === undefined || only === "client") ids.push(objectId("1.3.6.1.5.5.7.3.2"));
  if (only === "ocsp") ids.push(objectId("1.3.6.1.5.5.7.3.9"));
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

function time(date: Date): Buffer {
  // Two digits for the year until 2049, four afterwards.
  return date.getUTCFullYear() < 2050 ? tagged(0x17, Buffer.from(timeDigits(date).slice(2))) : generalizedTime(date);
}
