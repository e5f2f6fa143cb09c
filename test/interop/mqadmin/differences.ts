/** Something that mqadmin shows otherwise for a good reason; docs/compatibility.md names it too. */
export interface Difference {
  readonly name: string;
  readonly reason: string;
  /**
   * What the Java broker makes it print, and what ours does, both with all that is masked replaced: it must be there,
   * and is left out of the comparison.
   */
  readonly java: RegExp;
  readonly holdfast: RegExp;
}

const anything = /[\s\S]*/;

export const version: Difference = {
  name: 'version',
  reason: 'Holdfast answers as version 5.3.3',
  java: /\bV5_5_0\b/g,
  holdfast: /\bV5_3_3\b/g,
};

export const transactionTopics: Difference = {
  name: 'topics of transactions in RocksDB',
  reason: 'those are of version 5.5, and Holdfast answers as 5.3.3',
  java: /^.*\bRMQ_SYS_ROCKSDB_TRANS_(OP_)?HALF_TOPIC\b.*\n/gm,
  holdfast: /^/,
};

/** Only where the rest of the output is compared. */
export const textOfError: Difference = {
  name: 'text of the error',
  reason: 'the code is the same; the text names Java classes or the whole configuration of a topic',
  java: /(?<=DESC: ).*/,
  holdfast: /(?<=DESC: ).*/,
};

export const popIsRefused: Difference = {
  name: 'pop',
  reason: 'pop consumption is not built yet, so that a group cannot be switched to it',
  java: /^set consume mode to <address> success\.$/m,
  holdfast: /^.*pop consumption is not supported yet[\s\S]*$/m,
};

export const groupsAreNotMade: Difference = {
  name: 'unknown group',
  reason: 'nothing appears that nobody asked for: tools do not make a group by naming it',
  java: anything,
  holdfast:
    /[\s\S]*CODE: 26 {2}DESC: (Group nobody does not exist|subscription group does not exist)[\s\S]*/,
};

export const queueMustExist: Difference = {
  name: 'queue',
  reason: 'a reset of a queue that the topic does not have is refused; Java keeps an offset for it',
  java: /$/,
  holdfast: /(?<=--- errors\n)[\s\S]*queueId 7 of topic Prepared does not exist[\s\S]*/,
};

export const configurationIsChecked: Difference = {
  name: 'configuration',
  reason: 'a value that cannot be and a key that nothing reads are refused; Java says success',
  java: /[\s\S]*success[\s\S]*/,
  holdfast: /[\s\S]*CODE: 29 {2}DESC: [\s\S]*/,
};

export const tagsAreNotIndexed: Difference = {
  name: 'tags',
  reason: 'messages are not indexed by tag, so that the query is refused',
  java: anything,
  holdfast: /[\s\S]*CODE: 208 {2}DESC: query message by key finished, but no message[\s\S]*/,
};

export const figures: Difference = {
  name: 'figures',
  reason: 'there are more figures here',
  java: /^/,
  holdfast:
    /^(<address> +)?(appliedPosition|brokerVersion|commitPoint|degraded|durablePoint|epoch|getTransferedTps|groupReplicas|inSyncReplicas|metadataDigest|metadataMinInSyncReplicas|remainHowManyDataToCommit|suspendedPulls) *: <masked>\n/gm,
};

export const brokerKeys: Difference = {
  name: 'keys of one side',
  reason: 'Holdfast has options of its own; Java tells what it works out',
  java: /^(authConfigPath|brokerIP2|rocketmqHome) *=.*\n/gm,
  holdfast:
    /^(brokerIP2|definitionForwardMs|definitionTimeoutMs|fastListenPort|haMasterAddress|haMaxUnreportedBytes|haSharedSecretFile|maxStoreBytes|metadataFlushIntervalMs|metadataMinInSyncReplicas|metadataScrubIntervalMs|offsetCoalesceMs|snapshotIntervalMs|tailBytes) *=.*\n/gm,
};

/** The laboratory gives its broker small files; ports and folders are those of the run. */
export const settingsOfTheRun: Difference = {
  name: 'settings of the run',
  reason: 'the two brokers of the test are configured differently',
  java: /(?<=^(bitMapLengthConsumeQueueExt|clientCallbackExecutorThreads|\w*[lL]istenPort|mappedFileSize\w+|max(HashSlot|Index)Num|storePath\w+) *= ).*/gm,
  holdfast:
    /(?<=^(bitMapLengthConsumeQueueExt|clientCallbackExecutorThreads|\w*[lL]istenPort|mappedFileSize\w+|max(HashSlot|Index)Num|storePath\w+) *=).*/gm,
};

export const nameServerKeys: Difference = {
  name: 'keys of one side',
  reason: 'Java tells its own folder',
  java: /^rocketmqHome *=.*\n/gm,
  holdfast: /^/,
};
