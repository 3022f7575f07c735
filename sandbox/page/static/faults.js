// Switches for what may go wrong. A switch is on while the sandbox has its fault and that can still strike; what was
// switched on elsewhere is listed below, to be switched off.

import { KeyedList, el } from "./dom.js";

const PRESETS = [
  { name: "Unavailable", says: "503, nothing done", kind: "status", status: 503 },
  { name: "Bad gateway", says: "502 as a web page", kind: "html", status: 502 },
  { name: "Answer lost", says: "done, then cut off", kind: "lost_reply", then: "reset" },
  { name: "Connection reset", says: "nothing done, no answer", kind: "reset" },
  { name: "Hangs", says: "silent for 60 s", kind: "hang", seconds: 60 },
  { name: "Slow", says: "answers 2 s later", kind: "latency", seconds: 2 },
  { name: "429, this route", says: "try again in 3 s", kind: "rate_limited", scope: "user", retry_after_seconds: 3 },
  { name: "429, global", says: "try again in 3 s", kind: "rate_limited", scope: "global", retry_after_seconds: 3 },
  { name: "Address banned", says: "Cloudflare’s 429", kind: "cloudflare_429" },
  { name: "Token refused", says: "401 to the bot", kind: "unauthorized" },
];
const TIMES = { every: {}, next: { count: 1 }, third: { probability: 1 / 3 } };
const TARGETS = [
  ["any route", {}],
  ["new messages", { method: "POST", template: "/channels/{channel_id}/messages" }],
  ["edits", { method: "PATCH", template: "/channels/{channel_id}/messages/{message_id}" }],
  ["reactions", { method: "PUT", template: "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me" }],
  ["webhook messages", { method: "POST", template: "/webhooks/{webhook_id}/{webhook_token}" }],
  ["members", { path_prefix: "/guilds/" }],
];

export class Faults {
  constructor(store, ask) {
    this.store = store;
    this.ask = ask;
    this.times = document.getElementById("fault-times");
    this.target = document.getElementById("fault-target");
    TARGETS.forEach(([name], index) => this.target.append(el("option", { value: index }, name)));
    this.switches = PRESETS.map((preset) => this.#switch(preset));
    document.getElementById("faults").append(...this.switches.map(({ row }) => row));
    this.others = new KeyedList(document.getElementById("other-faults"), {
      key: (fault) => fault.id,
      inputs: (fault) => [fault],
      make: (fault) => this.#other(fault),
    });
  }

  render() {
    const faults = this.store.all("fault").filter((fault) => !fault.is_spent);
    for (const { preset, button, hits } of this.switches) {
      const own = faults.filter((fault) => isOf(preset, fault));
      button.setAttribute("aria-checked", String(own.length > 0));
      const aims = own.map(aimOf).join("; ");
      hits.textContent = own.length
        ? `${aims} · struck ${own.reduce((sum, fault) => sum + fault.hits, 0)}×`
        : preset.says;
    }
    this.others.show(faults.filter((fault) => !PRESETS.some((preset) => isOf(preset, fault))));
  }

  #switch(preset) {
    const hits = el("span", { class: "switch-aside" }, preset.says);
    const button = el(
      "button",
      { type: "button", role: "switch", class: "switch", "aria-checked": "false" },
      el("span", { class: "switch-text" }, el("span", { class: "switch-name" }, preset.name), hits),
    );
    button.addEventListener("click", () => this.#flip(preset, button.getAttribute("aria-checked") === "true"));
    return { preset, button, hits, row: el("li", {}, button) };
  }

  async #flip(preset, isOn) {
    const { name, says, ...fault } = preset;
    const own = this.store.all("fault").filter((each) => isOf(preset, each));
    for (const each of own) await this.ask("DELETE", `/faults/${each.id}`);
    if (!isOn)
      await this.ask("POST", "/faults", { ...fault, ...TIMES[this.times.value], ...TARGETS[this.target.value][1] });
  }

  #other(fault) {
    return el(
      "li",
      { class: "other-fault" },
      el("span", {}, `${fault.kind} · ${aimOf(fault)} · struck ${fault.hits}×`),
      el("button", { type: "button", on: { click: () => this.ask("DELETE", `/faults/${fault.id}`) } }, "Switch off"),
    );
  }
}

function isOf({ name, says, ...wanted }, fault) {
  return Object.entries(wanted).every(([field, value]) => fault[field] === value);
}

function aimOf(fault) {
  const target = TARGETS.find(([, aim]) =>
    ["method", "template", "path_prefix"].every((field) => (aim[field] ?? null) === fault[field]),
  );
  const where = target?.[0] ?? [fault.method, fault.template ?? fault.path_prefix].filter(Boolean).join(" ");
  const times = fault.count
    ? `next ${fault.count}`
    : fault.probability < 1
      ? `${Math.round(fault.probability * 100)} %`
      : "every request";
  return `${times}, ${where}`;
}
