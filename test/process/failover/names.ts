/** All topics and groups of these tests, so that a node can be asked for others that nobody made. */
export const namePrefix = 'failover-';
/** Of the group that reads queues; it commits nothing. */
export const readerGroup = `reader-of-${namePrefix}tests`;
