import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { SimWorld } from '../../../test/sim/ports/index.ts';
import {
  type BrokerId,
  brokerId,
  type Epoch,
  epoch,
  Failure,
  metadataSequence,
  type PhysicalOffset,
  physicalOffset,
} from '../../base/index.ts';
import type { EpochEntry } from '../../log/index.ts';
import { judge } from './common-point.ts';
import { type Ending, type FollowerHost, FollowerSession } from './follower-session.ts';
import { FrameInput } from './frame-input.ts';
import type { Difference } from './frames.ts';
import {
  encodeFrame,
  type FollowerState,
  type Frame,
  linkPreamble,
  type Report,
} from './frames.ts';
import { defaultLinkOptions, LeaderLink } from './leader-link.ts';
import type { JoinedFollower, LeaderHost, LinkIdentity, LogRange } from './leader-session.ts';

const at = physicalOffset;
const noDigest = new Uint8Array(16);
const segmentBytes = 4096;

/** A log that is nothing but bytes. */
class Bytes {
  bytes: Uint8Array;
  epochs: EpochEntry[];

  constructor(text: string, epochs: readonly [number, number][]) {
    this.bytes = Buffer.from(text);
    this.epochs = epochs.map(([number, start]) => ({
      epoch: epoch(number),
      incarnation: `${number}`.padStart(16, '0'),
      start: at(start),
    }));
  }

  append(bytes: Uint8Array): void {
    this.bytes = Buffer.concat([this.bytes, bytes]);
  }

  get end(): PhysicalOffset {
    return at(this.bytes.length);
  }
}

class FakeLeader implements LeaderHost {
  epoch: Epoch | undefined = epoch(3);
  commitPoint = at(0);
  durablePoint = at(0);
  readonly reports: Report[] = [];
  readonly gone: string[] = [];
  readonly refusals: string[] = [];
  higher: number | undefined;
  readonly data: Bytes;

  constructor(data: Bytes) {
    this.data = data;
  }

  get log() {
    const { end, epochs } = this.data;
    return { begin: at(0), end, segmentBytes, epochs };
  }

  /** Every other range comes from a file. */
  range(position: PhysicalOffset, maxBytes: number): LogRange | Promise<LogRange> {
    const end = at(Math.min(this.data.end, position + maxBytes, position + 10));
    const range = { bytes: this.data.bytes.subarray(position, end), end };
    return position % 20 < 10 ? range : Promise.resolve(range);
  }

  async checkBefore(position: PhysicalOffset): Promise<number> {
    return crc32(this.data.bytes.subarray(0, position));
  }

  async snapshot(): Promise<never> {
    throw new Failure('unavailable', 'no snapshot here');
  }

  connected(_follower: JoinedFollower, report: Report): void {
    this.reports.push(report);
  }

  reported(_member: BrokerId, report: Report): void {
    this.reports.push(report);
  }

  refused(_member: BrokerId, why: string): void {
    this.refusals.push(why);
  }

  disconnected(_member: BrokerId, why: string): void {
    this.gone.push(why);
  }

  higherEpoch(seen: Epoch): void {
    this.higher = seen;
  }
}

class FakeFollower implements FollowerHost {
  readonly told: Difference[] = [];

  differs(from: Difference): void {
    this.told.push(from);
  }

  promisedEpoch = epoch(0);
  syncs = 0;
  points_: readonly number[] = [];
  heard = 0;
  lie = 0;
  cannot: Failure | undefined;
  readonly data: Bytes;
  session: FollowerSession | undefined;

  constructor(data: Bytes) {
    this.data = data;
  }

  state(): Omit<FollowerState, 'proof'> {
    const { end, epochs } = this.data;
    const holding = end === 0 ? 'nothing' : 'log';
    return { holding, lossless: true, begin: at(0), end, applied: at(0), segmentBytes, epochs };
  }

  async promise(promised: Epoch): Promise<void> {
    this.promisedEpoch = promised;
  }

