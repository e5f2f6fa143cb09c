// Chooses from the logs of relay.mjs the frames that are kept. usage: node select.mjs LOG SOURCE OUT [REQUEST-CODE,...]
// SOURCE says which program and version sent the requests. Per request code: the first few requests, with their answers.
import { readFileSync, writeFileSync } from 'node:fs';

const [log, source, out, wanted] = process.argv.slice(2);
const codes = wanted === undefined ? undefined : new Set(wanted.split(',').map(Number));
/** Of the brokers and name servers themselves, or full of paths and settings of one machine. */
const left = new Set([26, 28, 319]);
const perCode = { 10: 3, 310: 3, 11: 4, 34: 2, 105: 2 };
const largest = 12_000;

function head(hex) {
  const bytes = Buffer.from(hex, 'hex');
  const word = bytes.readUInt32BE(4);
  const header = bytes.subarray(8, 8 + (word & 0xffffff));
  if (word >>> 24 === 1) {
    return {
      code: header.readInt16BE(0),
      opaque: header.readInt32BE(5),
      flag: header.readInt32BE(9),
    };
  }
  return JSON.parse(header.toString());
}

const frames = readFileSync(log, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
const heads = frames.map((frame) => head(frame.hex));
const counts = new Map();
const kept = [];
frames.forEach((frame, i) => {
  const { code, opaque, flag } = heads[i];
  if ((flag & 1) === 1 || left.has(code) || (codes !== undefined && !codes.has(code))) return;
  const answerAt = frames.findIndex(
    (other, at) =>
      at > i &&
      other.connection === frame.connection &&
      other.direction !== frame.direction &&
      (heads[at].flag & 1) === 1 &&
      heads[at].opaque === opaque,
  );
  const answer = answerAt < 0 || (flag & 2) === 2 ? undefined : frames[answerAt].hex;
  const kind = `${code} ${answer === undefined ? '' : heads[answerAt].code}`;
  const count = counts.get(kind) ?? 0;
  if (count >= (perCode[code] ?? 1) || frame.hex.length > 2 * largest) return;
  if (answer !== undefined && answer.length > 2 * largest) return;
  counts.set(kind, count + 1);
  kept.push({
    code,
    to: frame.direction === 'to server' ? frame.relay : 'client',
    request: frame.hex,
    answer,
  });
});
writeFileSync(out, `${JSON.stringify({ source, frames: kept }, undefined, 1)}\n`);
console.log(`${out}: ${kept.length}`);
