import { existsSync, readFileSync } from 'node:fs';

const places = ['/usr/include/PCSC/reader.h', '.cache/packages/usr/include/PCSC/reader.h'];
const place = places.find((path) => existsSync(path));

/** pcsc-lite's <reader.h>, where it is installed. */
export const systemHeader = place && readFileSync(place, 'utf8');
