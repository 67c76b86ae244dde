import { expect, test } from 'vitest';
import { PivCard } from '../../../src/testing/virtual/index.js';
import { ASK_PIN_STATE, PivReader, SELECT_PIV, VERIFY_WRONG } from './piv-reader.js';

test('a PIV card that is removed and inserted again keeps its counter and certificate', async () => {
  await using piv = await PivReader.with();
  const { certificate } = piv.piv;
  await piv.transmit(VERIFY_WRONG);
  await piv.card.remove();
  await using again = await PivCard.insertPiv({ port: piv.reader.port }, piv.piv);
  await piv.transmit(SELECT_PIV);
  expect(await piv.transmit(ASK_PIN_STATE)).toBe('63C2');
  expect(again.piv.certificate).toEqual(certificate);
});
