// The live line of pages about one site or its orders: what is told there, how old it is, and a lost line found again.
import { adjust, dress, now } from "./time.js";

const QUIET_MS = 8000; // the server says the time every 3 s
const AGAIN_MS = 2000;
let heard = Date.now();
let source = null;
let asked = 0;

/** Call `told(topic, message)` for each message of `topics`, and `reset` where more happened than can be told again. */
export function listen(topics, told, reset) {
  source?.close();
  source = new EventSource(`/api/v1/live?kinds=${topics.join(",")}&after=${document.body.dataset.journal}&lang=${document.documentElement.lang}`);
  const take = (message) => {
    heard = Date.now();
    if (message.lastEventId) document.body.dataset.journal = message.lastEventId;
    return JSON.parse(message.data);
  };
  for (const topic of topics) source.addEventListener(topic, (message) => told(topic, take(message)));
  source.addEventListener("reset", (message) => { take(message); reset(); });
  source.addEventListener("tick", (message) => adjust(Date.parse(take(message).now)));
  source.again = () => listen(topics, told, reset);
}

/** Once a second: whether the line is lost, and how old what is shown is. A line that the browser gave up is opened again. */
export function watch() {
  const lost = Date.now() - heard > QUIET_MS;
  document.getElementById("lost").hidden = !lost;
  document.body.classList.toggle("stale", lost);
  const at = now() - (Date.now() - heard);
  for (const each of document.querySelectorAll("#lost, #asof")) {
    each.querySelector("time").dateTime = new Date(at).toISOString();
    each.querySelector("[data-ago-from]").dataset.agoFrom = at;
    dress(each);
  }
  if (lost && source?.readyState === EventSource.CLOSED && Date.now() - asked > AGAIN_MS) again();
}

async function again() {
  asked = Date.now();
  const answer = await fetch("/api/v1/sites?limit=1").catch(() => null);
  if (answer?.status === 401) location.assign("/login");
  else if (answer?.ok) source.again();
}
