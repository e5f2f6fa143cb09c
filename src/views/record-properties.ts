import { tagsCode } from '../wire/index.ts';

/**
 * In the delivered copy of a delayed message, written by the broker alone: `queue id:offset` of what waited in the
 * schedule topic.
 */
export const delaySourceProperty = '__SCHEDULE_SOURCE';

const nameEnd = 1;
const propertyEnd = 2;

/** Properties that the store and the send path look at, in one pass over the bytes. Reused: allocates nothing. */
export class RecordProperties {
  /** Ranges of values; start -1 = absent. The last of equal names counts, as in Java. */
  tagsStart = -1;
  tagsEnd = 0;
  keysStart = -1;
  keysEnd = 0;
  uniqueKeyStart = -1;
  uniqueKeyEnd = 0;
  waitStart = -1;
  waitEnd = 0;
  /** Of a delivered copy: what it is a copy of (`delaySource`). */
  delaySourceStart = -1;
  delaySourceEnd = 0;
  /** The first property that makes this more than an ordinary message. */
  special: SpecialProperty | undefined;

  scan(bytes: Uint8Array, start: number, end: number): void {
    this.tagsStart = -1;
    this.keysStart = -1;
    this.uniqueKeyStart = -1;
    this.waitStart = -1;
    this.delaySourceStart = -1;
    this.special = undefined;
    let nameAt = start;
    let split = -1;
    for (let at = start; at <= end; at++) {
      const byte = at < end ? (bytes[at] as number) : propertyEnd;
      if (byte > propertyEnd) continue;
      if (byte === nameEnd) {
        if (split < nameAt) split = at;
      } else if (byte === propertyEnd) {
        if (split > nameAt && split + 1 < at) this.#note(bytes, nameAt, split, at);
        nameAt = at + 1;
        split = -1;
      }
    }
  }

  /** 0 without tags. */
  tagsCode(bytes: Uint8Array): number {
    return this.tagsStart < 0 ? 0 : tagsCode(bytes, this.tagsStart, this.tagsEnd);
  }

  /** The queue of the schedule topic and the offset in it; undefined when this is no delivered copy. */
  delaySource(
    bytes: Uint8Array,
  ): { readonly queueId: number; readonly offset: number } | undefined {
    if (this.delaySourceStart < 0) return undefined;
    const text = Buffer.from(bytes.subarray(this.delaySourceStart, this.delaySourceEnd));
    const match = /^(\d{1,9}):(\d{1,15})$/.exec(text.toString('latin1'));
    return match === null ? undefined : { queueId: Number(match[1]), offset: Number(match[2]) };
  }

  #note(bytes: Uint8Array, nameStart: number, split: number, end: number): void {
    const start = split + 1;
    switch (split - nameStart) {
      case 4:
        if (is(bytes, nameStart, 'TAGS')) {
          this.tagsStart = start;
          this.tagsEnd = end;
        } else if (is(bytes, nameStart, 'KEYS')) {
          this.keysStart = start;
          this.keysEnd = end;
        } else if (is(bytes, nameStart, 'WAIT')) {
          this.waitStart = start;
          this.waitEnd = end;
        }
        break;
      case 5:
        if (is(bytes, nameStart, 'DELAY') && !(end - start === 1 && bytes[start] === 0x30)) {
          this.special ??= 'DELAY';
        }
        break;
      case 8:
        if (is(bytes, nameStart, 'UNIQ_KEY')) {
          this.uniqueKeyStart = start;
          this.uniqueKeyEnd = end;
        } else if (is(bytes, nameStart, 'TRAN_MSG') && is(bytes, start, 'true')) {
          this.special ??= 'TRAN_MSG';
        }
        break;
      case 14:
        if (is(bytes, nameStart, 'TIMER_DELAY_MS')) this.special ??= 'TIMER_DELAY_MS';
        break;
      case 15:
        if (is(bytes, nameStart, 'TIMER_DELAY_SEC')) this.special ??= 'TIMER_DELAY_SEC';
        break;
      case 16:
        if (is(bytes, nameStart, 'TIMER_DELIVER_MS')) this.special ??= 'TIMER_DELIVER_MS';
        break;
      case 17:
        if (is(bytes, nameStart, delaySourceProperty)) {
          this.delaySourceStart = start;
          this.delaySourceEnd = end;
          this.special ??= delaySourceProperty;
        }
        break;
    }
  }
}

export type SpecialProperty =
  | 'DELAY'
  | typeof delaySourceProperty
  | 'TRAN_MSG'
  | 'TIMER_DELAY_MS'
  | 'TIMER_DELAY_SEC'
  | 'TIMER_DELIVER_MS';

function is(bytes: Uint8Array, at: number, ascii: string): boolean {
  for (let index = 0; index < ascii.length; index++) {
    if (bytes[at + index] !== ascii.charCodeAt(index)) return false;
  }
  return true;
}
