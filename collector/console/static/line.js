// The line to the centre, as a person sees it: lost since when, back again, and what came meanwhile.
import * as time from "./time.js";
import { say } from "./words.js";

const page = document.documentElement;
const at = (id) => document.getElementById(id);

/** The line is lost; `since` is this machine's clock. */
export function lost(since) {
  document.body.classList.add("stale");
  since += time.now() - Date.now();
  at("lost").hidden = false;
  at("lost").classList.remove("over");
  at("lost-title").textContent = say("lost");
  at("lost-age").dataset.ageFrom = since;
  at("lost-rest").textContent = say("lostRest", { at: new Date(since).toLocaleTimeString(page.lang, { hour12: false }) });
  at("lost-close").hidden = true;
}

/** It is back after `lostMs`; `missed` alarms came meanwhile. */
export function again({ lostMs, missed }) {
  document.body.classList.remove("stale");
  at("lost").classList.add("over");
  at("lost-title").textContent = say("again");
  delete at("lost-age").dataset.ageFrom;
  at("lost-age").textContent = "";
  at("lost-rest").textContent = say(missed ? "cameMeanwhile" : "noneCame", { lasted: time.lasting(lostMs), n: missed });
  at("lost-close").hidden = false;
}

at("lost-close").onclick = () => { at("lost").hidden = true; };
