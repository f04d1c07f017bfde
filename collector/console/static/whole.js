// The queue as the centre lists it, read whole: the list is newest first, so its last page has who waits longest.
const MOST_ALARMS = 20000; // no desk has so many; a list that never ends is not read for ever

/** All open alarms that nothing keeps quiet. */
export async function whole(lang) {
  const alarms = [];
  for (let place = ""; place !== null && alarms.length < MOST_ALARMS;) {
    const answer = await fetch(`/api/v1/alarms?state=queue&limit=500&lang=${lang}${place && `&cursor=${place}`}`);
    if (!answer.ok) break;
    const { items, next } = await answer.json();
    alarms.push(...items);
    place = next;
  }
  return alarms;
}
