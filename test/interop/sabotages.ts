import { answerTo, type Passage, type Sabotage, withFields } from './breaking-relay.ts';
import { type Frame, isOneway } from './support/frames.ts';

/** Request codes. */
const pull = 11;
const queryMessage = 12;
const queryConsumerOffset = 14;
const updateConsumerOffset = 15;
const createTopic = 17;
const searchOffset = 29;
const getMaxOffset = 30;
const sendBack = 36;
const getConsumerList = 38;
const lockQueues = 41;
const getRoute = 105;
const createGroup = 200;
const deleteGroup = 207;
const deleteTopicInBroker = 215;
const deleteTopicInNameServer = 216;
const resetOffsets = 222;
const getRunningInfo = 307;
const queryAssignment = 400;
const sendCodes: ReadonlySet<number> = new Set([10, 310, 320]);
const sendBatch = 320;
const noPermission = 16;
const topicNotExist = 17;
const pullNotFound = 19;
const queryNotFound = 22;

/** Flag of a pull that also commits an offset. */
const commitsOffset = 1;
/** Flag of a message whose body is compressed. */
const isCompressed = 1;

const isSend = ({ header }: Frame): boolean => sendCodes.has(header.code);
const onward = (...frames: readonly Frame[]): Passage => ({ forward: frames });

/** Damages the `count`th send. */
function atSend(count: number, name: string, damage: (request: Frame) => Passage): () => Sabotage {
  return () => {
    let sends = 0;
    return {
      name,
      onRequest(request) {
        if (!isSend(request)) return onward(request);
        sends += 1;
        return sends === count ? damage(request) : onward(request);
      },
    };
  };
}

/** Answers requests with success and forgets them. */
function ignores(name: string, ...codes: readonly number[]): () => Sabotage {
  return () => ({
    name,
    onRequest(request) {
      if (!codes.includes(request.header.code)) return onward(request);
      return { forward: [], answer: isOneway(request) ? [] : [answerTo(request, 0)] };
    },
  });
}

/** Changes the responses to one kind of request. */
function inResponses(
  name: string,
  code: number,
  damage: (response: Frame) => Frame,
): () => Sabotage {
  return () => ({
    name,
    onResponse: (response, request) => (request.header.code === code ? damage(response) : response),
  });
}

function plus(frame: Frame, field: string, count: number): Frame {
  const value = Number(frame.header.extFields?.[field]);
  return Number.isNaN(value) || value === 0
    ? frame
    : withFields(frame, { [field]: String(value + count) });
}

export const changesLastByte = (count: number): (() => Sabotage) =>
  atSend(count, 'changes one byte of a body', (request) => {
    const body = Buffer.from(request.body);
    body[body.length - 1] = (body[body.length - 1] as number) ^ 1;
    return onward({ ...request, body });
  });

/** The made-up acknowledgement names a place at which there will be another message. */
export const losesAcknowledged = (count: number): (() => Sabotage) =>
  atSend(count, 'acknowledges a message and loses it', (request) => {
    const queueId = request.header.extFields?.['e'] ?? '0';
    const place = { queueId, queueOffset: '1000', msgId: '0'.repeat(32) };
    return { forward: [], answer: [answerTo(request, 0, place)] };
  });

export const losesOneway = atSend(30, 'loses a one-way message', () => onward());

export const storesTwice = atSend(9, 'stores a message twice', (request) =>
  onward(request, request),
);

/** Each message of a batch begins with its length. */
export const losesLastOfBatch: () => Sabotage = () => ({
  name: 'loses the last message of a batch',
  onRequest(request) {
    if (request.header.code !== sendBatch) return onward(request);
    const messages = records(request.body);
    if (messages.length === 1) return onward(request);
    return onward({ ...request, body: Buffer.concat(messages.slice(0, -1)) });
  },
});

function records(body: Uint8Array): Buffer[] {
  const bytes = Buffer.from(body);
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + bytes.readUInt32BE(at);
    found.push(bytes.subarray(at, end));
    at = end;
  }
  return found;
}

export const numbersWrongly: () => Sabotage = () => {
  let sends = 0;
  return {
    name: 'acknowledges with the offset of the next message',
    onResponse(response, request) {
      if (isSend(request)) sends += 1;
      return isSend(request) && sends > 20 ? plus(response, 'queueOffset', 1) : response;
    },
  };
};

/** As a broker that looks for a filter in the wrong bytes. */
export const confusesTag = (tag: string): (() => Sabotage) => {
  return () => ({
    name: `forgets the tag ${tag}`,
    onRequest(request) {
      if (!isSend(request)) return onward(request);
      const properties = request.header.extFields?.['i'] ?? '';
      return onward(
        withFields(request, { i: properties.replace(`TAGS\u0001${tag}`, 'TAGS\u0001') }),
      );
    },
  });
};

export const losesCommits: () => Sabotage = () => ({
  name: 'loses offset commits',
  onRequest(request) {
    const { code, extFields } = request.header;
    if (code === updateConsumerOffset) {
      return { forward: [], answer: isOneway(request) ? [] : [answerTo(request, 0)] };
    }
    if (code !== pull) return onward(request);
    const sysFlag = Number(extFields?.['sysFlag'] ?? 0) & ~commitsOffset;
    return onward(withFields(request, { sysFlag: String(sysFlag) }));
  },
});

export const knowsNoOffsets: () => Sabotage = () => ({
  name: 'always says that a group has no offset',
  onRequest(request) {
    if (request.header.code !== queryConsumerOffset) return onward(request);
    return { forward: [], answer: [answerTo(request, queryNotFound)] };
  },
});

