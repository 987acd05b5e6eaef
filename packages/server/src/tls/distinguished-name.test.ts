import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { type CertificateRequest, TestAuthority } from "@myelin/testing";
import fc from "fast-check";
import { DerError } from "./der.ts";
import {
  type DistinguishedName,
  domainText,
  nameOfSubject,
  parseName,
  sameName,
  sameNameInAnyOrder,
  subjectText,
} from "./distinguished-name.ts";
import { isPinned, peerCertificate, readCertificate } from "./peer-certificate.ts";

const AUTHORITY = new TestAuthority();

function read(request: CertificateRequest): ReturnType<typeof readCertificate> {
  return readCertificate(new X509Certificate(AUTHORITY.issue(request).cert).raw);
}

/** A name for a failure message. */
function text(name: DistinguishedName | null): string | null {
  return name?.map((relative) => relative.map(({ type, value }) => `${type}=${value}`).join("+")).join(",") ?? null;
}

// As ldap.ParseDN of the reference reads them.
const NAMES: ReadonlyArray<readonly [given: string, name: string | null]> = [
  ["CN=alice", "CN=alice"],
  ["CN=alice,OU=ops,O=Example", "CN=alice,OU=ops,O=Example"],
  ["  CN = alice ,  O = Ex ample  ", "CN=alice,O=Ex ample"],
  ["CN=a+OU=b,O=c", "CN=a+OU=b,O=c"],
  ["CN=a\\, b", "CN=a, b"],
  ["CN=\\ a\\ ", "CN= a "],
  ["CN=a\\2Cb", "CN=a,b"],
  ["CN=\\c3\\a4", "CN=ä"],
  ["CN=ä", "CN=ä"],
  ["", ""],
  ["alice", null],
  ["alice@example.com", null],
  ["CN=a,b", null],
  ["CN=#0401", null],
  ["CN=a\\", null],
  ["CN=a\\zz", null],
  [",CN=a", null],
];

for (const [given, name] of NAMES) {
  test(`parseName() reads ${JSON.stringify(given)}`, () => assert.equal(text(parseName(given)), name));
}

test("parseName() reads what is made of any value", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (value) => {
      const escaped = value.replace(/[ "#+,;<=>\\]/g, "\\$&");
      assert.equal(text(parseName(`CN=${escaped},O=x`)), `CN=${value},O=x`);
    }),
  );
});

test("a subject is compared in the order of RFC 4514, and written as Go writes it", () => {
  const { subject } = read({
    subject: [
      ["DC", "com"],
      ["DC", "example"],
      ["C", "US"],
      ["O", "Foo, Inc."],
      ["OU", "one"],
      ["OU", "two"],
      ["CN", " #x "],
    ],
  });
  assert.equal(text(nameOfSubject(subject)), "CN= #x ,OU=two,OU=one,O=Foo, Inc.,C=US,DC=example,DC=com");
  assert.equal(subjectText(subject), "CN=\\ #x\\ ,OU=one+OU=two,O=Foo\\, Inc.,C=US");
  assert.equal(domainText(subject), "DC=com,DC=example");
});

test("a subject with an attribute that has no name cannot be compared, and is written without it", () => {
  const { subject } = read({
    subject: [
      ["1.2.840.113549.1.9.1", "a@b"],
      ["CN", "alice"],
    ],
  });
  assert.equal(nameOfSubject(subject), null);
  assert.equal(subjectText(subject), "CN=alice");
});

const COMPARED: ReadonlyArray<readonly [a: string, b: string, same: boolean, sameInAnyOrder: boolean]> = [
  ["CN=a,O=b", "cn=a,o=b", true, true],
  ["CN=a,O=b", "O=b,CN=a", false, true],
  ["CN=a,O=b", "CN=a", false, false],
  ["CN=a,CN=a", "CN=a,O=b", false, false],
  ["CN=a,CN=a,O=b", "CN=a,O=b,O=b", false, false],
  ["CN=a+OU=b", "OU=b+CN=a", true, true],
  ["CN=a+OU=b", "CN=a,OU=b", false, false],
  ["CN=a+CN=a", "CN=a+OU=b", false, false],
  ["CN=A", "CN=a", false, false],
];

for (const [a, b, same, sameInAnyOrder] of COMPARED) {
  test(`${a} and ${b} are ${same ? "the same" : sameInAnyOrder ? "the same in another order" : "different"}`, () => {
    const [first, second] = [parseName(a) ?? [], parseName(b) ?? []];
    assert.deepEqual([sameName(first, second), sameName(second, first)], [same, same]);
    assert.deepEqual(
      [sameNameInAnyOrder(first, second), sameNameInAnyOrder(second, first)],
      [sameInAnyOrder, sameInAnyOrder],
    );
  });
}

test("readCertificate() finds what OpenSSL finds", () => {
  const { cert } = AUTHORITY.issue({
    dnsNames: ["a.example", "*.b.example"],
    emailAddresses: ["x@y"],
    uris: ["spiffe://a/b"],
    ipAddresses: ["127.0.0.1"],
    keyType: "rsa",
  });
  const known = new X509Certificate(cert);
  const found = readCertificate(known.raw);
  assert.deepEqual(
    [found.dnsNames, found.emailAddresses, found.uris],
    [["a.example", "*.b.example"], ["x@y"], ["spiffe://a/b"]],
  );
  assert.equal(found.certSha256, known.fingerprint256.replaceAll(":", "").toLowerCase());
  const session = { version: "1.3", cipherSuite: "", serverName: null, peerCertificates: [known.raw] };
  assert.equal(isPinned(session, [found.spkiSha256]), true);
  assert.equal(isPinned(session, [found.certSha256]), false);
  assert.equal(isPinned(session, null), true);
  assert.equal(isPinned({ ...session, peerCertificates: [] }, [found.spkiSha256]), false);
  assert.equal(peerCertificate(null), null);
});

test("readCertificate() throws nothing but DerError, whatever it is given", () => {
  const { raw } = new X509Certificate(AUTHORITY.issue({ dnsNames: ["a"], subject: [["CN", "b"]] }).cert);
  fc.assert(
    fc.property(fc.nat(raw.length - 1), fc.nat(255), fc.nat(raw.length), (at, byte, length) => {
      const damaged = Buffer.from(raw);
      damaged[at] = byte;
      try {
        readCertificate(damaged.subarray(0, length));
      } catch (error) {
        assert.ok(error instanceof DerError, String(error));
      }
    }),
  );
});
