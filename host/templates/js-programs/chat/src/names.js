// Which names people may have.

/** The longest name, in characters. */
const MAX_LENGTH = 24;

/** Returns what is wrong with a name, or undefined. */
export function checkName(name, others) {
  if (name === '') return { text: 'a name must not be empty' };
  if ([...name].length > MAX_LENGTH) return { text: `a name has at most ${MAX_LENGTH} characters` };
  // These would make it possible to imitate other lines. (The engine has no \p{Cc}.)
  if (/[:,*!\x00-\x1f\x7f-\x9f]/.test(name)) return { text: 'a name cannot contain : , * ! or control characters' };
  const lowerCase = name.toLowerCase();
  for (const other of others) {
    if (other.toLowerCase() === lowerCase) return { text: 'this name is already taken', isTaken: true };
  }
  return undefined;
}
