// What is made of TLS options, and that each way of giving them leads to the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import { TestAuthority } from "@myelin/testing";
import { loadConfig } from "../config/load.ts";
import { understand } from "../main/command-line.ts";
import { mergeSettings } from "../main/run-settings.ts";
import { DEFAULT_OCSP_PEER } from "./ocsp/settings.ts";
import { nodeTlsOptions, SecureContexts } from "./secure-context.ts";
import { completeTls, overrideTls, type TlsOptions, type TlsSettings, TlsSettingsError } from "./settings.ts";

const AUTHORITY = new TestAuthority();
const SERVER = AUTHORITY.issue();
const OTHER = AUTHORITY.issue({ dnsNames: ["other.example", "*.wild.example"] });
const PAIR = "cert_file: s.pem, key_file: s.key";
const RSA = AUTHORITY.issue({ dnsNames: ["rsa.example", "other.example"], keyType: "rsa" });
const PIN = "a8f407340dcc719864214b85ed96f98d16cbffa8f509d9fa4ca237b7bb3f9c32";

const FILES: Readonly<Record<string, string>> = {
  "s.pem": SERVER.cert,
  "s.key": SERVER.key,
  "o.pem": OTHER.cert,
  "o.key": OTHER.key,
  "ca.pem": AUTHORITY.cert,
};

function readFile(path: string): string {
  const text = FILES[path];
  if (text === undefined) throw new Error(`open ${path}: no such file or directory`);
  return text;
}

const OUTSIDE = { readFile, environment: () => undefined };

function fromFile(block: string): TlsSettings {
  const { options } = loadConfig({ text: `tls { ${block} }` }, OUTSIDE);
  assert.ok(options.tls);
  return options.tls;
}

function fromFlags(args: readonly string[], block: string | null = null): TlsSettings | null {
  const command = understand(args, "nats-server");
  assert.ok(command.kind === "run", JSON.stringify(command));
  const file = block === null ? null : loadConfig({ text: `tls { ${block} }` }, OUTSIDE);
  return mergeSettings(file, command.flags, readFile).options.tls ?? null;
}

test("completeTls() comes to the same from a file, from flags, and from options, as files or as PEM", () => {
  const files: TlsOptions = { certFile: "s.pem", keyFile: "s.key", caFile: "ca.pem", verify: true };
  const wanted = completeTls(files, readFile);
  assert.deepEqual(fromFile('cert_file: "s.pem", key_file: "s.key", ca_file: "ca.pem", verify: true'), wanted);
  const flags = ["--tls", "--tlscert", "s.pem", "--tlskey", "s.key", "--tlscacert", "ca.pem", "--tlsverify"];
  assert.deepEqual(fromFlags(flags), wanted);
  const pem = completeTls({ cert: SERVER.cert, key: Buffer.from(SERVER.key), ca: AUTHORITY.cert, verify: true }, () =>
    assert.fail("reads no file"),
  );
  const [pair] = wanted.certificates;
  assert.deepEqual(pem, { ...wanted, certificates: [{ ...pair, certFile: null, keyFile: null }], caFile: null });
});

test("every directive has its setting", () => {
  const settings = fromFile(`
    certs: [ { cert_file: s.pem, key_file: s.key }, { cert_file: o.pem, key_file: o.key } ]
    verify_and_map: true, min_version: "1.3", timeout: 1.5, connection_rate_limit: 9, handshake_first: auto
    cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384], curve_preferences: [CurveP256]
    pinned_certs: ["${PIN.toUpperCase()}"]
    ocsp_peer { verify: true, allowed_clockskew: 1.5, ca_timeout: "3s", cache_ttl_when_next_update_unset: 60
      warn_only: true, unknown_is_good: true, allow_when_ca_unreachable: true }`);
  assert.deepEqual(settings, {
    certificates: [
      { cert: SERVER.cert, key: SERVER.key, certFile: "s.pem", keyFile: "s.key" },
      { cert: OTHER.cert, key: OTHER.key, certFile: "o.pem", keyFile: "o.key" },
    ],
    ca: null,
    caFile: null,
    verify: true,
    map: true,
    insecure: false,
    checkKnownUrls: false,
    cipherSuites: ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"],
    curvePreferences: ["CurveP256"],
    minVersion: "1.3",
    timeoutMs: 1500,
    handshakeFirst: true,
    handshakeFirstFallbackMs: 50,
    connectionRateLimit: 9,
    pinnedCerts: [PIN],
    ocspPeer: {
      allowedClockSkewMs: 1500,
      caTimeoutMs: 3000,
      cacheTtlWithoutNextUpdateMs: 60_000,
      warnOnly: true,
      unknownIsGood: true,
      allowWhenCaUnreachable: true,
    },
  });
  assert.deepEqual(fromFile(`${PAIR}, verify: true, ocsp_peer: true`).ocspPeer, DEFAULT_OCSP_PEER);
  // A block has to say that it is meant.
  assert.equal(fromFile(`${PAIR}, verify: true, ocsp_peer { warn_only: true }`).ocspPeer, null);
});

