// When a row was first on the glass, noted on the row itself, so that the time from door to screen can be measured.
/** Note on each row when it was first on the glass: called before a paint, it writes in the task after it. */
export function painted(rows) {
  if (!rows.length) return;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    const at = new Date(performance.timeOrigin + performance.now()).toISOString();
    for (const row of rows) row.dataset.drawnAt ??= at;
  };
  port2.postMessage(null);
}
