import type { SimRandom } from '../sim/ports/index.ts';

/** Bytes and 32-bit numbers at which decoders tend to go wrong. */
const bytesOfInterest = [0x00, 0x01, 0x02, 0x16, 0x22, 0x27, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0xff];
const numbersOfInterest = [0, 1, -1, 4, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, -0x8000_0000];
const textsOfInterest = [
  '{"$ref":"$"}',
  '{"$ref":".."}',
  '"\\u0000"',
  '-9223372036854775808',
  '1e999',
  '[[[[[[[[',
  '{{:',
  'null',
  '',
  '__proto__',
  '\u{1f600}',
].map((text) => new TextEncoder().encode(text));

/** One of `corpus` with a few changes; now and then bytes of chance alone. */
export function mutated(random: SimRandom, corpus: readonly Uint8Array[]): Uint8Array {
  if (random.chance(0.02)) return random.bytes(random.below(200));
  const pick = (): Uint8Array => corpus[random.below(corpus.length)] ?? new Uint8Array();
  let bytes: Uint8Array = Uint8Array.from(pick());
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    bytes = changed(bytes, random, pick);
  }
  return bytes;
}

function changed(bytes: Uint8Array, random: SimRandom, other: () => Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  switch (random.below(9)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = oneOf(random, bytesOfInterest);
      return bytes;
    case 2:
      return withInt32(bytes, at, oneOf(random, numbersOfInterest));
    case 3: {
      // A length word that is off by little, where most of them stand.
      const place = random.chance(0.5) ? at : 4 * random.below(8);
      const old = place + 4 <= bytes.length ? viewOf(bytes).getInt32(place) : 0;
      return withInt32(bytes, place, old + random.below(9) - 4);
    }
    case 4:
      return bytes.slice(0, at);
    case 5:
      return join(bytes.subarray(0, at), bytes.subarray(at + random.below(16)));
    case 6:
      return join(bytes.subarray(0, at), random.bytes(random.below(8)), bytes.subarray(at));
    case 7:
      return join(bytes.subarray(0, at), oneOf(random, textsOfInterest), bytes.subarray(at));
    default: {
      const stranger = other();
      return join(bytes.subarray(0, at), stranger.subarray(random.below(stranger.length + 1)));
    }
  }
}

function oneOf<T>(random: SimRandom, values: readonly T[]): T {
  // The lists above are not empty.
  return values[random.below(values.length)] as T;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function withInt32(bytes: Uint8Array, at: number, value: number): Uint8Array {
  if (at + 4 <= bytes.length) viewOf(bytes).setInt32(at, value);
  return bytes;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
