/**
 * The body of a batch: several messages for one queue. Source: `MessageDecoder.encodeMessage`.
 *
 * ```
 * total 4 | magic 4 (0) | body CRC 4 (0) | flag 4 | body 4 + n | properties 2 + n
 * ```
 */
import { Failure } from '../../base/index.ts';
import { readInt32, readUint16, writeInt16, writeInt32 } from '../bytes.ts';
import { maxPropertiesBytes } from './properties.ts';

export interface BatchMessage {
  readonly flag: number;
  /** Views of the batch when decoded. */
  readonly body: Uint8Array;
  readonly properties: Uint8Array;
}

const fixedBytes = 22;
/** The smallest messages, in the largest body that a broker accepts. */
export const maxBatchMessages = 200_000;

/** Throws `Failure('invalid')` with the number and the position of the bad message. */
export function decodeBatch(batch: Uint8Array): BatchMessage[] {
  const messages: BatchMessage[] = [];
  for (let at = 0; at < batch.length; ) {
    const total = batch.length - at < 4 ? 0 : readInt32(batch, at);
    const fail = (what: string): Failure =>
      new Failure('invalid', `batch: message ${messages.length} at byte ${at}: ${what}`);
    if (total < fixedBytes || total > batch.length - at) {
      throw fail(`${total} bytes, ${batch.length - at} left`);
    }
    if (messages.length === maxBatchMessages) throw fail(`more than ${maxBatchMessages}`);
    const end = at + total;
    const bodyLength = readInt32(batch, at + 16);
    if (bodyLength < 0 || bodyLength > total - fixedBytes) throw fail(`body of ${bodyLength}`);
    const bodyEnd = at + 20 + bodyLength;
    const propertiesLength = readUint16(batch, bodyEnd);
    if (propertiesLength > maxPropertiesBytes || propertiesLength !== end - bodyEnd - 2) {
      throw fail(`properties of ${propertiesLength}, ${end - bodyEnd - 2} left`);
    }
    messages.push({
      flag: readInt32(batch, at + 12),
      body: batch.subarray(at + 20, bodyEnd),
      properties: batch.subarray(bodyEnd + 2, end),
    });
    at = end;
  }
  return messages;
}

export function encodeBatch(messages: readonly BatchMessage[]): Uint8Array {
  let length = 0;
  for (const { body, properties } of messages) {
    if (properties.length > maxPropertiesBytes) {
      throw new Failure('invalid', `batch: properties of ${properties.length} bytes`);
    }
    length += fixedBytes + body.length + properties.length;
  }
  const batch = new Uint8Array(length);
  let at = 0;
  for (const { flag, body, properties } of messages) {
    const total = fixedBytes + body.length + properties.length;
    writeInt32(batch, at, total);
    writeInt32(batch, at + 12, flag);
    writeInt32(batch, at + 16, body.length);
    batch.set(body, at + 20);
    writeInt16(batch, at + 20 + body.length, properties.length);
    batch.set(properties, at + 22 + body.length);
    at += total;
  }
  return batch;
}
