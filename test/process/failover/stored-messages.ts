export interface StoredMessage {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly body: string;
}

/** Messages as brokers store them and hand them out, of hosts with addresses of four bytes (docs/formats). */
export function decodeMessages(bytes: Uint8Array): StoredMessage[] {
  const messages: StoredMessage[] = [];
  let rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  while (rest.length > 0) {
    const bodyAt = 88;
    const bodyLength = rest.readUInt32BE(bodyAt - 4);
    const topicAt = bodyAt + bodyLength + 1;
    messages.push({
      topic: rest.toString('utf8', topicAt, topicAt + rest.readUInt8(topicAt - 1)),
      queueId: rest.readUInt32BE(12),
      queueOffset: Number(rest.readBigUInt64BE(20)),
      body: rest.toString('utf8', bodyAt, bodyAt + bodyLength),
    });
    rest = rest.subarray(rest.readUInt32BE(0));
  }
  return messages;
}
