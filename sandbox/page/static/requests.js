// The requests received, newest first, and what was wrong in them. The body of one is fetched when it is opened.

import { KeyedList, el, spoken } from "./dom.js";
import { secondsTime } from "./times.js";

export class Requests {
  constructor(store) {
    this.store = store;
    this.onlyWrong = document.getElementById("only-wrong");
    this.onlyWrong.addEventListener("change", () => this.render());
    this.list = new KeyedList(document.getElementById("requests"), {
      key: (record) => record.number,
      inputs: (record) => [record],
      make: requestRow,
    });
  }

  render() {
    const records = this.store.all("request").sort((one, other) => other.number - one.number);
    const shown = this.onlyWrong.checked ? records.filter(isWrong) : records;
    this.list.parent.dataset.empty = records.length ? "Nothing went wrong." : "Nothing was asked yet.";
    this.list.show(shown);
  }
}

/** Refused, without an answer, struck by a fault, or noted as careless. */
export const isWrong = (record) => record.status >= 400 || record.fault !== null || record.problems.length > 0;

// These let the answer come, only later: without one yet, the request is under way.
const SLOW = new Set(["latency", "drip"]);

function requestRow(record) {
  const details = el(
    "details",
    { class: "request-more" },
    el("summary", { "data-focus-key": `request-${record.number}` }, headline(record), wrongs(record)),
  );
  details.addEventListener("toggle", () => details.open && fill(details, record));
  return el("li", { class: isWrong(record) ? "request is-wrong" : "request", "data-request": record.number }, details);
}

function headline(record) {
  return el(
    "span",
    { class: "request-line" },
    statusMark(record),
    el("span", { class: "method" }, record.method),
    el("span", { class: "path", title: record.path }, record.path),
    el("time", { class: "request-time" }, secondsTime(new Date(record.received_at * 1000))),
  );
}

function statusMark(record) {
  if (record.status === null) {
    const isLost = record.fault !== null && !SLOW.has(record.fault);
    return el(
      "span",
      { class: isLost ? "status none" : "status" },
      isLost ? "lost" : "…",
      spoken(isLost ? ", no answer" : "under way"),
    );
  }
  const kind = record.status === 429 ? "limited" : record.status >= 400 ? "refused" : "fine";
  return el("span", { class: `status ${kind}` }, spoken("status "), String(record.status));
}

function wrongs(record) {
  const told = [];
  if (record.message) told.push(el("span", { class: "wrong" }, record.code ? `${record.code} ` : "", record.message));
  if (record.limited) {
    const again = record.retry_after ? `, again in ${record.retry_after.toFixed(2)} s` : "";
    told.push(
      el("span", { class: "note" }, `limit: ${record.limited_by ?? record.limited} (${record.limited})${again}`),
    );
  }
  if (record.fault)
    told.push(
      el("span", { class: "note" }, `fault: ${record.fault}${record.is_applied ? ", took effect" : ", no effect"}`),
    );
  for (const error of record.errors) told.push(el("span", { class: "wrong" }, error));
  for (const problem of record.problems) told.push(el("span", { class: "note" }, problem));
  return told.length > 0 && el("span", { class: "wrongs" }, told);
}

async function fill(details, record) {
  const more = el("div", { class: "request-body" }, el("p", {}, "…"));
  details.querySelector(".request-body")?.remove();
  details.append(more);
  try {
    const answer = await fetch(`/_sandbox/requests?after=${record.number - 1}&limit=1`);
    const [found] = (await answer.json()).requests;
    if (found?.number !== record.number) throw new Error("no longer kept");
    more.replaceChildren(el("dl", { class: "facts" }, facts(found)));
  } catch (error) {
    more.replaceChildren(el("p", {}, `Not to be had: ${error.message}`));
  }
}

function facts(found) {
  const tookSeconds = found.answered_monotonic - found.received_monotonic;
  const rows = [
    ["route", found.template ?? "none"],
    ["answered in", found.answered_monotonic === null ? "no answer" : `${(tookSeconds * 1000).toFixed(1)} ms`],
    ["took effect", found.applied ? "yes" : "no"],
    ["credential", found.authorization],
    ["query", Object.keys(found.query).length ? JSON.stringify(found.query) : null],
    ["audit reason", found.headers["x-audit-log-reason"]],
    ["user agent", found.headers["user-agent"]],
  ];
  const body = found.body === null ? null : JSON.stringify(found.body, null, 2);
  return [
    rows.filter(([, value]) => value).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
    body && [
      el("dt", {}, "body"),
      el("dd", {}, el("pre", { tabindex: "0", role: "region", "aria-label": "Body" }, body)),
    ],
  ];
}
