/** A thread that runs seeds, and seeds with a bug put in, one after the other, as it is told. */
import { parentPort } from 'node:worker_threads';
import { clusterBugs, type FoundBug, tryClusterBug } from './golden-bugs.ts';
import { type ClusterReport, runClusterSeed } from './run-cluster-seed.ts';

export type ClusterTask =
  | { readonly type: 'seed'; readonly seed: number; readonly scenario?: string | undefined }
  | {
      readonly type: 'bug';
      readonly name: string;
      readonly from: number;
      readonly scenario?: string | undefined;
    };

export type ClusterResult =
  | { readonly type: 'seed'; readonly report: ClusterReport }
  | { readonly type: 'bug'; readonly name: string; readonly found: FoundBug };

async function work(task: ClusterTask): Promise<ClusterResult> {
  const { scenario } = task;
  if (task.type === 'seed') {
    return { type: 'seed', report: await runClusterSeed(task.seed, { scenario }) };
  }
  const bug = clusterBugs.find(({ name }) => name === task.name);
  if (bug === undefined) throw new Error(`no bug ${task.name}`);
  return { type: 'bug', name: task.name, found: await tryClusterBug(bug, task.from, scenario) };
}

// What a world that is over leaves behind may fail later, when nobody looks any more; a seed that runs is told.
process.on('unhandledRejection', () => {});
parentPort?.on('message', (task: ClusterTask) => {
  void work(task).then((result) => parentPort?.postMessage(result));
});
