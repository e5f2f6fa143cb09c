import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../interop/support/frames.ts';

const createGroup = 200;
const allGroups = 201;
const retryMs = 50;

/** Creates subscription groups one after the other and notes which ones were acknowledged. */
export class GroupWriter {
  readonly acknowledged: string[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(broker: string, prefix: string) {
    this.#done = this.#run(broker, prefix);
  }

  async #run(broker: string, prefix: string): Promise<void> {
    for (let index = 0; !this.#stop.signal.aborted; index += 1) {
      const groupName = `${prefix}${index}`;
      const body = Buffer.from(
        JSON.stringify({ groupName, consumeEnable: true, retryQueueNums: 1 }),
      );
      // A broker that is down refuses the connection; a request that it cut off was not acknowledged.
      const answer = await request(broker, createGroup, {}, body).catch(() => undefined);
      if (answer?.header.code === 0) this.acknowledged.push(groupName);
      await sleep(retryMs);
    }
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

/** Those of `names` that the broker does not know. */
export async function missingGroups(broker: string, names: readonly string[]): Promise<string[]> {
  const { header, body } = await request(broker, allGroups);
  if (header.code !== 0) throw new Error(`list of groups: code ${header.code} ${header.remark}`);
  const { subscriptionGroupTable } = JSON.parse(Buffer.from(body).toString()) as {
    subscriptionGroupTable: Record<string, unknown>;
  };
  return names.filter((name) => !(name in subscriptionGroupTable));
}
