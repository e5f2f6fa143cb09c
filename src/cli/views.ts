import {
  type AnyOperation,
  type BrokerConfig,
  benchConsume,
  benchEndToEnd,
  benchMetadata,
  benchProduce,
  brokerInfo,
  type Change,
  copyOffsets,
  createGroup,
  createTopic,
  deleteGroup,
  deleteTopic,
  editGroup,
  editTopic,
  findMessages,
  type GroupOnBroker,
  type GroupResult,
  getBrokerConfig,
  getMessage,
  groupInfo,
  groupLag,
  haHistory,
  haStatus,
  listBrokers,
  listClients,
  listGroups,
  listTopics,
  type Message,
  type MovedOffset,
  permissionText,
  promoteReplica,
  recoverGroup,
  resetOffsets,
  type Shape,
  sendMessage,
  setBrokerConfig,
  setOffset,
  showOffsets,
  switchOver,
  type TopicOnBroker,
  type TopicResult,
  tailTopic,
  topicInfo,
  topicRoute,
  verifyMetadata,
} from '../admin/index.ts';
import type { TimestampMs } from '../base/index.ts';
import { benchReport } from './bench-view.ts';
import {
  groupHistory,
  handedOver,
  promotedReplica,
  recoveredGroup,
  replicaGroups,
  verifiedGroups,
} from './ha-views.ts';
import { oneLine } from './plain-text.ts';
import type { Screen } from './screen.ts';
import { type Column, renderTable } from './table.ts';

type View = (result: unknown, screen: Screen) => string;

const views = new Map<unknown, View>();

/** Text for a person; ends with a new line. */
export function viewOf(operation: AnyOperation): View {
  const view = views.get(operation);
  if (view !== undefined) return view;
  return (result) => `${JSON.stringify(operation.output.toJson(result), undefined, 2)}\n`;
}

export const hasView = (operation: AnyOperation): boolean => views.has(operation);

/** The map gives each operation's view only results of that operation. */
function show<T>(
  operation: { readonly output: Shape<T> },
  view: (result: T, screen: Screen) => string,
): void {
  views.set(operation, view as View);
}

function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], screen: Screen): string {
  return renderTable(columns, rows, { width: screen.width, title: screen.faint });
}

const right = (title: string) => ({ title, align: 'right' }) as const;

/** `name=value` pairs in one cell. */
const pairs = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');

const topicColumns: readonly Column<TopicOnBroker>[] = [
  { title: 'BROKER', cell: ({ broker }) => broker },
  { ...right('READ'), cell: ({ readQueues }) => readQueues },
  { ...right('WRITE'), cell: ({ writeQueues }) => writeQueues },
  { title: 'PERM', cell: ({ perm }) => permissionText(perm) },
  { title: 'ORDER', cell: ({ order }) => (order ? 'yes' : 'no') },
  { title: 'ATTRIBUTES', shrinkable: true, cell: ({ attributes }) => pairs(attributes) },
];

const groupColumns: readonly Column<GroupOnBroker>[] = [
  { title: 'BROKER', cell: ({ broker }) => broker },
  { title: 'CONSUME', cell: ({ consumeEnable }) => (consumeEnable ? 'yes' : 'no') },
  { title: 'BROADCAST', cell: ({ broadcastEnable }) => (broadcastEnable ? 'yes' : 'no') },
  { title: 'ORDERLY', cell: ({ orderly }) => (orderly ? 'yes' : 'no') },
  { ...right('RETRY QUEUES'), cell: ({ retryQueues }) => retryQueues },
  { ...right('RETRIES'), cell: ({ retryMaxTimes }) => retryMaxTimes },
  { title: 'ATTRIBUTES', shrinkable: true, cell: ({ attributes }) => pairs(attributes) },
];

const topicResult = ({ topic, brokers }: TopicResult, screen: Screen): string =>
  joined(`topic ${screen.strong(topic)}`, table(topicColumns, brokers, screen));

show(createTopic, topicResult);
show(editTopic, topicResult);

show(listTopics, (topics, screen) =>
  table(
    [
      { title: 'TOPIC', cell: ({ topic }) => topic },
      { title: 'TYPE', cell: ({ messageType }) => messageType ?? '' },
      { ...right('READ'), cell: ({ readQueues }) => readQueues },
      { ...right('WRITE'), cell: ({ writeQueues }) => writeQueues },
      { title: 'PERM', cell: ({ perm }) => (perm === undefined ? '' : permissionText(perm)) },
      { title: 'BROKERS', shrinkable: true, cell: ({ brokers }) => brokers.join(' ') },
    ],
    topics,
    screen,
  ),
);

