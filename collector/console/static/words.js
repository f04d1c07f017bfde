// The desk's sentences in the reader's language, as the server wrote them into the page. No text lives in scripts.
const words = JSON.parse(document.body.dataset.words);

/** The sentence `key` with its `{named}` places filled. */
export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
