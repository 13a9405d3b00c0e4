// Where well ends and trouble begins. docs/operate.md tells operators what each of these means; all
// times are milliseconds.

export const LIMITS = Object.freeze({
  /** The oldest message of a stream has waited so long: it is slow, it is stuck. */
  slow: 2_000,
  stuck: 6_000,
  /** The same for requests to proxies of other makes, which may take 8 s to answer. */
  peersSlow: 9_000,
  peersStuck: 15_000,
  /** A service says every 5 s that it is there; one that has missed this is silent. */
  silent: 10_000,
  /** One that leaves the list after this much silence has died; one that stops says goodbye before. */
  farewell: 8_000,
  /** For how long a service that died and was not replaced is spoken of. */
  died: 300_000,
  /** For how long a service that stopped stays in the list. */
  stopped: 60_000,
  /** For how long messages that were given up are spoken of. */
  givenUp: 300_000,
  /** Calls ring late, where one in a hundred takes longer than this, of at least so many. */
  setup: 1_000,
  setupCalls: 10,
  /** A Janus server answers late. */
  probe: 1_000,
  /** Numbers that are older than this are not live any more. */
  stale: 3_000,
  /** Over how much of the past a rate is taken. */
  window: 5_000,
});
