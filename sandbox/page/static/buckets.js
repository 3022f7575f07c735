// The buckets in use, filling and refilling, and the switch that turns limits off.

import { KeyedList, el } from "./dom.js";
import { channelName } from "./names.js";
import { span } from "./times.js";

export class Buckets {
  constructor(store, ask) {
    this.store = store;
    this.switch = document.getElementById("limits-switch");
    this.switch.addEventListener("click", () => {
      const isKept = this.switch.getAttribute("aria-checked") === "true";
      ask("PUT", "/settings", { options: { limits_enabled: !isKept } });
    });
    this.list = new KeyedList(document.getElementById("buckets"), {
      key: (bucket) => bucket.name,
      inputs: () => [this],
      make: (bucket) => bucketRow(bucket.name),
    });
  }

  render() {
    const isKept = this.store.get("about")?.options.limits_enabled ?? true;
    this.switch.setAttribute("aria-checked", String(isKept));
    const buckets = this.#buckets();
    this.list.show(buckets);
    for (const bucket of buckets) update(this.list.known.get(bucket.name).node, bucket);
  }

  #buckets() {
    const limits = this.store.get("limits");
    if (!limits) return [];
    const used = limits.global_used;
    const everything = {
      name: "global",
      place: "this second",
      limit: limits.global_limit,
      remaining: limits.global_limit - used,
      level: 1 - used / limits.global_limit,
    };
    const invalid = {
      name: "invalid requests",
      place: "ten minutes",
      limit: limits.invalid_limit,
      remaining: limits.invalid_limit - limits.invalid,
      level: 1 - limits.invalid / limits.invalid_limit,
    };
    const named = this.store
      .all("bucket")
      .map((bucket) => this.#bucket(bucket))
      .sort((one, other) => one.name.localeCompare(other.name));
    return [everything, ...named, ...(limits.invalid ? [invalid] : [])];
  }

  #bucket(bucket) {
    const isSliding = bucket.kind === "sliding";
    const level = isSliding ? 1 - bucket.reset_after / bucket.period_seconds : bucket.remaining / bucket.limit;
    const place = this.#place(bucket);
    return {
      ...bucket,
      name: `${bucket.rule} ${place}`,
      rule: bucket.rule,
      place,
      level: Math.min(1, Math.max(0, level)),
    };
  }

  #place({ rule, major }) {
    const kind = rule.startsWith("webhooks.execute")
      ? "webhook"
      : /^(members|bans|guilds)/.test(rule)
        ? "guild"
        : "channel";
    const part = this.store.get(`${kind}/${major}`);
    if (!part) return major;
    return kind === "channel" ? `#${channelName(this.store, part)}` : part.name;
  }
}

function bucketRow(name) {
  return el(
    "li",
    { class: "bucket", "data-bucket": name },
    el("p", { class: "bucket-name" }),
    el("p", { class: "bucket-left" }),
    el("div", { class: "meter", role: "meter", "aria-valuemin": "0" }, el("div", { class: "meter-fill" })),
  );
}

function update(node, bucket) {
  const [name, left, meter] = node.children;
  const refill = bucket.reset_after > 0 ? `, full in ${span(bucket.reset_after)}` : "";
  setText(name, `${bucket.rule ?? bucket.name} · ${bucket.place}`);
  setText(left, `${bucket.remaining} of ${bucket.limit}${refill}`);
  meter.setAttribute("aria-label", `${bucket.rule ?? bucket.name}, ${bucket.place}: requests left`);
  meter.setAttribute("aria-valuemax", bucket.limit);
  meter.setAttribute("aria-valuenow", bucket.remaining);
  meter.dataset.state = bucket.remaining === 0 ? "empty" : bucket.level < 0.999 ? "used" : "full";
  meter.style.setProperty("--level", bucket.level.toFixed(3));
  meter.style.setProperty("--pips", bucket.limit <= 30 ? bucket.limit : 1);
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
