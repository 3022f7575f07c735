// What the sandbox has told so far: parts under keys, grouped by their kind (`message/456` is of kind `message`).

export class Store {
  #kinds = new Map();

  /** Takes an event in; gives the set of kinds that changed. An event with everything replaces all there was. */
  apply({ changed, gone }, isEverything) {
    const touched = new Set(isEverything ? this.#kinds.keys() : []);
    if (isEverything) this.#kinds.clear();
    for (const [key, part] of Object.entries(changed)) {
      const kind = kindOf(key);
      touched.add(kind);
      if (!this.#kinds.has(kind)) this.#kinds.set(kind, new Map());
      this.#kinds.get(kind).set(key, part);
    }
    for (const key of gone) {
      touched.add(kindOf(key));
      this.#kinds.get(kindOf(key))?.delete(key);
    }
    return touched;
  }

  get(key) {
    return this.#kinds.get(kindOf(key))?.get(key);
  }

  all(kind) {
    return [...(this.#kinds.get(kind)?.values() ?? [])];
  }

  /** Seconds since 1970 on the sandbox's clock. */
  now() {
    return Date.now() / 1000 + (this.get("clock")?.ahead_seconds ?? 0);
  }
}

const kindOf = (key) => key.split("/", 1)[0];
