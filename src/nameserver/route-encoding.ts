import { type BrokerId, brokerId } from '../base/index.ts';
import { type BrokerData, TopicRouteData } from '../wire/index.ts';
import type { Route, RouteBroker, RouteTable, TopicRoute } from './route-table.ts';

/** Which JSON a client reads. */
export type Dialect = 'fastjson' | 'standard';

/** An order configuration of `undefined` leaves the field out. */
export function encodeRoute(
  route: Route,
  orderTopicConf: string | undefined,
  dialect: Dialect,
): Uint8Array {
  const { brokers, queues, filterServers, mappings } = route;
  const data: TopicRouteData = {
    brokerDatas: brokers.map(brokerData),
    filterServerTable: filterServers,
    orderTopicConf,
    queueDatas: queues,
    topicQueueMappingByBroker: mappings,
  };
  return TopicRouteData.encode(data, dialect);
}

export function brokerData(broker: RouteBroker): BrokerData {
  const { brokerName, cluster, enableActingMaster, zoneName } = broker;
  return { brokerAddrs: brokerAddrs(broker), brokerName, cluster, enableActingMaster, zoneName };
}

export function brokerAddrs(broker: RouteBroker | undefined): ReadonlyMap<BrokerId, string> {
  const addresses = broker?.addresses ?? [];
  return new Map([...addresses].map(([id, address]) => [brokerId(id), address]));
}

/**
 * What a client of one zone gets: the brokers of its zone, and those without a master, whatever their zone. Source:
 * `ZoneRouteRPCHook`.
 */
export function routeOfZone(route: Route, zoneName: string): Route {
  const zone = zoneName.toLowerCase();
  const brokers = route.brokers.filter(
    (broker) => !broker.addresses.has(0) || broker.zoneName?.toLowerCase() === zone,
  );
  const names = new Set(brokers.map((broker) => broker.brokerName));
  const addresses = new Set(brokers.flatMap((broker) => [...broker.addresses.values()]));
  return {
    brokers,
    queues: route.queues.filter((queues) => names.has(queues.brokerName)),
    filterServers: new Map([...route.filterServers].filter(([address]) => addresses.has(address))),
    mappings: route.mappings,
  };
}

interface EncodedRoute {
  readonly revision: number;
  readonly orderTopicConf: string | undefined;
  readonly bytes: Uint8Array;
}

/** Encoded routes, each valid until something that it shows has changed. They go when their topic goes. */
export class RouteCache {
  readonly #table: RouteTable;
  readonly #encoded = {
    fastjson: new WeakMap<TopicRoute, EncodedRoute>(),
    standard: new WeakMap<TopicRoute, EncodedRoute>(),
  };

  constructor(table: RouteTable) {
    this.#table = table;
  }

  encoded(topic: TopicRoute, orderTopicConf: string | undefined, dialect: Dialect): Uint8Array {
    const encoded = this.#encoded[dialect];
    const revision = this.#table.revisionOf(topic);
    const known = encoded.get(topic);
    if (known?.revision === revision && known.orderTopicConf === orderTopicConf) return known.bytes;
    const bytes = encodeRoute(this.#table.describe(topic), orderTopicConf, dialect);
    encoded.set(topic, { revision, orderTopicConf, bytes });
    return bytes;
  }
}
