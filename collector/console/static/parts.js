// Parts of the page that the server draws: fetched, dressed with times, put in place of the old ones.
import { dress } from "./time.js";

const latest = new Map(); // place on the page -> the last call for it

/** Fetch `path` and put each of its elements in place of the one with the same id; false when it failed or a later call overtook it. */
export async function load(path) {
  const place = /history|boxes/.test(path) ? "history" : /facts|walks|pulse/.exec(path)?.[0] ?? "middle";
  const turn = {};
  latest.set(place, turn);
  const answer = await fetch(path, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer) return false;
  if (answer.status === 401) return location.assign("/login");
  if (!answer.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (turn !== latest.get(place)) return false;
  for (const part of [...page.body.children]) swap(part);
  return true;
}

function swap(part) {
  const old = document.getElementById(part.id);
  if (!old) return;
  const [top, focused] = [old.scrollTop, old.contains(document.activeElement) ? document.activeElement.id : ""];
  const same = part.dataset.of === old.dataset.of;
  dress(part);
  keep(old, part);
  old.replaceWith(part);
  if (same) part.scrollTop = top;
  if (focused) document.getElementById(focused)?.focus();
}

/** What is shown and did not change stays as it is: a picture is not fetched again, a clip plays on. */
function keep(old, part) {
  const shown = new Map([...old.querySelectorAll("[data-keep]")].map((each) => [each.dataset.keep, each]));
  for (const each of part.querySelectorAll("[data-keep]")) {
    const known = shown.get(each.dataset.keep);
    if (known) each.replaceWith(known);
  }
}
