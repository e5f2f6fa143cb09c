import type { Frame } from '../../interop/support/frames.ts';
import { eventually } from '../../interop/support/waiting.ts';
import { codes, groupNotExist, queryNotFound, success, topicNotExist } from './codes.ts';
import { textOfGroup, textOfTopic } from './definitions.ts';
import type { Found, Journal } from './journal.ts';
import { namePrefix, readerGroup } from './names.ts';
import { forEach } from './parallel.ts';
import type { Remote } from './remote.ts';
import { decodeMessages } from './stored-messages.ts';
import { messageKey, offsetKey } from './writer.ts';

const inFlight = 16;
const patienceMs = 20_000;
const viewFailed = 1;
const pullNothing: ReadonlySet<number> = new Set([19, 21]);
/** What a node answers that is on its way to its role. */
const notYet: ReadonlySet<number> = new Set([1, 2, 14, 20]);

/**
 * Reads everything that the journal knows from one node, and the topics and groups that the node lists beyond it. A
 * master is asked as clients ask. What a replica refuses to clients is read as tools read it: the offsets as a whole
 * table, and a message by its position.
 */
export async function readNode(
  remote: Remote,
  journal: Journal,
  role: 'master' | 'slave',
): Promise<Found> {
  const topics = await readTopics(remote, journal);
  const groups = await readGroups(remote);
  if (role === 'slave') {
    const offsets = await listOffsets(remote, journal);
    return { topics, groups, offsets, messages: await viewMessages(remote, journal) };
  }
  const offsets = await queryOffsets(remote, journal);
  return { topics, groups, offsets, messages: await pullMessages(remote, [...topics]) };
}

async function readTopics(remote: Remote, journal: Journal): Promise<Map<string, string>> {
  const { topicConfigTable } = parse<{ topicConfigTable: Record<string, unknown> }>(
    await answered(remote, codes.allTopics),
  );
  const names = new Set([...journal.keys('topics'), ...ours(topicConfigTable)]);
  const topics = new Map<string, string>();
  await forEach([...names], inFlight, async (topic) => {
    const answer = await answered(remote, codes.topicConfig, { topic }, [topicNotExist]);
    if (answer.header.code === success) topics.set(topic, textOfTopic(parse(answer)));
  });
  return topics;
}

async function readGroups(remote: Remote): Promise<Map<string, string>> {
  const { subscriptionGroupTable } = parse<{ subscriptionGroupTable: Record<string, unknown> }>(
    await answered(remote, codes.allGroups),
  );
  // One that is not listed is not asked for: Java makes groups that somebody looks at.
  const names = ours(subscriptionGroupTable);
  const groups = new Map<string, string>();
  await forEach(names, inFlight, async (group) => {
    const answer = await answered(remote, codes.groupConfig, { group }, [groupNotExist]);
    if (answer.header.code === success) groups.set(group, textOfGroup(parse(answer)));
  });
  return groups;
}

const ours = (table: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(table).filter((name) => name.startsWith(namePrefix));

async function queryOffsets(remote: Remote, journal: Journal): Promise<Map<string, string>> {
  const offsets = new Map<string, string>();
  await forEach(journal.keys('offsets'), inFlight, async (key) => {
    const [consumerGroup = '', topic = '', queueId = ''] = key.split('@');
    const fields = { consumerGroup, topic, queueId, setZeroIfNotFound: false };
    const answer = await answered(remote, codes.queryConsumerOffset, fields, [
      queryNotFound,
      groupNotExist,
    ]);
    const { offset } = answer.header.extFields ?? {};
    if (answer.header.code === success && offset !== undefined) offsets.set(key, offset);
  });
  return offsets;
}

async function listOffsets(remote: Remote, journal: Journal): Promise<Map<string, string>> {
  const { offsetTable } = parse<{ offsetTable: Record<string, Record<string, number>> }>(
    await answered(remote, codes.allConsumerOffsets),
  );
  const offsets = new Map<string, string>();
  for (const key of journal.keys('offsets')) {
    const [group = '', topic = '', queueId = ''] = key.split('@');
    const offset = offsetTable[`${topic}@${group}`]?.[queueId];
    if (offset !== undefined) offsets.set(offsetKey(group, topic, Number(queueId)), String(offset));
  }
  return offsets;
}

/** Each queue from its beginning to its end, so that what nobody expects there is seen as well. */
async function pullMessages(
  remote: Remote,
  topics: readonly (readonly [name: string, text: string])[],
): Promise<Map<string, string>> {
  const messages = new Map<string, string>();
  const queues = topics.flatMap(([topic, text]) => {
    const count = Number(/queues (\d+)/.exec(text)?.[1]);
    return Array.from({ length: count }, (_, queueId) => ({ topic, queueId }));
  });
  await forEach(queues, inFlight, async ({ topic, queueId }) => {
    const ask = async (code: number) =>
      Number((await answered(remote, code, { topic, queueId })).header.extFields?.['offset']);
    const end = await ask(codes.maxOffset);
    let next = await ask(codes.minOffset);
    while (next < end) {
      const fields = {
        ...{ consumerGroup: readerGroup, topic, queueId, queueOffset: next, maxMsgNums: 32 },
        ...{ sysFlag: 4, commitOffset: 0, suspendTimeoutMillis: 0, subscription: '*' },
        ...{ subVersion: 0, expressionType: 'TAG' },
      };
      const answer = await answered(remote, codes.pullMessage, fields, [...pullNothing]);
      if (answer.header.code !== success) {
        throw new Error(
          `${topic} ${queueId}: nothing at ${next} below the end ${end}: ${answer.header.code} ${answer.header.remark}`,
        );
      }
      for (const message of decodeMessages(answer.body)) {
        if (message.queueOffset !== next) {
          throw new Error(`${topic} ${queueId}: ${message.queueOffset} instead of ${next}`);
        }
        messages.set(messageKey(topic, queueId, next), message.body);
        next += 1;
      }
    }
  });
  return messages;
}

async function viewMessages(remote: Remote, journal: Journal): Promise<Map<string, string>> {
  const messages = new Map<string, string>();
  // The bytes of one that is gone with its topic are still in the log, and may be looked at there.
  const stored = [...journal.entries('messages')].filter(([, entry]) => entry.acknowledged);
  await forEach(stored, inFlight, async ([key]) => {
    const offset = journal.positionOf(key);
    if (offset === undefined) return;
    const answer = await remote.request(codes.viewMessage, { offset });
    if (answer.header.code === viewFailed) return;
    const [message] = decodeMessages(answer.body);
    if (message === undefined) return;
    messages.set(messageKey(message.topic, message.queueId, message.queueOffset), message.body);
  });
  return messages;
}

/** An answer that says something: "not serving yet" is asked again, and never taken for "not there". */
async function answered(
  remote: Remote,
  code: number,
  fields: Readonly<Record<string, string | number | boolean>> = {},
  alsoGood: readonly number[] = [],
): Promise<Frame> {
  let last = '';
  return eventually(
    patienceMs,
    () => `answer to ${code} of ${remote.address}: ${last}`,
    async () => {
      const answer = await remote.request(code, fields);
      const { code: result, remark } = answer.header;
      if (result === success || alsoGood.includes(result)) return answer;
      last = `${result} ${remark}`;
      if (notYet.has(result)) return undefined;
      throw new Error(`request ${code} to ${remote.address}: ${last}`);
    },
  );
}

/** Java writes keys that are numbers without quotes. */
function parse<T>({ body }: Frame): T {
  const text = Buffer.from(body).toString();
  return JSON.parse(text.replace(/([{,])(\d+):/g, '$1"$2":')) as T;
}
