// What a person has typed or chosen in a form stays when the page around it is drawn anew.

const named = (form) => form.id || form.dataset.post || form.getAttribute("action");

function differs(field) {
  if (field.matches("select")) {
    const chosen = [...field.options].findIndex((each) => each.defaultSelected);
    return field.selectedIndex !== Math.max(chosen, 0);
  }
  return field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
}

/** Put each form of `old` in which somebody wrote in place of the one in `fresh` that is the same. */
export function keepTyped(old, fresh) {
  const forms = [...fresh.querySelectorAll("form")];
  for (const form of old.querySelectorAll("form")) {
    if (![...form.querySelectorAll("input, select, textarea")].some(differs)) continue;
    forms.find((each) => named(each) === named(form))?.replaceWith(form);
  }
}