export const swapsMessages = inResponses('delivers out of order', pull, (response) => {
  return { ...response, body: Buffer.concat(records(response.body).reverse()) };
});

export const forgetsMembers = inResponses(
  'names one member of a group only',
  getConsumerList,
  (response) => {
    const { consumerIdList = [] } = JSON.parse(Buffer.from(response.body).toString() || '{}');
    const body = Buffer.from(
      JSON.stringify({ consumerIdList: [...consumerIdList].sort().slice(-1) }),
    );
    return { ...response, body };
  },
);

export const createsNoTopics: () => Sabotage = () => ({
  name: 'creates no topics by itself',
  onRequest(request) {
    const isForNewTopics =
      request.header.code === getRoute && request.header.extFields?.['topic'] === 'TBW102';
    return isForNewTopics
      ? { forward: [], answer: [answerTo(request, topicNotExist)] }
      : onward(request);
  },
});

export const ignoresTopicDefinition = ignores('acknowledges a topic and loses it', createTopic);
export const ignoresTopicDelete = ignores(
  'acknowledges the delete of a topic and keeps it',
  deleteTopicInBroker,
  deleteTopicInNameServer,
);
export const ignoresGroupDefinition = ignores('acknowledges a group and loses it', createGroup);
export const ignoresGroupDelete = ignores(
  'acknowledges the delete of a group and keeps it',
  deleteGroup,
);

export const findsLess = inResponses('finds one message less', queryMessage, (response) => {
  return { ...response, body: Buffer.concat(records(response.body).slice(0, -1)) };
});

export const countsWrongly = inResponses(
  'says that a queue is longer than it is',
  getMaxOffset,
  (response) => plus(response, 'offset', 1),
);

export const searchesWrongly = inResponses(
  'finds the message after the one that was looked for',
  searchOffset,
  (response) => plus(response, 'offset', 1),
);

export const endsWrongly = inResponses(
  'tells with a pull that a queue is longer than it is',
  pull,
  (response) => plus(response, 'maxOffset', 1),
);

/** Changes requests of one kind. */
function inRequests(
  name: string,
  codes: readonly number[],
  damage: (request: Frame) => Frame,
): () => Sabotage {
  return () => ({
    name,
    onRequest: (request) => onward(codes.includes(request.header.code) ? damage(request) : request),
  });
}

export const forgetsCompression = inRequests(
  'forgets that a body is compressed',
  [...sendCodes],
  (request) => {
    const sysFlag = Number(request.header.extFields?.['f'] ?? 0) & ~isCompressed;
    return withFields(request, { f: String(sysFlag) });
  },
);

export const forgetsDelays = inRequests('delivers at once', [...sendCodes], (request) => {
  const properties = (request.header.extFields?.['i'] ?? '').split('\u0002');
  const others = properties.filter((property) => !property.startsWith('DELAY\u0001'));
  return withFields(request, { i: others.join('\u0002') });
});

export const losesFailed = ignores('acknowledges what is given back and loses it', sendBack);

export const keepsFailed = inRequests('keeps what fails in any group', [createGroup], (request) => {
  const group = JSON.parse(Buffer.from(request.body).toString()) as Record<string, unknown>;
  return { ...request, body: Buffer.from(JSON.stringify({ ...group, retryQueueNums: 1 })) };
});

export const retriesForEver = inRequests('knows no limit of retries', [sendBack], (request) =>
  withFields(request, { maxReconsumeTimes: '16' }),
);

/** Answers each question for locks. */
function locks(name: string, isGranted: boolean): () => Sabotage {
  return () => ({
    name,
    onRequest(request) {
      if (request.header.code !== lockQueues) return onward(request);
      const { mqSet } = JSON.parse(Buffer.from(request.body).toString()) as { mqSet: unknown[] };
      const body = Buffer.from(JSON.stringify({ lockOKMQSet: isGranted ? mqSet : [] }));
      return { forward: [], answer: [{ ...answerTo(request, 0), body }] };
    },
  });
}

export const locksForNobody = locks('gives no lock of a queue', false);
export const locksForEverybody = locks('gives the lock of a queue to everybody', true);

export const losesTraces: () => Sabotage = () => ({
  name: 'acknowledges traces and loses them',
  onRequest(request) {
    const { b, topic } = request.header.extFields ?? {};
    const isTrace = (b ?? topic) === 'RMQ_SYS_TRACE_TOPIC';
    if (!isSend(request) || !isTrace) return onward(request);
    const place = { queueId: '0', queueOffset: '0', msgId: '0'.repeat(32) };
    return { forward: [], answer: isOneway(request) ? [] : [answerTo(request, 0, place)] };
  },
});

export const forbidsNoPull = inResponses(
  'lets everybody pull from everywhere',
  pull,
  (response) => {
    if (response.header.code !== noPermission) return response;
    return { ...response, header: { ...response.header, code: pullNotFound } };
  },
);

export const asksAnother = inRequests('asks another client', [getRunningInfo], (request) =>
  withFields(request, { clientId: 'nobody' }),
);

export const resetsElsewhere = inRequests('resets to another time', [resetOffsets], (request) =>
  withFields(request, { timestamp: '4000000000000' }),
);

export const assignsNothing = inResponses('assigns no queues', queryAssignment, (response) => ({
  ...response,
  body: Buffer.from('{"messageQueueAssignments":[]}'),
}));

/** The relay has one port for the broker, and takes the first bytes of TLS for a length. */
export const hasNoVipPort: () => Sabotage = () => ({ name: 'has no port two below' });
export const knowsNoTls: () => Sabotage = () => ({ name: 'knows no TLS' });
