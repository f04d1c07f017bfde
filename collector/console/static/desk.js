// The alarm desk, put together: live line, queue, chosen alarm, actions, sound, keys.
import * as actions from "./actions.js";
import { Chosen } from "./chosen.js";
import { Feed } from "./feed.js";
import { History } from "./history.js";
import * as keys from "./keys.js";
import * as line from "./line.js";
import { load } from "./parts.js";
import { Queue } from "./queue.js";
import * as sound from "./sound.js";
import * as time from "./time.js";
import { whole } from "./whole.js";
import { say } from "./words.js";

const FACTS_S = 5; // how often the line at the foot is read again
const PULSE_MS = 1000; // and after something happened, once a second at most
const page = document.documentElement;
const at = (id) => document.getElementById(id);

const queue = new Queue((id) => pick(id));
const chosen = new Chosen(queue);
const past = new History((id) => pick(id));
const act = actions.wire(chosen, (alarm) => {
  queue.put(alarm);
  pulse();
  const gone = alarm.state === "resolved" && !past.open;
  if (gone) pick(queue.neighbour(0)); else chosen.now();
});

async function pick(id) {
  if (past.open) await past.show(null);
  await chosen.show(id);
}

const feed = new Feed(document.body.dataset.journal, {
  alarm(alarm, replayed) {
    const fresh = !queue.alarms.has(alarm.id) && alarm.state === "new" && !alarm.shelter;
    const grave = fresh && alarm.level <= 2;
    queue.put(alarm, grave);
    if (grave) sound.call(queue.waiting(), true);
    if (fresh) at("told").textContent = `${say(`level${alarm.level}`)} ${alarm.words.title} ${alarm.words.place}`;
    if (!chosen.id && fresh && !replayed && matchMedia("(min-width: 761px)").matches) chosen.show(alarm.id);
    else chosen.changed({ alarm });
    return fresh;
  },
  piece(piece) {
    for (const id of piece.alarms) {
      queue.picture(id, piece);
      chosen.changed({ alarm: { id } });
    }
  },
  box(box) {
    chosen.changed({ box });
    past.changed();
  },
  lost: line.lost,
  again(told) {
    line.again(told);
    chosen.later();
  },
  reset: () => begin(),
});

const begin = () => queue.fill(() => whole(page.lang));

document.addEventListener("queue", () => {
  const counts = queue.count();
  for (let level = 1; level <= 5; level += 1) {
    at(`count-${level}`).textContent = counts[level];
    at(`count-${level}`).parentElement.classList.toggle("some", counts[level] > 0);
  }
  const fresh = queue.fresh();
  sound.call(queue.waiting());
  at("badge").textContent = fresh;
  at("badge").hidden = !fresh;
  document.title = fresh ? `(${fresh}) ${say("title")}` : say("title");
  pulse();
});

// The figures that the server keeps: what is quiet, how much this person was shown lately.
let pulsing = null;
function pulse() {
  pulsing ??= setTimeout(async () => { await load("/desk/pulse"); pulsing = null; }, PULSE_MS);
}

function sounding() {
  const state = sound.state();
  at("sound").textContent = say(`sound-${state}`);
  at("sound").classList.toggle("silent", state !== "on");
  at("mute").setAttribute("aria-pressed", state === "muted");
  at("mute").querySelector("use").setAttribute("href", `/static/icons.svg#${state === "on" ? "sound" : "muted"}`);
}

function theme() {
  page.dataset.theme = page.dataset.theme === "dark" ? "light" : "dark";
  keys.choose("bw_theme", page.dataset.theme);
}

function language() {
  keys.choose("bw_lang", page.lang.startsWith("zh") ? "en" : "zh-CN");
  location.reload();
}

const help = () => at("help").showModal();
const step = (by) => () => pick(queue.neighbour(by));
const view = (name) => () => past.show(name === "desk" ? null : name);
const tab = (name) => () => queue.show(name);
keys.wire({
  j: step(1), ArrowDown: step(1), k: step(-1), ArrowUp: step(-1),
  ".": act.more, h: () => past.toggle("history"), b: () => past.toggle("boxes"), m: sound.mute, l: language, t: theme, "?": help,
  1: tab("all"), 2: tab("new"), 3: tab("mine"), 4: tab("others"), 5: tab("parked"),
  q: () => location.assign("/quiet"), f: () => location.assign("/reviews"),
  Escape: () => (past.open ? past.show(null) : chosen.show(null)),
}, document.body.dataset.moveKeys, act.key);
for (const [id, does] of Object.entries({ mute: sound.mute, sound: sound.mute, theme, language, keys: help, "keys-too": help })) at(id).onclick = does;
for (const link of document.querySelectorAll("nav [data-view]")) link.onclick = (event) => { event.preventDefault(); view(link.dataset.view)(); };
document.addEventListener("click", (event) => {
  const [back, other, shot] = ["[data-back]", "[data-goto]", "[data-shot]"].map((each) => event.target.closest(each));
  if (back) chosen.show(null);
  if (other || shot) event.preventDefault();
  if (other) pick(other.dataset.goto);
  if (shot) document.getElementById(`shot-${shot.dataset.shot}`)?.scrollIntoView({ block: "center" });
});

addEventListener("hashchange", () => { // an address that somebody pasted into an open page
  const wanted = location.hash.slice(1);
  if (["history", "boxes"].includes(wanted)) past.show(wanted);
  else if (wanted && wanted !== chosen.id) pick(wanted);
});

sound.start(sounding);
time.dress(document);
let second = 0;
time.start(() => {
  feed.watch();
  second += 1;
  if (second % FACTS_S === 0 && feed.lostSince === null) { pulse(); for (const part of ["facts", "walks"]) load(`/desk/${part}`); }
});
load("/desk/walks");
await begin();
if (["history", "boxes"].includes(location.hash.slice(1))) past.show(location.hash.slice(1));
if (!past.open) pick(location.hash.slice(1) || (matchMedia("(min-width: 761px)").matches ? queue.neighbour(0) : null));
