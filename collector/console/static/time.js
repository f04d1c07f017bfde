// Everything that ages: the clock, ages of alarms and states, deadlines that warm up. Server time is the time.
import { say } from "./words.js";

let ahead = Number(document.body.dataset.now) - Date.now();

/** Server time in milliseconds. */
export const now = () => Date.now() + ahead;

/** The server said what time it is; the quickest message was nearest to the truth. */
export function adjust(serverMs) {
  const seen = serverMs - Date.now();
  ahead = Math.abs(seen - ahead) > 2000 ? seen : Math.max(ahead, seen);
}

/** 75 s -> "01:15", an hour and more -> "1:02:03", days in words. */
export function lasting(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s >= 172800) return say("days", { n: Math.floor(s / 86400) });
  const [h, m, rest] = [Math.floor(s / 3600), two(Math.floor(s / 60) % 60), two(s % 60)];
  return h ? `${h}:${m}:${rest}` : `${m}:${rest}`;
}

/** 75 s -> "1 min ago", in the reader's language. */
export function ago(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return say("secondsAgo", { n: s });
  if (s < 3600) return say("minutesAgo", { n: Math.floor(s / 60) });
  if (s < 172800) return say("hoursAgo", { n: Math.floor(s / 3600) });
  return say("daysAgo", { n: Math.floor(s / 86400) });
}

/** What is left until `dueMs`, and how warm that is: the last third is orange, the last sixth and after is red. */
export function remaining(dueMs, openedMs) {
  const left = dueMs - now();
  const heat = left < (dueMs - openedMs) / 6 ? "hot" : left < (dueMs - openedMs) / 3 ? "warm" : "";
  const s = Math.ceil(Math.abs(left) / 1000);
  const [unit, n] = s < 120 ? ["Seconds", s] : s < 7200 ? ["Minutes", Math.floor(s / 60)] : s < 172800 ? ["Hours", Math.floor(s / 3600)] : ["Days", Math.floor(s / 86400)];
  return { heat, over: left < 0, text: say((left >= 0 ? "left" : "over") + unit, { n }) };
}

/** How far this machine's hours are from UTC: every time of a page is said in them. */
export function zone() {
  const minutes = -new Date(now()).getTimezoneOffset();
  return `UTC${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

/** Write the times of a freshly made part of the page. */
export function dress(root) {
  for (const each of root.querySelectorAll("time[datetime]")) each.textContent = FORMATS[each.dataset.as](new Date(each.dateTime));
  for (const each of root.querySelectorAll("[data-zone]")) write(each, zone());
  tick(root);
}

function tick(root) {
  const at = now();
  for (const each of root.querySelectorAll("[data-age-from]")) write(each, lasting(at - Number(each.dataset.ageFrom)));
  for (const each of root.querySelectorAll("[data-ago-from]")) write(each, ago(at - Number(each.dataset.agoFrom)));
  for (const each of root.querySelectorAll("[data-due]")) {
    const { heat, text, over } = remaining(Number(each.dataset.due), Number(each.dataset.opened));
    write(each, over && each.hasAttribute("data-calm") ? say("waited") : text);
    const warmed = each.closest(".row, .next");
    if (!warmed || each.hasAttribute("data-calm")) continue;
    warmed.classList.toggle("over", over);
    warmed.classList.toggle("warm", heat === "warm");
    warmed.classList.toggle("hot", heat === "hot");
  }
}

const write = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const two = (n) => String(n).padStart(2, "0");
const wall = (d) => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
const FORMATS = {
  second: wall,
  tenth: (d) => `${wall(d)}.${Math.floor(d.getMilliseconds() / 100)}`,
  exact: (d) => `${wall(d)}.${String(d.getMilliseconds()).padStart(3, "0")}`,
  minute: (d) => `${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}`,
  near: (d) => (Math.abs(d - now()) < 43200000 ? wall(d) : FORMATS.minute(d)),
  day: (d) => `${two(d.getMonth() + 1)}-${two(d.getDate())} ${wall(d)}`,
};

/** Start the second hand; `everySecond` is called after each step. */
export function start(everySecond) {
  const clock = document.getElementById("clock");
  const step = () => {
    write(clock, wall(new Date(now())));
    tick(document);
    everySecond();
    setTimeout(step, 1000 - (now() % 1000));
  };
  step();
}
