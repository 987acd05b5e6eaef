import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { TestAuthority } from "./certificates.ts";

test("TestAuthority issues certificates that are from it, for the names that were asked for", () => {
  const authority = new TestAuthority("My CA");
  const ca = new X509Certificate(authority.cert);
  assert.equal(ca.ca, true);
  assert.equal(ca.subject, "CN=My CA");
  for (const keyType of ["ec", "rsa"] as const) {
    const { cert, key } = authority.issue({ dnsNames: ["a.example"], subject: [["CN", "a"]], keyType });
    const issued = new X509Certificate(cert);
    assert.ok(issued.checkIssued(ca) && issued.verify(ca.publicKey));
    assert.equal(issued.checkHost("a.example"), "a.example");
    assert.equal(issued.ca, false);
    assert.match(key, /^-----BEGIN PRIVATE KEY-----/);
  }
  const local = new X509Certificate(authority.issue().cert);
  assert.equal(local.checkHost("localhost"), "localhost");
  assert.equal(local.checkIP("127.0.0.1"), "127.0.0.1");
  const late = new X509Certificate(authority.issue({ notAfter: new Date("2055-01-02T03:04:05Z") }).cert);
  assert.equal(new Date(late.validTo).toISOString(), "2055-01-02T03:04:05.000Z");
});