show(topicInfo, ({ topic, brokers, queues }, screen) =>
  joined(
    `topic ${screen.strong(topic)}`,
    table(topicColumns, brokers, screen),
    table(
      [
        { title: 'BROKER', cell: ({ broker }) => broker },
        { ...right('QUEUE'), cell: ({ queueId }) => queueId },
        { ...right('MIN'), cell: ({ minOffset }) => minOffset },
        { ...right('MAX'), cell: ({ maxOffset }) => maxOffset },
        { ...right('MESSAGES'), cell: ({ minOffset, maxOffset }) => maxOffset - minOffset },
        { title: 'NEWEST', cell: ({ lastUpdateTimestamp: time }) => time && screen.moment(time) },
      ],
      queues,
      screen,
    ),
  ),
);

show(
  deleteTopic,
  ({ topic, brokers }) => `topic ${oneLine(topic)} removed on ${brokers.join(', ')}\n`,
);

const groupResult = ({ group, brokers }: GroupResult, screen: Screen): string =>
  joined(`group ${screen.strong(group)}`, table(groupColumns, brokers, screen));

show(createGroup, groupResult);
show(editGroup, groupResult);

show(listGroups, (groups, screen) =>
  table(
    [
      { title: 'GROUP', cell: ({ group }) => group },
      { title: 'CONSUME', cell: ({ consumeEnable }) => (consumeEnable ? 'yes' : 'no') },
      { title: 'ORDERLY', cell: ({ orderly }) => (orderly ? 'yes' : 'no') },
      { ...right('RETRIES'), cell: ({ retryMaxTimes }) => retryMaxTimes },
      { title: 'BROKERS', shrinkable: true, cell: ({ brokers }) => brokers.join(' ') },
    ],
    groups,
    screen,
  ),
);

show(groupInfo, ({ group, brokers, consumers, queues }, screen) =>
  joined(
    `group ${screen.strong(group)}`,
    table(groupColumns, brokers, screen),
    consumers.length === 0
      ? 'No consumer is connected.\n'
      : table(
          [
            { title: 'CONSUMER', shrinkable: true, cell: ({ clientId }) => clientId },
            { title: 'ADDRESS', cell: ({ address }) => address },
            { title: 'LANGUAGE', cell: ({ language }) => language },
            { title: 'VERSION', cell: ({ version }) => version },
          ],
          consumers,
          screen,
        ),
    queues.length === 0
      ? 'No offset is committed.\n'
      : table(
          [
            { title: 'TOPIC', shrinkable: true, cell: ({ topic }) => topic },
            { title: 'BROKER', cell: ({ broker }) => broker },
            { ...right('QUEUE'), cell: ({ queueId }) => queueId },
            { ...right('END'), cell: ({ brokerOffset }) => brokerOffset },
            { ...right('CONSUMED'), cell: ({ consumerOffset }) => consumerOffset },
            { ...right('LAG'), cell: ({ lag }) => lag },
            { title: 'CONSUMED UP TO', cell: ({ lastTimestamp }) => screen.moment(lastTimestamp) },
          ],
          queues,
          screen,
        ),
  ),
);

show(
  deleteGroup,
  ({ group, brokers }) => `group ${oneLine(group)} removed on ${brokers.join(', ')}\n`,
);

show(sendMessage, (sent, screen) => {
  const place = `${sent.topic} ${sent.broker} queue ${sent.queueId} offset ${sent.queueOffset}`;
  const status = sent.status === 'SEND_OK' ? '' : ` ${screen.bad(sent.status)}`;
  return `sent ${screen.strong(sent.messageId)} to ${oneLine(place)}${status}\n`;
});

/** One message, one line: a stream can be read with `grep`. */
show(tailTopic, (message, screen) => {
  const place = `${message.broker}:${message.queueId}:${message.queueOffset}`;
  const tags = message.tags === undefined ? '' : `[${message.tags}] `;
  const head = `${screen.moment(message.storeTimestamp)} ${place}`;
  return `${screen.faint(oneLine(head))} ${oneLine(`${tags}${bodyText(message)}`)}\n`;
});

