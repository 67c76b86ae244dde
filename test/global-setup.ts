/** Programs that tests start run the built package: an old build would prove nothing. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = `${root}dist/index.js`;

export default function checkBuilt(): void {
  if (!existsSync(built)) throw new Error('there is no dist: npm run build:ts first');
  const since = statSync(built).mtimeMs;
  const newer = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' }).find(
    (name) => name.endsWith('.ts') && statSync(`${root}src/${name}`).mtimeMs > since,
  );
  if (newer !== undefined) throw new Error(`src/${newer} is newer than dist: npm run build:ts first`);
}
