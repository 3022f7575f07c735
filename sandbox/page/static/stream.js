// The live connection. The browser reconnects by itself, and whoever comes back gets everything anew. A hidden tab
// lets go: a browser opens only a few connections to one server, and nobody is looking.

export class Stream {
  #source = null;
  #channelId = null;

  /** `onEvent(event, isEverything)` for what arrives, `onState("live" | "lost" | "paused")` for the connection. */
  constructor(onEvent, onState) {
    this.onEvent = onEvent;
    this.onState = onState;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#pause() : this.#open()));
    window.addEventListener("pagehide", () => this.#close());
    window.addEventListener("pageshow", (event) => event.persisted && this.#open());
  }

  follow(channelId) {
    this.#channelId = channelId;
    this.#open();
  }

  #open() {
    this.#close();
    const source = new EventSource(`/_sandbox/stream?channel=${encodeURIComponent(this.#channelId)}`);
    source.addEventListener("everything", (message) => this.#take(message, true));
    source.addEventListener("changes", (message) => this.#take(message, false));
    source.addEventListener("error", () => this.#lost(source));
    this.#source = source;
  }

  #take(message, isEverything) {
    this.onState("live");
    this.onEvent(JSON.parse(message.data), isEverything);
  }

  // After an answer that is no stream (too many pages, a proxy's error) the browser would not try again.
  #lost(source) {
    this.onState("lost");
    if (source.readyState === EventSource.CLOSED && source === this.#source) {
      setTimeout(() => source === this.#source && this.#open(), 3000);
    }
  }

  #pause() {
    this.#close();
    this.onState("paused");
  }

  #close() {
    this.#source?.close();
    this.#source = null;
  }
}
