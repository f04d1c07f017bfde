// Where the keys are stays where it is when a part of the page is drawn anew.

const WAYS = "a[href], button, summary, input, select, textarea, [tabindex]";
const named = (each) => `${each.tagName} ${each.id} ${each.getAttribute("href") ?? each.dataset.send ?? ""} ${each.textContent.trim()}`;

/** Remember what has the focus in `part`; the answer gives it to the same thing of what came in its place. */
export function focused(part) {
  const had = part.contains(document.activeElement) ? document.activeElement : null;
  if (!had) return () => {};
  const same = (place) => [...place.querySelectorAll(WAYS)].filter((each) => named(each) === named(had));
  const at = same(part).indexOf(had);
  return (place) => same(place)[at]?.focus({ preventScroll: true });
}
