import type { SimRandom } from '../ports/index.ts';
import { ActorContext, type ActorOptions, type Insight } from './actor-context.ts';
import { DefinitionActions } from './definition-actions.ts';
import { MessageActions } from './message-actions.ts';
import type { Model } from './model.ts';
import { OffsetActions } from './offset-actions.ts';
import type { WireClient } from './wire-client.ts';

/** Actions and how often they are chosen. */
const weights = {
  send: 30,
  sendBatch: 8,
  sendOneway: 6,
  sendDelayed: 8,
  pull: 10,
  longPull: 5,
  commit: 7,
  commitOneway: 6,
  queryOffset: 7,
  createTopic: 5,
  deleteTopic: 1.5,
  createGroup: 4,
  deleteGroup: 1,
  resetOffset: 2,
  heartbeat: 2,
  readTopic: 2,
  readGroup: 1,
  view: 2,
  queryKey: 1,
} as const;
type Action = keyof typeof weights;
const totalWeight = Object.values(weights).reduce<number>((sum, weight) => sum + weight, 0);

/**
 * One client with topics and groups of its own: chooses actions, and notes in the model what the answers promise. All
 * its requests go over one connection, so that the broker gets them in the order in which they were sent.
 */
export class Actor {
  actions = 0;
  readonly #context: ActorContext;
  readonly #messages: MessageActions;
  readonly #offsets: OffsetActions;
  readonly #definitions: DefinitionActions;

  constructor(
    options: ActorOptions,
    parts: {
      readonly model: Model;
      readonly client: WireClient;
      readonly random: SimRandom;
      readonly insight: Insight;
    },
  ) {
    this.#context = new ActorContext(options, parts);
    this.#messages = new MessageActions(this.#context);
    this.#offsets = new OffsetActions(this.#context);
    this.#definitions = new DefinitionActions(this.#context);
  }

  get nodeName(): string {
    return this.#context.client.node.name;
  }

  /** Acts until told to stop, then returns when all is answered. */
  async act(stop: AbortSignal, options: { readonly pauseMs: number }): Promise<void> {
    while (!stop.aborted) {
      await this.#once(this.#choose());
      await this.#context.client.node.clock.sleep(
        this.#context.random.fraction() * options.pauseMs,
        stop,
      );
    }
  }

  #choose(): Action {
    let left = this.#context.random.fraction() * totalWeight;
    for (const [action, weight] of Object.entries(weights)) {
      left -= weight;
      if (left < 0) return action as Action;
    }
    return 'send';
  }

  async #once(action: Action): Promise<void> {
    const acted = await this.#start(action);
    if (acted) this.actions++;
  }

  #start(action: Action): Promise<boolean> {
    switch (action) {
      case 'send':
      case 'sendBatch':
      case 'sendOneway':
      case 'sendDelayed':
        return this.#messages.send(action);
      case 'pull':
        return this.#messages.pull(0);
      case 'longPull':
        return this.#messages.pull(20 + this.#context.random.below(200));
      case 'view':
        return this.#messages.view();
      case 'queryKey':
        return this.#messages.queryKey();
      case 'commit':
        return this.#offsets.commit(false);
      case 'commitOneway':
        return this.#offsets.commit(true);
      case 'queryOffset':
        return this.#offsets.queryOffset();
      case 'resetOffset':
        return this.#offsets.resetOffset();
      case 'heartbeat':
        return this.#offsets.heartbeat();
      case 'createTopic':
        return this.#definitions.createTopic();
      case 'deleteTopic':
        return this.#definitions.deleteTopic();
      case 'createGroup':
        return this.#definitions.createGroup();
      case 'deleteGroup':
        return this.#definitions.deleteGroup();
      case 'readTopic':
        return this.#definitions.readTopic();
      case 'readGroup':
        return this.#definitions.readGroup();
    }
  }

  /** There is room on the drive: nothing may be refused for want of it. */
  mustBeAccepted(): Promise<void> {
    return this.#definitions.mustBeAccepted();
  }
}
