// The map below the lists of what a terminal serves: draws the places of both lists, and presses their buttons. And each press makes
// the page anew: the focus goes back to where it was, so that a second place is one key away and not a whole page.
"use strict";

const PRESSED = "roamdesk.serves";
const LISTS = ".rp-places, .rd-map";
const inside = (list) => [...list.querySelectorAll(".leaflet-marker-icon, [name=add], [name=remove]")].filter((each) => each.checkVisibility());

document.addEventListener("submit", (event) => {
  const at = document.activeElement;
  if (!at || !event.target.matches(".rp-serves")) return;
  const list = at.closest(LISTS);
  const where = [at.closest("section")?.getAttribute("aria-labelledby"), list ? inside(list).indexOf(at) : -1];
  sessionStorage.setItem(PRESSED, JSON.stringify(where));
});

const back = () => {
  const [title, place] = JSON.parse(sessionStorage.getItem(PRESSED) ?? "[]");
  sessionStorage.removeItem(PRESSED);
  const section = title && document.getElementById(title)?.closest("section");
  if (!section) return;
  const list = section.querySelector(LISTS);
  const places = list && place >= 0 ? inside(list) : [];
  (places[Math.min(place, places.length - 1)] ?? document.querySelector(".rp-serves [name=q]")).focus();
};
// by now the theme has shown the page; its own event was before this script
document.addEventListener("DOMContentLoaded", () => requestAnimationFrame(back));

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
