import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { TlsIdentity } from '../base/index.ts';

/** Longer than any process runs. */
const validYears = 10;

/**
 * A new key (P-256) and a certificate for it that it signs itself: enough to encrypt, and a proof of nothing. Source:
 * RFC 5280; the form is DER, built by hand because Node only reads certificates.
 */
export function createSelfSigned(now: Date): TlsIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const end = new Date(now);
  end.setUTCFullYear(end.getUTCFullYear() + validYears);
  // Clocks of clients may be late.
  const begin = new Date(now.getTime() - 24 * 3_600_000);
  const name = sequence(set(sequence(oid.commonName, element(tag.utf8, 'holdfast'))));
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40; // Positive, and without a superfluous zero.
  const toSign = sequence(
    element(tag.version, element(tag.integer, Uint8Array.of(2))),
    element(tag.integer, serial),
    sequence(oid.ecdsaWithSha256),
    name,
    sequence(time(begin), time(end)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    element(
      tag.extensions,
      sequence(
        sequence(
          oid.subjectAlternativeName,
          element(tag.octets, sequence(element(tag.dnsName, 'localhost'))),
        ),
      ),
    ),
  );
  const signature = sign('sha256', toSign, privateKey);
  const certificate = sequence(
    toSign,
    sequence(oid.ecdsaWithSha256),
    element(tag.bits, Uint8Array.of(0), signature),
  );
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

const tag = {
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
  dnsName: 0x82,
  version: 0xa0,
  extensions: 0xa3,
} as const;

function element(kind: number, ...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const content = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)),
  );
  const { length } = content;
  const lengthBytes =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.of(kind, ...lengthBytes), content]);
}

const sequence = (...parts: readonly Uint8Array[]): Uint8Array => element(tag.sequence, ...parts);
const set = (...parts: readonly Uint8Array[]): Uint8Array => element(tag.set, ...parts);

/** `YYMMDDHHMMSSZ`; good until 2049. */
const time = (at: Date): Uint8Array =>
  element(tag.utcTime, `${at.toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`);

const oid = {
  /** 2.5.4.3 */
  commonName: element(tag.oid, Uint8Array.of(0x55, 0x04, 0x03)),
  /** 2.5.29.17 */
  subjectAlternativeName: element(tag.oid, Uint8Array.of(0x55, 0x1d, 0x11)),
  /** 1.2.840.10045.4.3.2 */
  ecdsaWithSha256: element(tag.oid, Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)),
} as const;