  async checkBefore(position: PhysicalOffset): Promise<number> {
    return crc32(this.data.bytes.subarray(0, position));
  }

  joined(): void {}

  ingest(bytes: Uint8Array): void {
    if (this.cannot !== undefined) throw this.cannot;
    this.data.append(bytes);
    this.session?.report();
  }

  points(commitPoint: PhysicalOffset, durablePoint: PhysicalOffset): void {
    this.points_ = [commitPoint, durablePoint];
    this.heard++;
  }

  wantSync(): void {
    this.syncs++;
    this.session?.report();
  }

  async snapshot(): Promise<void> {}

  report(): Omit<Report, 'epoch'> {
    const written = at(this.data.end + this.lie);
    const synced = this.syncs > 0 ? written : at(0);
    return { written, synced, applied: at(0), sequence: metadataSequence(0), digest: noDigest };
  }
}

const identity = (broker: number, secret = 'one secret'): LinkIdentity => ({
  cluster: 'c',
  group: 'g',
  broker: brokerId(broker),
  incarnation: `000000000000000${broker}`,
  secret: Buffer.from(secret),
});

async function linked(
  leader: FakeLeader,
  follower: FakeFollower,
  options: { readonly secret?: string } = {},
) {
  const world = new SimWorld(1);
  const link = await world.complete(
    LeaderLink.listen(
      { host: 'leader', port: 0 },
      identity(1),
      leader,
      defaultLinkOptions,
      world.node('leader'),
    ),
  );
  const session = new FollowerSession(
    identity(2, options.secret),
    follower,
    defaultLinkOptions,
    world.node('follower'),
  );
  follower.session = session;
  let ending: Ending | undefined;
  void session.run(link.address).then((reached) => {
    ending = reached;
  });
  await world.run({ forMs: 400 });
  return { world, link, session, ending: () => ending };
}

test('an empty follower gets the whole log, and what is appended later', async () => {
  const leader = new FakeLeader(new Bytes('x'.repeat(95), [[3, 0]]));
  const follower = new FakeFollower(new Bytes('', []));
  const { world, link, session } = await linked(leader, follower);
  assert(session.isFollowing);
  assert.equal(follower.promisedEpoch, 3);
  assert.deepEqual(Buffer.from(follower.data.bytes), Buffer.from(leader.data.bytes));
  assert.equal(leader.reports.at(-1)?.written, 95);

  leader.data.append(Buffer.from('and more'));
  link.written(true);
  await world.run({ forMs: 50 });
  assert.equal(follower.data.end, 103);
  assert.equal(follower.syncs, 1);
  assert.equal(leader.reports.at(-1)?.synced, 103);

  leader.commitPoint = at(103);
  link.pointsMoved();
  await world.run({ forMs: 50 });
  assert.deepEqual(follower.points_, [103, 0]);
});

test('a follower hears of C with the next range, or soon without one, and of D at once', async () => {
  const leader = new FakeLeader(new Bytes('x'.repeat(20), [[3, 0]]));
  const follower = new FakeFollower(new Bytes('', []));
  const { world, link } = await linked(leader, follower);
  const before = follower.heard;
  for (let range = 0; range < 50; range++) {
    leader.data.append(Buffer.from('x'));
    link.written(false);
    leader.commitPoint = at(leader.data.end);
    link.pointsMoved();
    await world.run({ forMs: 1 });
  }
  const heard = follower.heard - before;
  assert(heard <= 52, `${heard} frames for 50 ranges`);
  await world.run({ forMs: 20 });
  assert.deepEqual(follower.points_, [70, 0]);
  leader.durablePoint = at(70);
  link.pointsMoved();
  await world.run({ forMs: 3 });
  assert.deepEqual(follower.points_, [70, 70]);
});

