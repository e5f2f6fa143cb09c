import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Challenge, Hello } from './frames.ts';

/** Both sides of a link show that they know the group's secret, and bind their proof to this connection's nonces. */
export type Side = 'leader' | 'follower';

export function proofOf(
  side: Side,
  secret: Uint8Array,
  hello: Hello,
  challenge: Omit<Challenge, 'proof'>,
): Uint8Array {
  const said = JSON.stringify([
    side,
    Buffer.from(hello.nonce).toString('hex'),
    Buffer.from(challenge.nonce).toString('hex'),
    [hello.cluster, hello.group, hello.broker, hello.incarnation, hello.promisedEpoch],
    [challenge.broker, challenge.incarnation, challenge.epoch, challenge.segmentBytes],
  ]);
  return createHmac('sha256', secret).update(said).digest();
}

export function isProof(given: Uint8Array, expected: Uint8Array): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}
