// Live figures of the overview: /events says every two seconds which element has which text now,
// and gives the curves another point. Without this script the page is the same, only not live.
"use strict";

const POINTS = 150; // five minutes

const curves = new Map();

/** The points of a curve as its <polyline> wants them, in a box of 100 to 30. */
function draw(name, value) {
  const line = document.getElementById("line-" + name);
  if (!line) return;
  const values = curves.get(name) || [];
  values.push(value);
  if (values.length > POINTS) values.shift();
  curves.set(name, values);
  const most = Math.max(1, ...values);
  const first = POINTS - values.length;
  line.setAttribute("points", values.map((one, i) =>
    `${((first + i) * 100 / (POINTS - 1)).toFixed(2)},${(29 - 28 * one / most).toFixed(2)}`).join(" "));
}

function show(event) {
  for (const [id, text] of Object.entries(event.figures)) {
    const element = document.getElementById(id);
    if (element && element.textContent !== text) element.textContent = text;
  }
  for (const [name, value] of Object.entries(event.curves)) draw(name, value);
}

function listen() {
  const state = document.getElementById("live-state");
  const source = new EventSource("/events");
  source.onmessage = (message) => {
    show(JSON.parse(message.data));
    document.documentElement.dataset.live = "yes";
    state.textContent = "Live: new figures every two seconds.";
  };
  source.onerror = () => {
    // The browser connects again by itself, unless it was refused.
    state.textContent = source.readyState === EventSource.CLOSED
      ? "Not live: too many pages are watching. Reload the page to try again."
      : "Not live: the gateway does not answer. Trying again …";
  };
}

if (document.getElementById("live-state")) listen();
