// The frame around the lists: colours, the view on a narrow window, counts, commands to copy, what is read aloud.

import { el } from "./dom.js";

const THEME_KEY = "sandbox-theme";
const QUIET_MILLISECONDS = 2500;

/** Light, dark or as the system has it; kept in this browser. */
export function chooseTheme(select) {
  const apply = (theme) =>
    theme ? (document.documentElement.dataset.theme = theme) : delete document.documentElement.dataset.theme;
  select.value = localStorage.getItem(THEME_KEY) ?? "";
  apply(select.value);
  select.addEventListener("change", () => {
    localStorage.setItem(THEME_KEY, select.value);
    apply(select.value);
  });
}

/** On a narrow window one section is shown at a time. */
export function chooseView(nav) {
  nav.addEventListener("click", (event) => {
    const chosen = event.target.closest("button");
    if (chosen) showView(chosen.dataset.shows);
  });
}

function showView(name) {
  document.body.dataset.view = name;
  for (const button of document.querySelectorAll("#views button")) {
    if (button.dataset.shows === name) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

/** Shows the messages, and puts the focus there. */
export function goToMessages() {
  showView("messages");
  document.getElementById("messages-region").focus();
}

export const isOneAtATime = () => matchMedia("(max-width: 1100px)").matches;

const CONNECTION = { live: "live", lost: "lost, trying again …", paused: "paused" };

export function showConnection(state) {
  const node = document.getElementById("connection");
  if (node.dataset.state === state) return;
  node.dataset.state = state;
  document.getElementById("connection-text").textContent = CONNECTION[state];
}

export function showCounts(limits) {
  const refused = Object.values(limits.refused).reduce((sum, count) => sum + count, 0);
  const pairs = [
    ["requests", limits.requests],
    ["refused by limits", refused],
  ];
  document
    .getElementById("counts")
    .replaceChildren(...pairs.map(([name, count]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(count)))));
}

/** Says things to screen readers, together and not too often: a busy sandbox must not talk without end. */
export class Announcer {
  #waiting = new Map();
  #timer = null;

  constructor(node) {
    this.node = node;
  }

  /** Counts one more of a kind: "3 new messages". */
  note(kind, count) {
    if (!count) return;
    this.#waiting.set(kind, (this.#waiting.get(kind) ?? 0) + count);
    this.#timer ??= setTimeout(() => this.#speak(), QUIET_MILLISECONDS);
  }

  #speak() {
    this.#timer = null;
    this.node.textContent = [...this.#waiting].map(([kind, count]) => `${count} ${kind}`).join(", ");
    this.#waiting.clear();
  }
}

/** Commands that act on the channel in view. */
export function showHints(about, channelId) {
  if (!about) return;
  const token = about.token ?? "$DISCORD_BOT_TOKEN";
  document.getElementById("hint-module").textContent = [
    `curl ${about.module_url}/api/v1/message \\`,
    "  -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\",
    `  -d '{"channel_id": "${channelId}", "content": "Hello from the door"}'`,
  ].join("\n");
  document.getElementById("hint-direct").textContent = [
    `curl ${location.origin}${new URL(about.base_url).pathname}/channels/${channelId}/messages \\`,
    `  -H "Authorization: Bot ${token}" -H 'User-Agent: DiscordBot (https://example.org, 1)' \\`,
    "  -H 'Content-Type: application/json' -d '{\"content\": \"Hello, garden\"}'",
  ].join("\n");
}

/** Buttons that copy the text of another element. */
export function letCopy() {
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
  }
}
