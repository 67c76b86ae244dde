import { readFileSync } from 'node:fs';
import pcsclite from '@pokusew/pcsclite';
import { makeAdapter } from './pcsclite-like.mjs';

const about = new URL('node_modules/@pokusew/pcsclite/package.json', import.meta.url);
export const adapter = makeAdapter(pcsclite, JSON.parse(readFileSync(about, 'utf8')).version);
