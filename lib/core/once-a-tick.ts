/**
 * Does the work once for all calls of one turn of the event loop, at its end.
 *
 * @param later `process.nextTick` ends the wait with the callback that runs, and what it has resolved: sooner, and other callbacks of the turn have their own
 */
export function onceATick(work: () => void, later: (callback: () => void) => unknown = setImmediate): () => void {
  let isScheduled = false;
  const run = () => {
    isScheduled = false;
    work();
  };
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    later(run);
  };
}
