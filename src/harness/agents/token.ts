/** The pre-shared token: whoever has it may be an agent. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** Where a token comes from when no file is named; agents read it there too. */
export const tokenVariable = 'PCSC_BRIDGE_TOKEN';

const form = /^[\x21-\x7e]{16,256}$/;

/** 192 bits, in characters that need no quoting anywhere. */
export function newToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Reads a token from a file; blanks around it do not count. */
export async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new Error(`the token file ${file} cannot be read: ${error.message}`);
  });
  return checkToken(text, `the token in ${file}`);
}

/** @param what Whose token it is, for the error. */
export function checkToken(text: string, what: string): string {
  const token = text.trim();
  if (form.test(token)) return token;
  throw new Error(`${what} must be 16 to 256 printable ASCII characters without spaces`);
}

/** Takes the same time wherever they differ, and whatever their lengths. */
export function sameToken(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
