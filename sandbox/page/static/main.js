// Joins the stream to the lists. A burst of events is drawn once, in the next frame, and only the lists it concerns.

import { Buckets } from "./buckets.js";
import { Faults } from "./faults.js";
import { Messages } from "./messages.js";
import { People } from "./people.js";
import { Places } from "./places.js";
import { Requests, isWrong } from "./requests.js";
import {
  Announcer,
  chooseTheme,
  chooseView,
  letCopy,
  showConnection,
  showCounts,
  showHints,
  goToMessages,
  isOneAtATime,
} from "./shell.js";
import { Store } from "./store.js";
import { Stream } from "./stream.js";

const DEFAULT_CHANNEL = "123";
const SECOND = 1000;

const store = new Store();
const announcer = new Announcer(document.getElementById("announcement"));
const places = new Places(store, new Map());
const people = new People(store);
const messages = new Messages(store);
const requests = new Requests(store);
const buckets = new Buckets(store, ask);
const faults = new Faults(store, ask);
const stream = new Stream(take, showConnection);

const touched = new Set();
let channelId = channelOfAddress();
let announcedRequest = null;

/** Tells the sandbox to change something; the change comes back through the stream. */
async function ask(method, path, body) {
  const sent =
    body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    const answer = await fetch(`/_sandbox${path}`, { method, ...sent });
    if (!answer.ok && answer.status !== 404) announcer.note("changes refused by the sandbox", 1);
  } catch {
    showConnection("lost");
  }
}

function take(event, isEverything) {
  if (!touched.size) requestAnimationFrame(draw);
  touched.add("event");
  for (const kind of store.apply(event, isEverything)) touched.add(kind);
}

function draw() {
  const kinds = new Set(touched);
  touched.clear();
  const isTouched = (...wanted) => wanted.some((kind) => kinds.has(kind));
  const guildId = store.get(`channel/${channelId}`)?.guild_id;
  if (isTouched("channel", "guild", "users", "view")) places.render(channelId);
  if (isTouched("guild", "users", "webhook", "channel", "view", "clock")) people.render(guildId);
  if (isTouched("message", "channel", "guild", "users", "view"))
    announcer.note("new messages", messages.render(channelId).length);
  if (isTouched("request")) drawRequests();
  if (isTouched("bucket", "limits", "about", "channel", "webhook")) buckets.render();
  if (isTouched("fault")) faults.render();
  if (isTouched("limits")) showCounts(store.get("limits"));
  if (isTouched("about", "view")) showHints(store.get("about"), channelId);
}

function drawRequests() {
  requests.render();
  const done = store.all("request").filter((record) => record.status !== null);
  const newest = Math.max(0, ...done.map((record) => record.number));
  if (announcedRequest !== null) {
    announcer.note(
      "requests with something wrong",
      done.filter((each) => each.number > announcedRequest && isWrong(each)).length,
    );
  }
  announcedRequest = newest;
}

function channelOfAddress() {
  return /^#channel=(\d{1,20})$/.exec(location.hash)?.[1] ?? DEFAULT_CHANNEL;
}

window.addEventListener("hashchange", () => {
  channelId = channelOfAddress();
  // On a narrow window the link that had the focus is about to disappear.
  if (isOneAtATime()) goToMessages();
  stream.follow(channelId);
  if (!touched.size) requestAnimationFrame(draw);
  touched.add("view");
});
document.getElementById("reset").addEventListener("click", () => {
  if (confirm("Back to the garden as it was: messages, members, limits, faults and records?")) ask("POST", "/reset");
});
chooseTheme(document.getElementById("theme"));
chooseView(document.getElementById("views"));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address says which channel is shown
  goToMessages();
});
letCopy();
setInterval(() => people.render(store.get(`channel/${channelId}`)?.guild_id), SECOND);
stream.follow(channelId);
