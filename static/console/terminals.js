// The map below the lists of what a terminal serves: draws the places of both lists, and presses their buttons.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const element = document.getElementById("places-map");
  if (!element) return;
  if (typeof L === "undefined") {
    element.hidden = true;
    return;
  }
  const points = JSON.parse(document.getElementById("places").textContent);
  const here = JSON.parse(document.getElementById("terminal-at").textContent);
  const map = L.map(element, { zoomSnap: 0.5, minZoom: 1, maxZoom: 19 });
  map.attributionControl.setPrefix(false);
  if (element.dataset.tiles) L.tileLayer(element.dataset.tiles, { maxZoom: 19 }).addTo(map);

  const near = here ? points.filter((point, index) => index < 12 || point.chosen || point.some) : points;
  map.fitBounds([...near.map((point) => point.at), ...(here ? [here] : [])], { maxZoom: 16, padding: [30, 30] });

  const press = (name, value) => {
    const button = document.querySelector(`button[name="${name}"][value="${CSS.escape(value)}"]`);
    if (button) button.click();
  };
  const place = (at, tone, shape, text, act) => {
    const marker = L.marker(at, {
      title: text,
      alt: text,
      keyboard: Boolean(act),
      interactive: Boolean(act),
      icon: L.divIcon({ className: `rd-pin ${tone}`, html: shape, iconSize: [24, 24] }),
    }).addTo(map);
    if (act) {
      marker.on("click", act);
      marker.on("keypress", (event) => event.originalEvent.key === "Enter" && act());
    }
    const drawn = marker.getElement();
    if (drawn) drawn.setAttribute("aria-label", text);
  };

  for (const point of points) {
    const [tone, shape, does] = point.chosen ? ["rd-good", "●", "take away"] : point.some ? ["rd-busy", "◆", "add whole"] : ["rd-off", "■", "add whole"];
    place(point.at, tone, shape, `${point.name}, ${point.city}: ${does}`, () => press(point.chosen ? "remove" : "add", `L:${point.id}`));
  }
  if (here) place(here, "rd-warn", "★", "The terminal", null);
});