show(getMessage, (message, screen) => {
  const rows: readonly (readonly [string, string])[] = [
    ['id', message.messageId],
    ['offset id', message.offsetMessageId],
    ['topic', message.topic],
    ['queue', `${message.broker} ${message.queueId}, offset ${message.queueOffset}`],
    ['tags', message.tags ?? ''],
    ['keys', message.keys ?? ''],
    ['born', `${screen.moment(message.bornTimestamp)} at ${message.bornHost}`],
    ['stored', `${screen.moment(message.storeTimestamp)} at ${message.storeHost}`],
    ['retries', message.reconsumeTimes === 0 ? '' : String(message.reconsumeTimes)],
    ['properties', pairs(message.properties)],
  ];
  const head = rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${screen.faint(name.padEnd(11))} ${oneLine(value)}\n`);
  return `${head.join('')}\n${printable(bodyText(message))}\n`;
});

show(listBrokers, (brokers, screen) =>
  table(
    [
      { title: 'CLUSTER', cell: ({ cluster }) => cluster },
      { title: 'BROKER', cell: ({ broker }) => broker },
      { ...right('ID'), cell: ({ id }) => id },
      { title: 'ADDRESS', cell: ({ address }) => address },
      { title: 'VERSION', cell: ({ version }) => version ?? '' },
      { title: 'IN/S', align: 'right', cell: ({ putTps }) => putTps ?? '' },
      { title: 'OUT/S', align: 'right', cell: ({ getTps }) => getTps ?? '' },
      {
        title: 'STATE',
        cell: ({ reachable }) => (reachable ? 'up' : 'unreachable'),
        style: ({ reachable }) => (reachable ? undefined : screen.bad),
      },
    ],
    brokers,
    screen,
  ),
);

show(brokerInfo, ({ cluster, broker, id, address, runtime }, screen) => {
  const figures = { ...runtime };
  const known = brokerFigures.flatMap(([name, title, kind]) => {
    const value = figures[name];
    delete figures[name];
    if (value === undefined) return [];
    const time = kind === 'time' ? screen.moment(Number(value) as TimestampMs) : value;
    return [`${screen.faint(title.padEnd(brokerTitlePlaces))}  ${oneLine(time)}\n`];
  });
  const others = Object.entries(figures).sort();
  return joined(
    `broker ${screen.strong(broker)} ${id} of ${cluster} at ${address}`,
    ...(known.length === 0 ? [] : [known.join('')]),
    ...(others.length === 0
      ? []
      : [
          table(
            [
              { title: 'NAME', cell: ([name]) => name },
              { title: 'VALUE', shrinkable: true, cell: ([, value]) => value },
            ],
            others,
            screen,
          ),
        ]),
  );
});

/** What a person asks first, with or without RocketMQ's names; other figures follow by name. */
const brokerFigures: readonly (readonly [name: string, title: string, kind?: 'time'])[] = [
  ['brokerVersionDesc', 'version'],
  ['bootTimestamp', 'started', 'time'],
  ['runtime', 'up for'],
  ['epoch', 'epoch'],
  ['commitLogMinOffset', 'log begins at'],
  ['commitLogMaxOffset', 'log ends at'],
  ['commitPoint', 'commit point C'],
  ['durablePoint', 'durable point D'],
  ['appliedPosition', 'tables applied to'],
  ['metadataDigest', 'digest of the tables'],
];
const brokerTitlePlaces = Math.max(...brokerFigures.map(([, title]) => title.length));

show(topicRoute, ({ topic, queues, brokers }, screen) =>
  joined(
    `topic ${screen.strong(topic)}`,
    table(
      [
        { title: 'BROKER', cell: ({ broker }) => broker },
        { ...right('READ'), cell: ({ readQueues }) => readQueues },
        { ...right('WRITE'), cell: ({ writeQueues }) => writeQueues },
        { title: 'PERM', cell: ({ perm }) => permissionText(perm) },
      ],
      queues,
      screen,
    ),
    table(
      [
        { title: 'CLUSTER', cell: ({ cluster }) => cluster },
        { title: 'BROKER', cell: ({ broker }) => broker },
        { ...right('ID'), cell: ({ id }) => id },
        { title: 'ADDRESS', cell: ({ address }) => address },
      ],
      brokers,
      screen,
    ),
  ),
);

show(groupLag, (groups, screen) =>
  table(
    [
      { title: 'GROUP', shrinkable: true, cell: ({ group }) => group },
      { title: 'TOPIC', shrinkable: true, cell: ({ topic }) => topic },
      { ...right('QUEUES'), cell: ({ queues }) => queues },
      { ...right('LAG'), cell: ({ lag }) => lag },
      { ...right('CONSUMERS'), cell: ({ consumers }) => consumers },
      { ...right('MSG/S'), cell: ({ consumeTps }) => consumeTps },
      { title: 'BEHIND SINCE', cell: ({ behindSince: time }) => time && screen.moment(time) },
    ],
    groups,
    screen,
  ),
);

show(findMessages, (messages, screen) =>
  table(
    [
      { title: 'MESSAGE ID', cell: ({ messageId }) => messageId },
      { title: 'STORED', cell: ({ storeTimestamp }) => screen.moment(storeTimestamp) },
      { title: 'BROKER', cell: ({ broker }) => broker },
      { ...right('QUEUE'), cell: ({ queueId }) => queueId },
      { ...right('OFFSET'), cell: ({ queueOffset }) => queueOffset },
      { title: 'TAGS', shrinkable: true, cell: ({ tags }) => tags ?? '' },
      { title: 'KEYS', shrinkable: true, cell: ({ keys }) => keys ?? '' },
      { title: 'BODY', shrinkable: true, cell: bodyText },
    ],
    messages,
    screen,
  ),
);

show(showOffsets, (queues, screen) =>
  table(
    [
      { title: 'TOPIC', shrinkable: true, cell: ({ topic }) => topic },
      { title: 'BROKER', cell: ({ broker }) => broker },
      { ...right('QUEUE'), cell: ({ queueId }) => queueId },
      { ...right('MIN'), cell: ({ minOffset }) => minOffset },
      { ...right('COMMITTED'), cell: ({ consumerOffset }) => consumerOffset ?? 'none' },
      { ...right('MAX'), cell: ({ maxOffset }) => maxOffset },
      { ...right('LAG'), cell: ({ lag }) => lag },
    ],
    queues,
    screen,
  ),
);

const movedOffsets = (moved: readonly MovedOffset[], screen: Screen): string =>
  table(
    [
      { title: 'GROUP', shrinkable: true, cell: ({ group }) => group },
      { title: 'TOPIC', shrinkable: true, cell: ({ topic }) => topic },
      { title: 'BROKER', cell: ({ broker }) => broker },
      { ...right('QUEUE'), cell: ({ queueId }) => queueId },
      { ...right('BEFORE'), cell: ({ before }) => before ?? 'none' },
      { ...right('NOW'), cell: ({ after }) => after ?? 'none' },
    ],
    moved,
    screen,
  );

show(resetOffsets, movedOffsets);
show(copyOffsets, movedOffsets);
show(setOffset, (moved, screen) => movedOffsets([moved], screen));

show(listClients, (clients, screen) =>
  table(
    [
      { title: 'ROLE', cell: ({ role }) => role },
      { title: 'GROUP', shrinkable: true, cell: ({ group }) => group },
      { title: 'CLIENT', shrinkable: true, cell: ({ clientId }) => clientId },
      { title: 'ADDRESS', cell: ({ address }) => address },
      { title: 'LANGUAGE', cell: ({ language }) => language },
      { title: 'VERSION', cell: ({ version }) => version },
      {
        title: 'SUBSCRIPTIONS',
        shrinkable: true,
        cell: ({ subscriptions }) =>
          subscriptions.map(({ topic, expression }) => `${topic}:${expression}`).join(' '),
      },
    ],
    clients,
    screen,
  ),
);

const brokerConfig = ({ settings }: BrokerConfig, screen: Screen): string =>
  table(
    [
      { title: 'KEY', cell: ([key]) => key },
      { title: 'VALUE', shrinkable: true, cell: ([, value]) => value },
    ],
    Object.entries(settings),
    screen,
  );

show(getBrokerConfig, brokerConfig);
show(setBrokerConfig, brokerConfig);

show(haStatus, replicaGroups);
show(haHistory, groupHistory);
show(recoverGroup, recoveredGroup);
show(switchOver, handedOver);
show(promoteReplica, promotedReplica);
show(verifyMetadata, verifiedGroups);

show(benchProduce, benchReport);
show(benchConsume, benchReport);
show(benchEndToEnd, benchReport);
show(benchMetadata, benchReport);

/** What an operation would change. */
export function changesView(changes: readonly Change[], screen: Screen): string {
  if (changes.length === 0) return 'Nothing would change.\n';
  return table(
    [
      { title: 'WHERE', cell: ({ where }) => where },
      { title: 'WHAT', shrinkable: true, cell: ({ what }) => what },
      { title: 'NOW', shrinkable: true, cell: ({ before }) => before ?? '-' },
      { title: 'THEN', shrinkable: true, cell: ({ after }) => after ?? '-' },
    ],
    changes,
    screen,
  );
}

/** A heading and tables with an empty line between them. */
function joined(heading: string, ...tables: readonly string[]): string {
  return [`${heading}\n`, ...tables].join('\n');
}

function bodyText({ body, bodyBase64 }: Message): string {
  return body ?? `base64:${bodyBase64 ?? ''}`;
}

/** Keeps line breaks. */
const printable = (text: string): string => text.split('\n').map(oneLine).join('\n');
