import { metrics, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { CardBridge } from 'pcsc-bridge';
import { expect, test } from 'vitest';
// @ts-expect-error The examples are JavaScript.
import { observe } from '../../../examples/opentelemetry.mjs';
import { selectPiv } from '../../support/piv-host.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { errorOf } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig, 0);
const { name: reader } = readerAt(rig, 0);
const alice = { id: 2, connectTime: 133_772_904_000_000_000n };

test('the example turns stats and transactions into metrics and spans', async () => {
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const metricReader = new PeriodicExportingMetricReader({ exporter: metricExporter });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [metricReader] }));
  const spanExporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor(spanExporter)];
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));

  await using bridge = new CardBridge();
  const stop: () => void = observe(bridge);
  await using session = await bridge.openSession(alice);
  await session.transaction(reader, (transaction) => transaction.transmit(selectPiv));
  await session.transaction(reader, (transaction) => transaction.transmit(selectPiv));
  await errorOf(session.transaction('No Such Reader', () => {}));
  await metricReader.forceFlush();
  stop();
  await session.transaction(reader, () => {});

  const found = new Map(
    metricExporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap((scope) => scope.metrics)
      .map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints.map(({ value }) => value)]),
  );
  expect(found.get('pcsc.sessions')).toEqual([1]);
  expect(found.get('pcsc.cache.hits')).toEqual([1]);
  expect(found.get('pcsc.cache.misses')).toEqual([1]);
  expect(found.get('pcsc.transactions.waiting')).toEqual([0]);
  expect(found.get('pcsc.contexts')?.[0]).toBeGreaterThanOrEqual(1);
  expect(found.get('pcsc.transaction.duration')).toMatchObject([{ count: 1 }, { count: 1 }]);

  const spans = spanExporter.getFinishedSpans();
  expect(
    spans.map(({ name, attributes }) => [name, attributes['pcsc.reader'], attributes['pcsc.cache']]),
  ).toEqual([
    ['pcsc.transaction', reader, 'miss'],
    ['pcsc.transaction', reader, 'hit'],
    ['pcsc.transaction', 'No Such Reader', 'none'],
  ]);
  expect(spans[2]?.status.message).toContain('No Such Reader');
  expect(spans[2]?.attributes['pcsc.begun']).toBe(false);
});
