/** What tests of metrics share: servers for HTTP whose pages are read without a network. */
import { strict as assert } from 'node:assert';
import type { Address, Failure, HttpAnswer, HttpServers } from '../../base/index.ts';

/** Keeps what would listen, and reads its pages as a peer would. */
export class Pages {
  at: Address | undefined;
  /** How often somebody began to listen. */
  listened = 0;
  closed = false;
  fails: Failure | undefined;
  #answer: (path: string) => HttpAnswer = () => assert.fail('nobody listens');

  readonly http: HttpServers = {
    listen: async (at, answer) => {
      if (this.fails !== undefined) throw this.fails;
      this.at = at;
      this.listened++;
      this.#answer = answer;
      return {
        address: at,
        close: async () => {
          this.closed = true;
        },
      };
    },
  };

  answer(path: string): HttpAnswer {
    return this.#answer(path);
  }

  /** By name, without the labels that all have: those of the cluster `c` and the broker `b`. */
  async metrics(): Promise<Map<string, number>> {
    let text = '';
    for await (const piece of this.answer('/metrics').body) text += piece;
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line): [string, number] => {
        const at = line.lastIndexOf(' ');
        const name = line.slice(0, at).replace('cluster="c",node_id="b",node_type="broker"', '');
        return [name.replace('{,', '{').replace('{}', ''), Number(line.slice(at + 1))];
      }),
    );
  }
}

export const ofPages = { clusterName: 'c', brokerName: 'b', metricsExporter: 'PROM' } as const;
