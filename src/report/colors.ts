/** Colour for a terminal, and only there: not in a pipe, not in CI, not where NO_COLOR says so. */
import picocolors from 'picocolors';

export const colors = picocolors.createColors(process.stdout.isTTY === true && !process.env['NO_COLOR']);
