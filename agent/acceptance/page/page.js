// The walk test's page: asks the box each second, draws what it says, sends what is tapped. It decides nothing.
const EVERY_MS = 1000;
const SURE_MS = 800; // a second tap so soon is a slip of the finger
const QUIET_MS = 4000; // the box was not reached for so long: what is shown may be old
const MARKS = { good: "✓", bad: "✕", off: "–", open: "·" };
const at = (id) => document.getElementById(id);

let language = localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh-CN" : "en");
let revision = -1;
let shown = null;
let heard = Date.now();
let sure = false;

function element(tag, text, look = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = look;
  return made;
}

function button(text, look, tapped) {
  const made = element("button", text, look);
  made.type = "button";
  made.onclick = tapped;
  return made;
}

async function say(what) {
  sure = false;
  await fetch("act", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(what) }).catch(() => null);
  await look();
}

function drawNow(now) {
  at("now").hidden = !now;
  if (!now) return;
  for (const id of ["name", "text", "reads", "hint"]) at(id).textContent = now[id];
  const typing = at("number");
  if (typing.dataset.of !== now.point) typing.value = "";
  typing.dataset.of = now.point;
  typing.hidden = !now.number;
  at("buttons").replaceChildren(...now.buttons.map((each) => button(each.text, each.look, async () => {
    if (each.act === "number" && typing.value.trim().length !== 4) return typing.focus();
    await say({ act: each.act, point: now.point, number: each.act === "number" ? typing.value : "" });
    typing.value = "";
  })));
}

function row(each, current) {
  const item = element("li", "", `${each.look}${each.point === current ? " current" : ""}`);
  item.dataset.point = each.point;
  item.append(element("i", MARKS[each.look]), element("b", each.name), element("span", each.word));
  if (each.again) item.append(button(each.again, "", async () => {
    await say({ act: "again", point: each.point, number: "" });
    window.scrollTo({ top: 0 });
  }));
  return item;
}

function draw(view) {
  shown = view;
  revision = view.revision;
  document.documentElement.lang = language;
  document.title = view.title;
  for (const id of ["title", "site", "counted", "unwatched", "alarms", "problem", "list", "quiet"]) at(id).textContent = view[id];
  at("language").textContent = language === "en" ? "中文" : "EN";
  at("share").style.width = `${view.share}%`;
  drawNow(view.now);
  at("rest").hidden = !view.rest;
  at("rest").textContent = view.rest;
  at("ended").hidden = !view.ended.length;
  at("ended").replaceChildren(...view.ended.map((each) => element("li", each.text, each.look)));
  at("rows").replaceChildren(...view.rows.map((each) => row(each, view.now?.point)));
  drawEnd();
}

function drawEnd() {
  at("end").hidden = !shown.end;
  at("end").textContent = shown.end;
  at("end").className = sure || !shown.sure ? "main" : "";
  at("sure").textContent = sure ? shown.sure : "";
}

async function look() {
  const answer = await fetch(`view?lang=${language}&revision=${revision}`).catch(() => null);
  if (answer?.ok) heard = Date.now();
  if (answer?.status === 200) draw(await answer.json());
  at("quiet").hidden = Date.now() - heard < QUIET_MS || shown?.ended.length > 0;
}

at("language").onclick = () => {
  language = language === "en" ? "zh-CN" : "en";
  localStorage.setItem("language", language);
  revision = -1;
  look();
};
at("end").onclick = () => {
  if (shown.sure && !sure) {
    sure = at("end").disabled = true;
    setTimeout(() => { at("end").disabled = false; }, SURE_MS);
    drawEnd();
  } else say({ act: "end", point: "", number: "" });
};
at("number").onkeydown = (event) => { if (event.key === "Enter") at("buttons").querySelector(".main")?.click(); };

look();
setInterval(look, EVERY_MS);
