/** The Web Smart Card API on pcscd: through its socket, or through libpcsclite. */
import { expect, test } from 'vitest';
import { smartCard } from '../../../src/web/index.js';
import { pcscdHost } from '../../support/web-host.js';
import { command, connectIn, connectionCases } from './connection-cases.js';
import { readerCases, serviceCases } from './reader-cases.js';
import { transactionCases } from './transaction-cases.js';

const host = await pcscdHost();

readerCases(host);
connectionCases(host);
transactionCases(host);

test('"TransmitWithOptions": a direct connection transmits with the protocol that the card has', async () => {
  const context = await smartCard.establishContext();
  await connectIn(context, host.reader);
  const { connection, activeProtocol } = await context.connect(host.reader, 'direct');
  // pcscd returns the protocol of the other connection, and its library passes it on.
  expect([undefined, 't1']).toContain(activeProtocol);
  expect(new Uint8Array(await connection.transmit(command, { protocol: 't1' }))).toEqual(host.answer);
  await expect(connection.transmit(command, { protocol: 't0' })).rejects.toMatchObject({
    name: 'SmartCardError',
    responseCode: 'proto-mismatch',
  });
  await connection.disconnect();
});

serviceCases(host);
