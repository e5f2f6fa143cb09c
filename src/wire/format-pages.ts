/** The pages of docs/formats, from the schemas. */
import { describeExchanges, describeSchemas, type SchemaDescription } from './description.ts';

const generated =
  'Generated from the schemas of `src/wire` by `node scripts/formats.mjs`. Do not edit.';

/** File name and text of each page. */
export function formatPages(): ReadonlyMap<string, string> {
  const schemas = describeSchemas();
  const ofType = (type: SchemaDescription['type']) =>
    schemas.filter((schema) => schema.type === type);
  return new Map([
    ['requests.md', requestsPage()],
    ['headers.md', page('Headers', headersIntroduction, ofType('header').map(headerSection))],
    ['bodies.md', page('Bodies', bodiesIntroduction, ofType('body').map(bodySection))],
    [
      'stored-message.md',
      page('Stored message', recordIntroduction, ofType('record').map(recordTable)),
    ],
  ]);
}

const requestsIntroduction = `Which header and body each request and its answer have. A request that is not here has neither, or is not known to the codecs.

A frame, big-endian:

\`\`\`
length 4 (of what follows) | serialize type 1 (0 JSON, 1 binary) | header length 3 | header | body
\`\`\`

A JSON header is an object of \`code\`, \`flag\` (1 response, 2 oneway), \`language\`, \`opaque\`, \`remark\`, \`version\` and \`extFields\`, an object of strings.
A binary header:

\`\`\`
code 2 | language 1 | version 2 | opaque 4 | flag 4 | remark 4 + n | ext length 4 | (key 2 + n | value 4 + n)...
\`\`\``;

const headersIntroduction = `A header is the ext fields of a command: text by key. Numbers are decimal, booleans \`true\` and \`false\`; what is absent is not sent.`;

const bodiesIntroduction = `JSON as fastjson writes it: fields in alphabetical order, no blanks, numeric keys of maps without quotes, objects as keys of maps, absent fields left out. Read tolerantly: unknown fields are ignored, absent ones get their default.`;

const recordIntroduction = `One entry of the commit log, and one message in the answer to a pull. Big-endian.`;

function page(title: string, introduction: string, sections: readonly string[]): string {
  return `# ${title}\n\n${generated}\n\n${introduction}\n\n${sections.join('\n')}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}

function requestsPage(): string {
  const link = (name: string, file: string) => {
    const isSchema = /^[A-Z]\w+$/.test(name);
    return isSchema ? `[${name}](${file}#${name.toLowerCase()})` : name;
  };
  const rows = describeExchanges().map((it) => [
    String(it.code),
    it.name,
    link(it.request, 'headers.md'),
    link(it.requestBody, 'bodies.md'),
    link(it.response, 'headers.md'),
    link(it.responseBody, 'bodies.md'),
  ]);
  const head = ['Code', 'Request', 'Header', 'Body', 'Header of the answer', 'Body of the answer'];
  return page('Requests', requestsIntroduction, [table(head, rows)]);
}

function headerSection({ name, fields }: SchemaDescription): string {
  const rows = fields.map((field) => [field.name, `\`${field.wireKey}\``, field.kind]);
  return `## ${name}\n\n${table(['Name', 'Wire key', 'Kind'], rows)}`;
}

function bodySection({ name, fields }: SchemaDescription): string {
  const rows = fields.map((field) => [`\`${field.name}\``, field.kind.replaceAll('|', '\\|')]);
  return `## ${name}\n\n${table(['Field', 'Kind'], rows)}`;
}

function recordTable({ fields }: SchemaDescription): string {
  const rows = fields.map((field, i) => [String(i + 1), field.name, field.wireKey, field.kind]);
  return table(['', 'Field', 'Bytes', ''], rows);
}
