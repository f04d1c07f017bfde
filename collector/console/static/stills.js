// The little picture of a row: the first still of its alarm, once it is there and the reader may look at it.

/** Note on the alarm `id` that a piece of it came; whether its row is to be drawn anew. */
export function pictured(alarms, id, piece) {
  const alarm = alarms.get(id);
  if (!alarm || alarm.still || piece.kind !== "still" || !piece.href) return false;
  alarms.set(id, { ...alarm, still: piece.href });
  return true;
}

/** Show the picture at `address` in `image`, or none; the same one is not fetched again. */
export function small(image, address) {
  image.hidden = !address;
  if (address && image.getAttribute("src") !== address) image.src = address;
}
