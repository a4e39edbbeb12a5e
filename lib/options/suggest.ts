import leven from 'leven';

/** `, did you mean \`groupId\`?`, or nothing when no name is near. */
export function didYouMean(given: string, known: Iterable<string>): string {
  const limit = Math.max(2, Math.floor(given.length / 3));
  const distance = (name: string) => leven(given.toLowerCase(), name.toLowerCase());
  const nearest = [...known].sort((a, b) => distance(a) - distance(b))[0];
  return nearest !== undefined && distance(nearest) <= limit ? `, did you mean \`${nearest}\`?` : '';
}
