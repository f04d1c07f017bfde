// Who needs somebody first: which alarms are anybody's, whose tab they stand in, and in which order.
const me = document.body.dataset.person;
const UNTAKEN = new Set(["new", "returned"]); // somebody must take it
const OPEN = new Set(document.body.dataset.open.split(" "));

export const parked = (alarm) => alarm.state === "parked";
export const untaken = (alarm) => UNTAKEN.has(alarm.state);
/** Whether it stands in the queue at all. */
export const queued = (alarm) => OPEN.has(alarm.state) && !alarm.shelter;
export const TABS = {
  all: (alarm) => !parked(alarm),
  new: untaken,
  mine: (alarm) => alarm.holder === me && !parked(alarm),
  others: (alarm) => alarm.holder && alarm.holder !== me && !parked(alarm),
  parked,
};

const held = (alarm) => !untaken(alarm);
/** Who has waited longest at the gravest level is next; what somebody holds stands below what nobody does. */
export const byNeed = (a, b) => a.level - b.level || held(a) - held(b) || Date.parse(a.opened_at) - Date.parse(b.opened_at) || (a.id < b.id ? -1 : 1);
