// Writes batches into the database of the folder in its argument until it is killed, and prints the number of the last
// one whenever a flush returned. Batch n puts n at `last` and at two more keys; each tenth deletes older ones.
import { nodeKeyValueStores } from '../../../../src/node/index.ts';

export const lastKey = Buffer.from('last');
export const oneKey = (batch: number): Uint8Array => key('one', batch);
export const otherKey = (batch: number): Uint8Array => key('other', batch);
/** Batches below this were deleted by batch `batch` or an earlier one. */
export const deletedBelow = (batch: number): number => Math.max(0, batch - (batch % 10) - 50);

function key(name: string, batch: number): Uint8Array {
  return Buffer.from(`${name} ${String(batch).padStart(12, '0')}`);
}

async function writeForEver(folder: string): Promise<void> {
  const database = await nodeKeyValueStores.open(folder, { writeBufferBytes: 64 * 1024 });
  const last = await database.get(lastKey);
  for (let batch = Number(last === undefined ? 0 : Buffer.from(last).toString()) + 1; ; batch++) {
    const value = Buffer.from(String(batch));
    await database.write([
      { type: 'put', key: oneKey(batch), value: Buffer.alloc(500, value) },
      { type: 'deleteRange', from: oneKey(0), to: oneKey(deletedBelow(batch)) },
      { type: 'deleteRange', from: otherKey(0), to: otherKey(deletedBelow(batch)) },
      { type: 'put', key: otherKey(batch), value },
      { type: 'put', key: lastKey, value },
    ]);
    if (batch % 7 === 0) {
      await database.flush();
      process.stdout.write(`${batch}\n`);
    }
  }
}

const folder = process.argv[2];
if (folder !== undefined && process.argv[1]?.endsWith('key-value-writer.js')) {
  await writeForEver(folder);
}
