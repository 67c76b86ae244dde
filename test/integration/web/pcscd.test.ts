/** The Web Smart Card API on pcscd: through its socket, or through libpcsclite. */
import { pcscdHost } from '../../support/web-host.js';
import { connectionCases } from './connection-cases.js';
import { readerCases, serviceCases } from './reader-cases.js';
import { transactionCases } from './transaction-cases.js';

const host = await pcscdHost();

readerCases(host);
connectionCases(host);
transactionCases(host);
serviceCases(host);