test("handshake_first takes every form that the reference takes", () => {
  const pair = "cert_file: s.pem, key_file: s.key, first:";
  const forms: ReadonlyArray<readonly [string, boolean, number]> = [
    ["true", true, 0],
    ['"on"', true, 0],
    ["false", false, 0],
    ['"OFF"', false, 0],
    ["auto", true, 50],
    ["auto_fallback", true, 50],
    ['"300ms"', true, 300],
    ['"0s"', true, 0],
  ];
  for (const [text, first, fallback] of forms) {
    const settings = fromFile(`${pair} ${text}`);
    assert.deepEqual([settings.handshakeFirst, settings.handshakeFirstFallbackMs], [first, fallback], text);
  }
});

test("flags replace what they are about, and nothing that a file says besides", () => {
  const block = `cert_file: s.pem, key_file: s.key, min_version: "1.3", cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384],
    verify: true, pinned_certs: ["${PIN}"], timeout: 5, handshake_first: "70ms", curve_preferences: [CurveP384]`;
  const replaced = fromFlags(["--tls", "--tlscert", "o.pem", "--tlskey", "o.key"], block);
  const certificates = [{ cert: OTHER.cert, key: OTHER.key, certFile: "o.pem", keyFile: "o.key" }];
  assert.deepEqual(replaced, { ...fromFile(block), certificates });
  assert.equal(fromFlags(["--tls=false"], block), null);
  assert.equal(fromFlags(["--tls=false", "--tlscert", "o.pem", "--tlskey", "o.key"]), null);
  assert.deepEqual(fromFlags(["--tls"], block), fromFile(block));
});

test("flags without a certificate or a key are refused, as the reference does", () => {
  const text = (args: string[]): string => {
    try {
      fromFlags(args);
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  assert.equal(text(["--tls"]), "TLS Server certificate must be present and valid");
  assert.equal(text(["--tlsverify"]), "TLS Server certificate must be present and valid");
  assert.equal(text(["--tlscert", "s.pem"]), "TLS Server private key must be present and valid");
  assert.equal(
    text(["--tlscert", "s.pem", "--tlskey", "o.key"]),
    "error parsing X509 certificate/key pair: tls: private key does not match public key",
  );
});

test("overrideTls() without anything to override changes nothing", () => {
  const weak = "cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA], allow_insecure_cipher_suites: true";
  for (const more of ["", weak, 'first: auto, ca_file: "ca.pem", verify_and_map: true', `pinned_certs: ["${PIN}"]`]) {
    const settings = fromFile(`cert_file: s.pem, key_file: s.key, ${more}`);
    assert.deepEqual(overrideTls(settings, {}, readFile), settings);
  }
});

const BAD: ReadonlyArray<readonly [options: TlsOptions, option: keyof TlsOptions, text: RegExp]> = [
  [{}, "certFile", /without a certificate/],
  [{ cert: SERVER.cert }, "certFile", /missing 'key_file'/],
  [{ key: SERVER.key }, "certFile", /missing 'cert_file'/],
  [{ cert: SERVER.cert, key: OTHER.key }, "certFile", /private key does not match public key/],
  [{ cert: SERVER.cert.slice(0, 200), key: SERVER.key }, "certFile", /malformed certificate/],
  [{ certs: [SERVER, { ...OTHER, key: SERVER.key }] }, "certs", /pair 2\/2: tls: private key does not match/],
  [{ ...SERVER, timeoutMs: 0 }, "timeoutMs", /timeoutMs 0 is not a whole number from 1/],
  [{ ...SERVER, handshakeFirst: -1 }, "handshakeFirst", /handshakeFirst -1/],
  [{ ...SERVER, ocspPeer: true }, "ocspPeer", /requires TLS verify/],
  [{ ...SERVER, verify: true, ocspPeer: { caTimeoutMs: 0 } }, "ocspPeer", /caTimeoutMs 0 is not a whole number from 1/],
  [{ ...SERVER, connectionRateLimit: 0.5 }, "connectionRateLimit", /connectionRateLimit 0.5/],
];

for (const [options, option, text] of BAD) {
  test(`completeTls() refuses a bad ${option}: ${String(text)}`, () => {
    assert.throws(
      () => completeTls(options, readFile),
      (error) => error instanceof TlsSettingsError && error.option === option && text.test(error.message),
    );
  });
}

test("SecureContexts chooses the certificate that is for the name that a client asks for", () => {
  const contexts = new SecureContexts(completeTls({ certs: [SERVER, OTHER, RSA] }, readFile));
  assert.equal(contexts.for("localhost"), contexts.for("nobody.example"));
  assert.equal(contexts.for("a.wild.example"), contexts.for("other.example"));
  assert.notEqual(contexts.for("localhost"), contexts.for("other.example"));
  assert.equal(contexts.for("rsa.example"), contexts.standard);
});

test("nodeTlsOptions() asks for certificates exactly where they are verified", () => {
  for (const verify of [false, true]) {
    const options = nodeTlsOptions(completeTls({ ...SERVER, verify }, readFile));
    assert.deepEqual([options.requestCert, options.rejectUnauthorized], [verify, verify]);
    assert.ok(options.secureContext instanceof createSecureContext().constructor);
  }
});
