// The queue: gravest level first, in it what nobody has taken, the oldest on top; rows are made from one template and moved, never all made anew.
import { byNeed, parked, queued, TABS, untaken } from "./needs.js";
import { painted } from "./painted.js";
import { pictured, small } from "./stills.js";
import { dress, now } from "./time.js";
import { say } from "./words.js";

const MOST_ROWS = 200; // what is drawn; the rest is counted, so that a storm cannot stop the page

export class Queue {
  constructor(choose) {
    this.list = document.getElementById("rows");
    this.template = document.getElementById("row");
    this.choose = choose;
    this.alarms = new Map();
    this.rows = new Map();
    this.arrived = new Set();
    this.meanwhile = null;
    this.tab = "all";
    this.chosen = null;
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) choose(row.dataset.alarmId);
    });
    for (const button of document.querySelectorAll("[data-tab]")) button.onclick = () => this.show(button.dataset.tab);
  }

  /** Begin anew with all open alarms of `read`, which is asked for now; what the feed says meanwhile is kept. */
  async fill(read) {
    this.meanwhile = [];
    const alarms = await read();
    const told = this.meanwhile;
    this.meanwhile = null;
    this.alarms = new Map(alarms.map((alarm) => [alarm.id, alarm]));
    for (const alarm of told) this.put(alarm);
    this.#later();
  }

  /** An alarm is new or changed. An older version than the known one changes nothing. */
  put(alarm, arrived = false) {
    this.meanwhile?.push(alarm);
    const known = this.alarms.get(alarm.id);
    if (known && known.version > alarm.version) return;
    if (queued(alarm)) this.alarms.set(alarm.id, alarm); else this.alarms.delete(alarm.id);
    if (arrived) this.arrived.add(alarm.id);
    this.#later();
  }

  picture(id, piece) { if (pictured(this.alarms, id, piece)) this.#later(); }

  show(tab) {
    this.tab = tab;
    for (const button of document.querySelectorAll("[data-tab]")) button.setAttribute("aria-selected", button.dataset.tab === tab);
    this.#later();
  }

  mark(id) {
    this.chosen = id;
    for (const row of this.list.children) row.setAttribute("aria-selected", row.dataset.alarmId === id);
    this.rows.get(id)?.scrollIntoView({ block: "nearest" });
  }

  /** The id `step` places from the chosen one, or the first. */
  neighbour(step) {
    const ids = this.#wanted().map((alarm) => alarm.id);
    const at = ids.indexOf(this.chosen);
    return ids[at < 0 ? 0 : Math.min(Math.max(at + step, 0), ids.length - 1)];
  }

  count() {
    const counts = [0, 0, 0, 0, 0, 0];
    for (const alarm of this.alarms.values()) if (!parked(alarm)) counts[alarm.level] += 1;
    return counts;
  }

  /** The gravest level at which an alarm waits for somebody to take it; 0 when none does. */
  waiting() {
    return Math.min(...[...this.alarms.values()].filter(untaken).map((alarm) => alarm.level), 6) % 6;
  }

  /** How many wait for somebody to take them. */
  fresh() { return [...this.alarms.values()].filter(untaken).length; }

  #wanted() { return [...this.alarms.values()].filter(TABS[this.tab]).sort(byNeed); }

  #later() {
    this.frame ??= requestAnimationFrame(() => { this.frame = null; this.#draw(); });
  }

  #draw() {
    const wanted = this.#wanted();
    const shown = wanted.slice(0, MOST_ROWS);
    const keep = new Set(shown.map((alarm) => alarm.id));
    for (const [id, row] of this.rows) if (!keep.has(id)) { row.remove(); this.rows.delete(id); }
    const written = [];
    let place = this.list.firstElementChild; // rows that stay in place are not touched: moving one would repeat its motion
    for (const alarm of shown) {
      let row = this.rows.get(alarm.id);
      if (!row) this.rows.set(alarm.id, (row = this.template.content.firstElementChild.cloneNode(true)));
      if (row.shown !== alarm) { this.#write(row, alarm); written.push(row); }
      if (row === place) place = place.nextElementSibling;
      else this.list.insertBefore(row, place);
    }
    this.arrived.clear();
    this.#counts(wanted.length);
    painted(written);
  }

  #write(row, alarm) {
    row.shown = alarm;
    Object.assign(row.dataset, { alarmId: alarm.id, eventAt: alarm.at, openedAt: alarm.opened_at, kind: alarm.kind, state: alarm.state });
    row.id = `row-${alarm.id}`;
    row.className = `row level-is-${alarm.level}${untaken(alarm) ? "" : " taken"}${this.arrived.has(alarm.id) ? " arrived" : ""}`;
    row.setAttribute("aria-selected", alarm.id === this.chosen);
    const [level, grave, title, age, place, due, still] = row.children;
    level.className = `level level-${alarm.level}`;
    level.textContent = ["", "I", "II", "III", "IV", "V"][alarm.level];
    grave.textContent = say(`level${alarm.level}`);
    title.textContent = alarm.words.title;
    marks(title, alarm);
    place.textContent = alarm.words.place;
    small(still, alarm.still);
    age.dataset.ageFrom = Date.parse(alarm.opened_at);
    if (untaken(alarm) && alarm.due_at) Object.assign(due.dataset, { due: Date.parse(alarm.due_at), opened: Date.parse(alarm.due_from) });
    else { delete due.dataset.due; due.textContent = parked(alarm) && alarm.parked_until ? say("comesBack", { at: hour(alarm.parked_until) }) : alarm.words.holder ?? ""; }
    dress(row);
  }

  #counts(shown) {
    for (const [tab, has] of Object.entries(TABS)) document.querySelector(`[data-tab=${tab}] em`).textContent = [...this.alarms.values()].filter(has).length;
    document.getElementById("more").hidden = shown <= MOST_ROWS;
    document.getElementById("more").textContent = say("more", { n: shown - MOST_ROWS });
    document.getElementById("none").hidden = shown > 0;
    document.dispatchEvent(new CustomEvent("queue"));
  }
}

/** What stands beside a title: returned by a reviewer, how many an incident keeps together. */
function marks(title, alarm) {
  const said = [alarm.state === "returned" && say("returned"), alarm.members_count && say("members", { n: alarm.members_count })].filter(Boolean);
  for (const text of said) {
    const mark = document.createElement("em");
    mark.textContent = text;
    title.append(" ", mark);
  }
}

const hour = (at) => new Date(at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hour12: false });
