/** The Web Smart Card API on the stand-in library with the semantics of Windows. */
import { standInHost } from '../../support/web-host.js';
import { connectionCases } from './connection-cases.js';
import { readerCases, serviceCases } from './reader-cases.js';
import { transactionCases } from './transaction-cases.js';

const host = standInHost();

readerCases(host);
connectionCases(host);
transactionCases(host);
serviceCases(host);
