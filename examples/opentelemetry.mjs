/**
 * Metrics and traces of a bridge for OpenTelemetry. docs/observability.md describes the data; this file defines the names.
 *
 *   import { observe } from './opentelemetry.mjs';
 *   const stop = observe(bridge);
 *
 * It requires only @opentelemetry/api. The application chooses the SDK and its exporters.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

/** @typedef {import('pcsc-bridge').TransactionReport} TransactionReport */

/**
 * Starts observing. The metrics are those of this bridge. The spans cover every transaction in this thread, because a
 * diagnostics channel is not specific to a bridge.
 *
 * @param {import('pcsc-bridge').CardBridge} bridge
 * @returns {() => void} stops observing
 */
export function observe(bridge) {
  const meter = metrics.getMeter('pcsc-bridge');
  const tracer = trace.getTracer('pcsc-bridge');

  /** @type {[string, 'ObservableGauge' | 'ObservableCounter', (stats: import('pcsc-bridge').BridgeStats) => number, string][]} */
  const instruments = [
    ['pcsc.sessions', 'ObservableGauge', (stats) => stats.sessions, '{session}'],
    ['pcsc.contexts', 'ObservableGauge', (stats) => stats.process.contexts, '{context}'],
    ['pcsc.calls.abandoned', 'ObservableCounter', (stats) => stats.process.abandonedCalls, '{call}'],
    ['pcsc.service.lost', 'ObservableCounter', (stats) => stats.process.timesServiceLost, '{time}'],
    ['pcsc.transactions.waiting', 'ObservableGauge', (stats) => stats.transactions.waiting, '{transaction}'],
    [
      'pcsc.transactions.given_up',
      'ObservableCounter',
      (stats) => stats.transactions.givenUp,
      '{transaction}',
    ],
    ['pcsc.cache.entries', 'ObservableGauge', (stats) => stats.cache.entries, '{card}'],
    ['pcsc.cache.hits', 'ObservableCounter', (stats) => stats.cache.hits, '{lookup}'],
    ['pcsc.cache.misses', 'ObservableCounter', (stats) => stats.cache.misses, '{lookup}'],
    ['pcsc.cache.evictions', 'ObservableCounter', (stats) => stats.cache.evictions, '{card}'],
    ['pcsc.cache.expirations', 'ObservableCounter', (stats) => stats.cache.expirations, '{card}'],
    ['pcsc.cache.resets', 'ObservableCounter', (stats) => stats.cache.resets, '{reset}'],
  ];
  const observed = instruments.map(([name, kind, read, unit]) => ({
    instrument: meter[`create${kind}`](name, { unit }),
    read,
  }));
  /** @param {import('@opentelemetry/api').BatchObservableResult} result */
  const collect = (result) => {
    const stats = bridge.stats();
    for (const { instrument, read } of observed) result.observe(instrument, read(stats));
  };
  const all = observed.map(({ instrument }) => instrument);
  meter.addBatchObservableCallback(collect, all);

  const waits = meter.createHistogram('pcsc.transaction.wait', { unit: 'ms' });
  const durations = meter.createHistogram('pcsc.transaction.duration', { unit: 'ms' });

  /** @param {unknown} message */
  const onTransaction = (message) => {
    const { session, reader, cache, waited, duration, error } = /** @type {TransactionReport} */ (message);
    const attributes = { 'pcsc.reader': reader ?? 'unknown', 'pcsc.cache': cache ?? 'none' };
    if (waited) {
      waits.record(waited.ms, attributes);
      durations.record(duration, attributes);
    }
    const end = Date.now();
    const startTime = end - duration - (waited?.ms ?? 0);
    const span = tracer.startSpan('pcsc.transaction', { kind: SpanKind.CLIENT, startTime, attributes });
    span.setAttributes({ 'pcsc.session.id': session.id, 'pcsc.begun': waited !== undefined });
    if (waited) {
      span.setAttribute('pcsc.waited.this_process_ms', waited.thisProcess);
      span.setAttribute('pcsc.waited.other_processes_ms', waited.otherProcesses);
    }
    if (error) {
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    }
    span.end(end);
  };
  subscribe('pcsc-bridge:transaction', onTransaction);

  return () => {
    unsubscribe('pcsc-bridge:transaction', onTransaction);
    meter.removeBatchObservableCallback(collect, all);
  };
}