test('a wish for an fsync of what is sent already reaches the follower', async () => {
  const leader = new FakeLeader(new Bytes('x'.repeat(20), [[3, 0]]));
  const follower = new FakeFollower(new Bytes('', []));
  const { world, link } = await linked(leader, follower);
  assert.equal(follower.syncs, 0);
  link.written(true);
  await world.run({ forMs: 50 });
  assert.equal(follower.syncs, 1);
});

test('a follower with another secret gets nothing, and says what is wrong', async () => {
  const leader = new FakeLeader(new Bytes('secret', [[3, 0]]));
  const follower = new FakeFollower(new Bytes('', []));
  const { ending } = await linked(leader, follower, { secret: 'another' });
  assert.equal(ending()?.kind, 'refused');
  assert.equal(follower.data.end, 0);
  assert.equal(follower.promisedEpoch, 0);
});

test('a follower that ends above the common point is told to cut', async () => {
  const leader = new FakeLeader(new Bytes('x'.repeat(60), [[2, 0], [3, 40]])); // biome-ignore format: pairs
  const follower = new FakeFollower(new Bytes('x'.repeat(50), [[2, 0]]));
  const { ending } = await linked(leader, follower);
  assert.deepEqual(ending(), { kind: 'cut', position: 40 });
});

test('equal epochs over different bytes are found, and nothing is appended', async () => {
  const leader = new FakeLeader(new Bytes('x'.repeat(60), [[3, 0]]));
  const follower = new FakeFollower(new Bytes('y'.repeat(50), [[3, 0]]));
  const { ending } = await linked(leader, follower);
  assert.equal(ending()?.kind, 'failed');
  assert.equal(follower.data.end, 50);
});

test('a promise above the epoch of the leader ends its leading', async () => {
  const leader = new FakeLeader(new Bytes('x', [[3, 0]]));
  const follower = new FakeFollower(new Bytes('', []));
  follower.promisedEpoch = epoch(4);
  const { ending } = await linked(leader, follower);
  assert.equal(leader.higher, 4);
  assert.equal(ending()?.kind, 'lost');
});

test('a follower that claims more than it was sent is disconnected and named', async () => {
  const leader = new FakeLeader(new Bytes('x'.repeat(30), [[3, 0]]));
  const follower = new FakeFollower(new Bytes('', []));
  const { world, session } = await linked(leader, follower);
  follower.lie = 1;
  session.report();
  await world.run({ forMs: 50 });
  assert.match(leader.gone[0] ?? '', /reports 31 as written after 30, and was sent up to 30/);
});

test('a follower whose disk is full says so; one that is only busy just comes again', async () => {
  for (const reason of ['diskFull', 'busy'] as const) {
    const leader = new FakeLeader(new Bytes('x'.repeat(30), [[3, 0]]));
    const follower = new FakeFollower(new Bytes('', []));
    const { world, link, ending } = await linked(leader, follower);
    follower.cannot = new Failure('unavailable', 'not now', { reason });
    leader.data.append(Buffer.from('more'));
    link.written(false);
    await world.run({ forMs: 50 });
    const isFull = reason === 'diskFull';
    assert.deepEqual(ending(), { kind: isFull ? 'full' : 'lost', why: 'not now' });
    assert.deepEqual(leader.refusals, isFull ? ['not now'] : []);
    assert.equal(leader.gone.length, 1);
  }
});

test('a side that goes silent is given up after 3 s', async () => {
  const leader = new FakeLeader(new Bytes('x'.repeat(30), [[3, 0]]));
  const follower = new FakeFollower(new Bytes('', []));
  const { world, ending } = await linked(leader, follower);
  world.network.partition(['leader'], ['follower']);
  await world.run({ forMs: 4000 });
  assert.match(leader.gone[0] ?? '', /nothing was heard of it for 3000 ms/);
  assert.equal(ending()?.kind, 'lost');
});

test('a RocketMQ replica is recognised by its first bytes', () => {
  const input = new FrameInput(() => assert.fail('no frame'));
  assert.throws(() => input.add(Buffer.from('0000000100010000', 'hex')), /RocketMQ replica/);
});

