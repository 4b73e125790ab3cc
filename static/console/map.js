// The map of locations: asks for the window it shows, draws clusters or locations, keeps the list beside it in step.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const element = document.getElementById("map");
  const list = document.getElementById("map-list");
  const count = document.getElementById("map-count");
  if (!element) return;
  const [south, west, north, east] = element.dataset.extent.split(",").map(Number);

  const describe = (point) =>
    point.evses ? `${point.free} of ${point.evses} available${point.down ? `, ${point.down} down` : ""}` : "no EVSE";

  const fill = (data) => {
    count.textContent =
      data.total > data.list.length ? `${data.total} locations, the first ${data.list.length} listed` : `${data.total} locations`;
    list.replaceChildren(
      ...data.list.map((point) => {
        const line = document.createElement("li");
        const link = document.createElement("a");
        link.href = point.url;
        link.textContent = point.name;
        const facts = document.createElement("span");
        facts.className = "rd-quiet";
        facts.textContent = ` ${point.city}: ${describe(point)}`;
        line.append(link, facts);
        return line;
      }),
    );
  };

  const ask = async (bbox, zoom) => {
    const query = new URLSearchParams({ bbox: bbox.join(","), zoom, owner: element.dataset.owner });
    const answer = await fetch(`${element.dataset.url}?${query}`);
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  };

  if (typeof L === "undefined") {
    element.hidden = true;
    ask([west, south, east, north], 0).then(fill);
    return;
  }

  const map = L.map(element, { zoomSnap: 0.5, worldCopyJump: false, minZoom: 1, maxZoom: 19 });
  map.attributionControl.setPrefix(false);
  if (element.dataset.tiles) L.tileLayer(element.dataset.tiles, { maxZoom: 19 }).addTo(map);
  const graticule = L.layerGroup().addTo(map);
  const markers = L.layerGroup().addTo(map);

  // Lines of latitude and longitude with their degrees: where tiles are missing, they tell where one is.
  const drawGraticule = () => {
    graticule.clearLayers();
    const bounds = map.getBounds();
    const step = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005].find((s) => (bounds.getEast() - bounds.getWest()) / s > 4) || 0.005;
    const style = { color: "currentColor", weight: 1, opacity: 0.25, interactive: false, className: "rd-graticule" };
    const label = (at, text) =>
      graticule.addLayer(L.marker(at, { interactive: false, keyboard: false, icon: L.divIcon({ className: "rd-degree", html: text, iconSize: null }) }));
    const digits = step < 1 ? Math.min(3, Math.ceil(-Math.log10(step))) : 0;
    for (let lat = Math.ceil(bounds.getSouth() / step) * step; lat < bounds.getNorth(); lat += step) {
      graticule.addLayer(L.polyline([[lat, bounds.getWest()], [lat, bounds.getEast()]], style));
      label([lat, bounds.getWest()], `${lat.toFixed(digits)}°`);
    }
    for (let lon = Math.ceil(bounds.getWest() / step) * step; lon < bounds.getEast(); lon += step) {
      graticule.addLayer(L.polyline([[bounds.getSouth(), lon], [bounds.getNorth(), lon]], style));
      label([bounds.getSouth(), lon], `${lon.toFixed(digits)}°`);
    }
  };

  const pin = (point) => {
    if (!point.evses) return ["rd-off", "■"];
    if (point.free) return ["rd-good", "●"];
    return point.down === point.evses ? ["rd-bad", "▲"] : ["rd-busy", "◆"];
  };

  const draw = (data) => {
    markers.clearLayers();
    for (const cluster of data.clusters) {
      const size = 26 + Math.min(26, Math.round(Math.log10(cluster.n) * 9));
      const marker = L.marker(cluster.at, {
        alt: `${cluster.n} locations, zoom in`,
        icon: L.divIcon({ className: "rd-cluster", html: String(cluster.n), iconSize: [size, size] }),
      });
      marker.go = () => map.setView(cluster.at, map.getZoom() + 2);
      markers.addLayer(marker);
    }
    for (const point of data.points) {
      const [tone, shape] = pin(point);
      const marker = L.marker(point.at, {
        title: `${point.name}: ${describe(point)}`,
        alt: `${point.name}: ${describe(point)}`,
        icon: L.divIcon({ className: `rd-pin ${tone}`, html: shape, iconSize: [24, 24] }),
      });
      marker.go = () => { location.href = point.url; };
      markers.addLayer(marker);
    }
    for (const marker of markers.getLayers()) {
      marker.on("click", marker.go);
      const drawn = marker.getElement();
      if (!drawn) continue;
      drawn.setAttribute("aria-label", marker.options.alt);
      drawn.addEventListener("keydown", (event) => { // a button to the eye and to screen readers, but not to the library
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        marker.go();
      });
    }
  };

  let turn = 0;
  const renew = async () => {
    const mine = ++turn;
    const b = map.getBounds();
    drawGraticule();
    try {
      const data = await ask([b.getWest(), b.getSouth(), b.getEast(), b.getNorth()].map((v) => v.toFixed(6)), Math.round(map.getZoom()));
      if (mine !== turn) return; // an older window's answer came late
      draw(data);
      fill(data);
    } catch {
      count.textContent = "The locations of this window could not be loaded. Move the map to try again.";
    }
  };
  map.on("moveend", renew);
  const pad = 0.02;
  map.fitBounds([[south - pad, west - pad], [north + pad, east + pad]]);
});
