// A person's keys: WebAuthn registration, the public half of a key file, and taking one off the list.
const wrong = document.querySelector("#wrong");

async function ask(path, method, body) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.status === 204) return null;
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail || said.title);
  return said;
}

async function doing(form, work) {
  wrong.textContent = "";
  form.inert = true;
  try {
    await work();
    location.reload();
  } catch (error) {
    // A browser's own words (NotAllowedError and the like) tell a person nothing.
    wrong.textContent = error instanceof DOMException ? document.body.dataset.failed : error.message;
  } finally {
    form.inert = false;
  }
}

document.querySelector("#security-key").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  doing(form, async () => {
    const options = await ask("/api/v1/credentials/options", "POST");
    const made = await navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
    });
    await ask("/api/v1/credentials/security-key", "POST", { name: form.elements.name.value, answer: made.toJSON() });
  });
});

document.querySelector("#key-file").addEventListener("submit", (event) => {
  event.preventDefault();
  const { name, public_key: key } = event.target.elements;
  doing(event.target, () => ask("/api/v1/credentials/key-file", "POST", { name: name.value, public_key: key.value }));
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-remove]");
  if (button) doing(button, () => ask(`/api/v1/credentials/${button.dataset.remove}`, "DELETE"));
});
