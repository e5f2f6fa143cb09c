import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ClusterResult, ClusterTask } from './cluster-worker.ts';

/** Does tasks in as many threads as there are processors, each as soon as one is free; tells each result. */
export async function inWorkers(
  next: () => ClusterTask | undefined,
  done: (result: ClusterResult) => void,
  count = availableParallelism(),
): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => oneWorker(next, done)));
}

function oneWorker(
  next: () => ClusterTask | undefined,
  done: (result: ClusterResult) => void,
): Promise<void> {
  // Most of what a simulation makes is garbage soon.
  const resourceLimits = { maxYoungGenerationSizeMb: 64 };
  const worker = new Worker(new URL('./cluster-worker.js', import.meta.url), { resourceLimits });
  return new Promise((resolve, reject) => {
    const goOn = (): void => {
      const task = next();
      if (task !== undefined) worker.postMessage(task);
      else void worker.terminate();
    };
    worker.on('message', (result: ClusterResult) => {
      done(result);
      goOn();
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve());
    goOn();
  });
}
