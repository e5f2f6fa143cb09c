import type { TestReplica } from '../../../src/broker/replication/test-group.ts';
import { ensure } from '../broker/violation.ts';
import type { Inspector } from './inspector.ts';

/** Promise P4: what is committed is the same on all replicas, byte by byte. */
export function compareLogs(replicas: readonly TestReplica[], inspector: Inspector): void {
  const logs = replicas.flatMap((replica) => {
    const store = inspector.storeOf(replica.name)?.store;
    return store === undefined ? [] : [{ replica, store }];
  });
  const [first, ...others] = logs;
  if (first === undefined) return;
  for (const other of others) {
    const from = Math.max(first.store.log.begin, other.store.log.begin);
    const to = Math.min(first.store.commitPoint, other.store.commitPoint);
    const one = bytesOf(first.replica, first.store.log.segmentBytes, from, to);
    const two = bytesOf(other.replica, other.store.log.segmentBytes, from, to);
    ensure(
      one.equals(two),
      'P4',
      () => `the logs of ${first.replica.name} and ${other.replica.name} differ below ${to}`,
    );
  }
}

function bytesOf(
  { node, options }: TestReplica,
  segmentBytes: number,
  from: number,
  to: number,
): Buffer {
  const bytes = Buffer.alloc(Math.max(0, to - from));
  for (let at = from; at < to; ) {
    const base = Math.floor(at / segmentBytes) * segmentBytes;
    const end = Math.min(to, base + segmentBytes);
    const path = `${options.storePath}/commitlog/${String(base).padStart(20, '0')}`;
    const inode = node.drive.find(path);
    if (inode?.type === 'file')
      inode.current.read(bytes.subarray(at - from, end - from), at - base);
    at = end;
  }
  return bytes;
}