test('frames come out as they went in, however they are cut', () => {
  const frames: Frame[] = [
    { type: 'refusal', lasting: true, reason: 'no' },
    { type: 'promised', epoch: epoch(7) },
    {
      type: 'range',
      value: {
        epoch: epoch(3),
        start: at(2 ** 40),
        commitPoint: at(5),
        durablePoint: at(4),
        wantsSync: true,
        bytes: Buffer.alloc(3000, 7),
      },
    },
    {
      type: 'state',
      value: {
        proof: new Uint8Array(32),
        holding: 'log',
        lossless: false,
        begin: at(1),
        end: at(9),
        applied: at(3),
        segmentBytes,
        epochs: [{ epoch: epoch(1), incarnation: '00000000000000aa', start: at(1) }],
      },
    },
  ];
  const all = Buffer.concat([linkPreamble, ...frames.map(encodeFrame)]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (sizes) => {
      const seen: string[] = [];
      const input = new FrameInput((frame) => seen.push(JSON.stringify(frame)));
      for (let from = 0, turn = 0; from < all.length; turn++) {
        const size = sizes[turn % sizes.length] as number;
        input.add(all.subarray(from, from + size));
        from += size;
      }
      assert.deepEqual(
        seen,
        frames.map((frame) => JSON.stringify(frame)),
      );
    }),
  );
});

test('a flipped bit in a range is found', () => {
  const range = encodeFrame({
    type: 'range',
    value: {
      epoch: epoch(3),
      start: at(0),
      commitPoint: at(0),
      durablePoint: at(0),
      wantsSync: false,
      bytes: Buffer.alloc(100, 7),
    },
  });
  range[range.length - 1] = 6;
  const input = new FrameInput(() => assert.fail('no frame'));
  assert.throws(() => input.add(Buffer.concat([linkPreamble, range])), /wrong checksum/);
});

test('nothing that was applied is ever cut away, and an unrelated log is refused', () => {
  const state = (end: number, epochs: [number, number][], applied = 0): FollowerState => ({
    proof: new Uint8Array(32),
    holding: 'log',
    lossless: true,
    begin: at(0),
    end: at(end),
    applied: at(applied),
    segmentBytes,
    epochs: new Bytes('', epochs).epochs,
  });
  const leader = {
    begin: at(0),
    end: at(100),
    segmentBytes,
    epochs: new Bytes('', [[1, 0], [4, 50]]).epochs, // biome-ignore format: pairs
  };
  assert.deepEqual(judge(leader, state(30, [[1, 0]])), { action: 'follow', position: 30 });
  assert.deepEqual(judge(leader, state(70, [[1, 0], [3, 60]])), { action: 'cut', position: 50 }); // biome-ignore format: pairs
  assert.deepEqual(judge(leader, state(70, [[1, 0]], 55)), { action: 'install', position: 0 });
  assert.deepEqual(judge(leader, state(80, [[1, 0], [4, 50]])), { action: 'follow', position: 80 }); // biome-ignore format: pairs
  const twin = state(80, [[1, 0], [4, 50]]); // biome-ignore format: pairs
  const epochs = twin.epochs.map((entry) =>
    entry.epoch === 4 ? { ...entry, incarnation: 'ffffffffffffffff' } : entry,
  );
  assert.deepEqual(judge(leader, { ...twin, epochs }), { action: 'cut', position: 50 });
  assert('refused' in judge(leader, state(30, [[2, 0]])));
  // It has lost what it knew of epochs.
  assert.deepEqual(judge(leader, state(30, [])), { action: 'install', position: 0 });
  assert('refused' in judge(leader, { ...state(30, [[1, 0]]), segmentBytes: 1 }));
  const retained = { ...leader, begin: at(40) };
  assert.deepEqual(judge(retained, state(30, [[1, 0]])), { action: 'install', position: 40 });
  assert.deepEqual(judge(retained, { ...state(0, []), holding: 'nothing' }), {
    action: 'install',
    position: 40,
  });
});
