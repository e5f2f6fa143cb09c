/** All schemas as data: for the pages of docs/formats, and for the hashes that make a change on the wire visible. */
import { createHash } from 'node:crypto';
import { type Exchange, exchanges } from './catalogue.ts';
import { requestCodeName } from './codes.ts';
import { storedMessageFields } from './messages/stored-message.ts';
import type { Body } from './schema/body.ts';
import type { Header } from './schema/header.ts';
import type { JsonKind } from './schema/kinds.ts';

export interface FieldDescription {
  /** What the code calls it. */
  readonly name: string;
  /** What stands on the wire, when that differs. */
  readonly wireKey: string;
  readonly kind: string;
}

export interface SchemaDescription {
  readonly name: string;
  readonly type: 'header' | 'body' | 'record';
  readonly fields: readonly FieldDescription[];
}

export interface ExchangeDescription {
  readonly code: number;
  readonly name: string;
  readonly request: string;
  readonly requestBody: string;
  readonly response: string;
  readonly responseBody: string;
}

/** Every schema that an exchange uses, with those inside of others, by name. */
export function describeSchemas(): readonly SchemaDescription[] {
  const found = new Map<string, SchemaDescription>();
  for (const exchange of exchanges.values()) {
    for (const header of [exchange.request, exchange.response]) {
      if (header !== undefined) found.set(header.name, describeHeader(header));
    }
    for (const format of [exchange.requestBody, exchange.responseBody]) {
      if (typeof format === 'object') addBody(format, found);
    }
  }
  found.set('StoredMessage', {
    name: 'StoredMessage',
    type: 'record',
    fields: storedMessageFields.map(({ name, bytes, note }) => ({
      name,
      wireKey: bytes,
      kind: note,
    })),
  });
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function describeExchanges(): readonly ExchangeDescription[] {
  const nameOf = (schema: Header | Exchange['requestBody']): string =>
    schema === undefined ? '' : typeof schema === 'string' ? schema : schema.name;
  return [...exchanges].map(([code, exchange]) => ({
    code,
    name: requestCodeName(code),
    request: nameOf(exchange.request),
    requestBody: nameOf(exchange.requestBody),
    response: nameOf(exchange.response),
    responseBody: nameOf(exchange.responseBody),
  }));
}

/** Changes when anything about the schema does that another program could notice. */
export function hashSchema(schema: SchemaDescription): string {
  return createHash('sha256').update(JSON.stringify(schema)).digest('hex').slice(0, 16);
}

function describeHeader(header: Header): SchemaDescription {
  const fields = Object.entries(header.fields).map(([name, { wireKey, kind }]) => ({
    name,
    wireKey,
    kind: kind.name,
  }));
  return { name: header.name, type: 'header', fields };
}

function addBody(body: Body, found: Map<string, SchemaDescription>): void {
  if (found.has(body.name)) return;
  const fields = Object.entries(body.fields).map(([name, kind]) => ({
    name,
    wireKey: name,
    kind: kind.name,
  }));
  found.set(body.name, { name: body.name, type: 'body', fields });
  for (const kind of Object.values(body.fields)) addInner(kind, found);
}

function addInner(kind: JsonKind<unknown>, found: Map<string, SchemaDescription>): void {
  if (isBody(kind)) addBody(kind, found);
  for (const part of kind.parts ?? []) addInner(part, found);
}

function isBody(kind: JsonKind<unknown>): kind is Body {
  return 'fields' in kind;
}
