// Keys, JWTs and certificates for tests.

import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { encodePublicKey } from "../auth/nkey.ts";

/** A key pair with its nkey texts. */
export interface TestKey {
  readonly publicKey: string;
  readonly seed: string;
  readonly key: KeyObject;
}

const PREFIX: { readonly user: number; readonly account: number; readonly operator: number } = {
  user: 20 << 3,
  account: 0,
  operator: 14 << 3,
};

/** Makes a key of a kind. */
export function makeKey(kind: keyof typeof PREFIX): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = privateKey.export({ format: "der", type: "pkcs8" }).subarray(16);
  const rawPublic = publicKey.export({ format: "der", type: "spki" }).subarray(12);
  return { publicKey: encodePublicKey(PREFIX[kind], rawPublic), seed: encodeSeed(PREFIX[kind], raw), key: privateKey };
}

/** Signs claims as the tools do. */
export function makeJwt(signer: TestKey, subject: string, name: string, nats: object): string {
  const claims = { iat: Math.floor(Date.now() / 1000), iss: signer.publicKey, name, sub: subject, nats };
  const jti = createHash("sha256").update(JSON.stringify(claims)).digest("hex");
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part({ jti, ...claims })}`;
  return `${head}.${sign(null, Buffer.from(head), signer.key).toString("base64url")}`;
}

/** A credentials file. */
export function credsFile(jwt: string, seed: string): string {
  return [
    "-----BEGIN NATS USER JWT-----",
    jwt,
    "------END NATS USER JWT------",
    "",
    "************************* IMPORTANT *************************",
    "NKEY Seed printed below can be used to sign and prove identity.",
    "",
    "-----BEGIN USER NKEY SEED-----",
    seed,
    "------END USER NKEY SEED------",
    "",
  ].join("\n");
}

/** An operator with one account and one user, and the configuration of a server that knows them. */
export function makeOperatorSetup(): { config: string; creds: string; jwt: string; user: TestKey } {
  const operator = makeKey("operator");
  const account = makeKey("account");
  const user = makeKey("user");
  const operatorJwt = makeJwt(operator, operator.publicKey, "op", { type: "operator", version: 2 });
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const accountJwt = makeJwt(operator, account.publicKey, "acc", { type: "account", version: 2, limits });
  const jwt = makeJwt(account, user.publicKey, "user", { type: "user", version: 2, subs: -1, data: -1, payload: -1 });
  const config = `operator: "${operatorJwt}"\nresolver: MEMORY\nresolver_preload: { ${account.publicKey}: "${accountJwt}" }\n`;
  return { config, creds: credsFile(jwt, user.seed), jwt, user };
}

function encodeSeed(prefix: number, raw: Uint8Array): string {
  const first = (18 << 3) | (prefix >> 5);
  const second = (prefix & 31) << 3;
  // The same base32 and checksum as a public key, with one byte more in front.
  const body = Buffer.from([first, second, ...raw]);
  let crc = 0;
  for (const byte of body) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  const bits = [...body, crc & 0xff, crc >> 8].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const digits = bits.match(/.{1,5}/g) ?? [];
  return digits.map((digit) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(digit.padEnd(5, "0"), 2)]).join("");
}
