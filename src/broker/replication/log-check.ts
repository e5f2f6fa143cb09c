import { crc32 } from 'node:zlib';
import type { PhysicalOffset } from '../../base/index.ts';
import { physicalOffset } from '../../base/index.ts';
import type { CommitLog } from '../../log/index.ts';
import { checkedBytes } from '../../replication/link/index.ts';

/** CRC-32 of the last bytes before a position, within its segment: two logs that differ there must not be joined. */
export async function logCheckBefore(log: CommitLog, position: PhysicalOffset): Promise<number> {
  const segmentStart = Math.floor(position / log.segmentBytes) * log.segmentBytes;
  const from = physicalOffset(Math.max(segmentStart, position - checkedBytes));
  if (from >= position) return 0;
  return crc32(await log.read(from, position - from));
}
